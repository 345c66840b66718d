/**
 * One step of a failed build once more, from a bundle. What the step computes is computed by the same functions as in a
 * build; where that is not possible, what programs printed is judged again, or what was found is worded again.
 */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { wordAgain } from '../../diagnostics/catalogue.js';
import { type Diagnostic, KptoolError } from '../../diagnostics/diagnostic.js';
import { type JudgedMake, judge } from '../../kbuild/make-output.js';
import { compileAgain } from '../../kbuild/preprocess.js';
import { runProgram } from '../../system/run.js';
import type { BuildStep } from '../build-steps.js';
import { compareStep } from '../compare-step.js';
import { finishLivepatch } from '../finish-livepatch.js';
import { stopAtErrors } from '../patches.js';
import { readFacts } from './facts.js';
import { type Bundle, writeBundleInto } from './read-bundle.js';
import { comparisonOf, finishOf } from './step-inputs.js';
import { diagnosticsOf } from './write-bundle.js';

/** How a step was done again. */
export type ReplayWay =
  /** By the same code from the same input. */
  | 'computed'
  /** By the compiler, from preprocessed sources. */
  | 'compiled'
  /** Make was not run; what it printed was judged again. */
  | 'judged'
  /** Nothing was run; what the machine answered was worded again. */
  | 'worded';

export interface Replay {
  readonly way: ReplayWay;
  /** What it ended with; none where it came to a good end. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Does `step` again; `folder` is private and empty. `undefined` where the bundle has nothing of the step.
 * @throws KptoolError for a bundle whose parts cannot be read, and for programs that are missing
 */
export async function replay(bundle: Bundle, step: BuildStep, folder: string): Promise<Replay | undefined> {
  const { manifest } = bundle;
  const isFailed = step === manifest.step;
  if (step === 'diff' && (manifest.isComputed || !isFailed)) return replayComparison(bundle, folder);
  if (step === 'finish' && (manifest.isComputed || !isFailed)) return replayFinish(bundle);
  if (step === 'original' || step === 'patched') {
    const compiled = await replayCompile(bundle, step, folder);
    if (compiled !== undefined) return compiled;
  }
  if (!isFailed) return undefined;
  return replayJudgement(bundle) ?? replayWording(bundle);
}

async function replayComparison({ manifest, read, files }: Bundle, folder: string): Promise<Replay | undefined> {
  const input = comparisonOf(manifest, read, (name) => {
    // What is not in the bundle is no path either.
    read(name);
    return path.join(folder, name);
  });
  if (input === undefined) return undefined;
  await writeBundleInto(folder, files);
  return computed(async () => stopAtErrors((await compareStep(input)).findings));
}

async function replayFinish({ manifest, read }: Bundle): Promise<Replay | undefined> {
  const input = finishOf(manifest, read);
  return input === undefined ? undefined : computed(async () => void finishLivepatch(input));
}

async function computed(work: () => Promise<void>): Promise<Replay> {
  try {
    await work();
    return { way: 'computed', diagnostics: [] };
  } catch (error) {
    return { way: 'computed', diagnostics: diagnosticsOf(error) };
  }
}

/** gcc finds its own parts by PATH, also where nobody has set one. */
const environment = { PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin' };

/** Compiles every preprocessed source of the side, and judges what the compiler prints as if make had. */
async function replayCompile(
  { manifest, read, files }: Bundle,
  side: 'original' | 'patched',
  folder: string,
): Promise<Replay | undefined> {
  const sources = manifest.commands.filter((command) => command.side === side && command.preprocessed !== undefined);
  if (sources.length === 0) return undefined;
  await layOutSources(files, side, folder);
  const output: string[] = [];
  for (const [index, { preprocessed = '', arguments: words }] of sources.entries()) {
    const command = compileAgain(manifest.compiler, words, '-', path.join(folder, `${index}.o`));
    if (command === undefined) return undefined;
    const input = read(preprocessed);
    const result = await runProgram({ ...command, environment, directory: folder, input, timeout: 600_000 });
    if (result.exitStatus !== 0) output.push(result.output);
    await rm(path.join(folder, `${index}.o`), { force: true });
  }
  if (output.length === 0) return { way: 'compiled', diagnostics: [] };
  const judged = manifest.judged?.kind === 'side' ? manifest.judged.failed : undefined;
  const invocation = { program: 'make', arguments: [], directory: '<work>' };
  const failed = judged ?? { side, tree: '<work>/tree', log: '', rules: [], invocation };
  return { way: 'compiled', diagnostics: judgement({ kind: 'side', output: output.join(''), failed }) };
}

/**
 * Puts the sources that the patches touch where the preprocessed ones say that their lines come from: gcc looks there to tell a
 * column, for which a tab counts as many as it is wide (since gcc 11). A kernel names its own without their folder.
 */
async function layOutSources(files: Bundle['files'], side: string, folder: string): Promise<void> {
  const prefix = `sources/${side}/`;
  const sources = [...files].filter(([name]) => name.startsWith(prefix));
  const placed = sources.flatMap(([name, bytes]) => {
    const file = name.slice(prefix.length);
    return [[`<work>/tree/${file}`, bytes] as const, [file, bytes] as const];
  });
  await writeBundleInto(folder, new Map(placed));
}

function replayJudgement({ manifest, read }: Bundle): Replay | undefined {
  const { judged } = manifest;
  if (judged === undefined) return undefined;
  return { way: 'judged', diagnostics: judgement({ ...judged, output: read(judged.output).toString('utf8') }) };
}

function judgement(judged: JudgedMake): readonly Diagnostic[] {
  try {
    return judge(judged);
  } catch (error) {
    if (!(error instanceof KptoolError)) throw error;
    return error.diagnostics;
  }
}

/** Everything that was found must have been kept; of a part of it nothing could be said. */
function replayWording({ manifest }: Bundle): Replay | undefined {
  const worded = manifest.facts.map((facts) =>
    facts === null ? undefined : wordAgain({ ...facts, details: readFacts(facts.details) }),
  );
  const diagnostics = worded.filter((finding) => finding !== undefined);
  return diagnostics.length < worded.length || worded.length === 0 ? undefined : { way: 'worded', diagnostics };
}
