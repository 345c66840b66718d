/**
 * What a step leaves behind when it is done: a stamp with everything that went into it, and its result. With it a later
 * run can go on behind the step (`--from`), as long as nothing that went in has changed.
 */
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { fail } from '../diagnostics/catalogue.js';
import { writeOutputAtomically } from '../system/files.js';
import type { WorkFolder } from '../system/work-folder.js';
import { type BuildStep, buildSteps, folderName, isBefore, makeStepFolder } from './build-steps.js';

/** What went into a step, by name in words: `agent.c`, `the compiler`; values are short texts or hashes. */
export type StepInputs = Readonly<Record<string, string>>;

const stampSchema = z.strictObject({
  schema: z.literal('kptool-stamp/1'),
  step: z.enum(buildSteps),
  inputs: z.record(z.string(), z.string()),
  result: z.unknown(),
});

type Stamp = z.output<typeof stampSchema>;

const stampFile = 'stamp.json';

export interface Step<Result> {
  readonly step: BuildStep;
  /** Asked at the start of the step, and again before its result is taken by a later run. */
  readonly inputs: () => Promise<StepInputs>;
  /** The form of the result in the stamp. Without it the step is done again in any case, as those are that take no time. */
  readonly kept?: z.ZodType<Result>;
  readonly work: (folder: string) => Promise<Result>;
}

/** Runs the steps of one build, or takes the results of those that an earlier run has done. */
export class StepRunner {
  /** The step that runs, or ran last; `undefined` before the first one. */
  current: BuildStep | undefined;
  /** By step: the hash of its stamp, an input of those that follow. */
  readonly #stamps = new Map<BuildStep, string>();

  constructor(
    readonly work: WorkFolder,
    /** `--from`: the results of the steps before it are taken. */
    readonly from: BuildStep | undefined = undefined,
  ) {}

  /** Says that what is done now belongs to the step already. */
  enter(step: BuildStep): void {
    this.current = step;
  }

  /**
   * Does the step and stamps it, or takes its result.
   * @throws KptoolError with `resume-step-missing`, `resume-input-changed`, or what the step throws
   */
  async run<Result>({ step, inputs, kept, work }: Step<Result>): Promise<Result> {
    this.enter(step);
    const folder = await makeStepFolder(this.work, step);
    const file = path.join(folder, stampFile);
    const isTaken = this.from !== undefined && isBefore(step, this.from);
    if (isTaken) {
      const stamp = await this.#check(step, file, await inputs());
      if (kept !== undefined) return kept.parse(stamp.result);
      return work(folder);
    }
    await rm(file, { force: true });
    // Beside the work: of a large tree, the sum takes as long as a compiler.
    const asked = inputs();
    asked.catch(() => undefined);
    const result = await work(folder);
    const stamp: Stamp = {
      schema: 'kptool-stamp/1',
      step,
      inputs: await asked,
      result: kept === undefined ? null : result,
    };
    const text = JSON.stringify(stamp);
    await writeOutputAtomically(file, text);
    this.#stamps.set(step, hashOf(text));
    return result;
  }

  /** What a step has from those before it. */
  before(step: BuildStep): StepInputs {
    const earlier = [...this.#stamps].filter(([done]) => isBefore(done, step));
    return Object.fromEntries(earlier.map(([done, hash]) => [`the step ${done}`, hash]));
  }

  async #check(step: BuildStep, file: string, inputs: StepInputs): Promise<Stamp> {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    const stamp = text === undefined ? undefined : readStamp(text, step);
    const from = this.from ?? step;
    if (text === undefined || stamp === undefined) fail('resume-step-missing', { step, from, folder: this.work.path });
    const changed = changedInputs(stamp.inputs, inputs);
    if (changed.length > 0) fail('resume-input-changed', { step, from, changed });
    this.#stamps.set(step, hashOf(text));
    return stamp;
  }
}

/** What went into a step that has been done in the work folder; `undefined` where it has not. */
export async function stampedInputs(workFolder: string, step: BuildStep): Promise<StepInputs | undefined> {
  const folder = path.join(workFolder, folderName(step));
  const text = await readFile(path.join(folder, stampFile), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : readStamp(text, step)?.inputs;
}

/** SHA-256 in hexadecimal digits: an input that is too long to be kept itself. */
export function hashOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** The names of the inputs that are new, gone or different, sorted. */
function changedInputs(before: StepInputs, now: StepInputs): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names].filter((name) => before[name] !== now[name]).sort();
}

/** `undefined` for a stamp that is damaged, or that another version wrote in another form. */
function readStamp(text: string, step: BuildStep): Stamp | undefined {
  try {
    const parsed = stampSchema.safeParse(JSON.parse(text));
    return parsed.success && parsed.data.step === step ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
