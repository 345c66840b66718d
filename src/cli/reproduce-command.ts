/** `kptool reproduce`: does the failed step of a bundle again, and words what came of it. */
import { resolve } from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { type BuildStep, buildSteps } from '../pipeline/options.js';
import { type ReproduceOptions, type ReproduceReport, reproduce } from '../pipeline/reproduce.js';
import { type Answer, answerFailure } from './answer.js';
import type { RunFacts } from './bug.js';
import type { Flags } from './command-line.js';
import { documentOfReproduction, emptyDocument } from './json.js';
import { renderDiagnostic } from './render.js';
import { defaultCache } from './settings.js';
import type { Look, Terminal } from './terminal.js';
import { visible } from './wrap.js';

const exitStatuses = { reproduced: 0, 'other-failure': 1, 'no-failure': 3 } as const;

interface ReproduceRequest {
  readonly name: string;
  readonly files: readonly string[];
  readonly flags: Flags;
}

/** Runs the command to its end; every failure becomes an answer too. */
export async function runReproduce(request: ReproduceRequest, facts: RunFacts, terminal: Terminal): Promise<Answer> {
  try {
    const report = await reproduce(optionsOf(request, terminal));
    const exitStatus = exitStatuses[report.outcome];
    const base = emptyDocument(facts.version, request.name, report.outcome, exitStatus);
    return {
      exitStatus,
      text: renderReproduction(report, facts.version, terminal.out),
      messages: '',
      document: documentOfReproduction(base, report),
    };
  } catch (error) {
    const isDebug = request.flags.isSet('debug') ?? false;
    const failure = { ...facts, command: request.name, wasInterrupted: false, warnings: [], isDebug };
    return answerFailure(error, failure, terminal);
  }
}

function optionsOf({ name, files, flags }: ReproduceRequest, terminal: Terminal): ReproduceOptions {
  const here = (path: string) => resolve(terminal.workingDirectory, path);
  const [file] = files;
  const isLast = flags.isSet('last') ?? false;
  if (file === undefined && !isLast) fail('usage-missing-argument', { command: name, missing: 'a bundle, or --last,' });
  if (file !== undefined && isLast) fail('usage-extra-argument', { command: `${name} --last`, argument: file });
  const into = flags.one('into');
  const cache = flags.one('cache');
  return {
    bundle: file === undefined ? undefined : here(file),
    step: checkedStep(flags.one('step')),
    into: into === undefined ? undefined : here(into),
    workingDirectory: terminal.workingDirectory,
    cache: cache === undefined ? defaultCache(terminal.environment) : here(cache),
  };
}

function checkedStep(value: string | undefined): BuildStep | undefined {
  if (value === undefined) return undefined;
  const step = buildSteps.find((candidate) => candidate === value);
  return step ?? fail('usage-bad-value', { option: '--step', value, expected: `one of ${buildSteps.join(', ')}` });
}

const ways: Readonly<Record<ReproduceReport['way'], string>> = {
  computed: 'computed anew from the same objects',
  compiled: 'compiled anew from preprocessed sources',
  judged: 'make was not run; what it had printed was judged anew',
  worded: 'nothing was run; what the machine had answered was told anew',
};

function renderReproduction(report: ReproduceReport, version: string, look: Look): string {
  const { outcome, step, way, original, replayed, writtenBy } = report;
  const paint = outcome === 'reproduced' ? 'success' : outcome === 'no-failure' ? 'warning' : 'error';
  const verdicts = {
    reproduced:
      original.length === 0 ? 'the step comes to a good end, as it did' : 'the step fails as it did, word for word',
    'other-failure': original.length === 0 ? 'the step fails, which it did not' : 'the step fails, but otherwise',
    'no-failure': 'the step does not fail any more',
  };
  const told = (title: string, findings: readonly Diagnostic[]) => [
    look.paint('heading', title),
    ...(findings.length === 0 ? ['  no failure\n'] : findings.map((finding) => renderDiagnostic(finding, look))),
  ];
  const isSame = outcome === 'reproduced';
  return [
    `${look.paint(paint, outcome.replace('-', ' '))}: ${verdicts[outcome]}\n`,
    `  step ${step} of ${visible(report.name)} for kernel ${visible(report.kernel.release)}; ${ways[way]}\n`,
    ...(report.unpackedTo === undefined ? [] : [`  unpacked to ${visible(report.unpackedTo)}\n`]),
    '\n',
    ...told(`then, by kptool ${visible(writtenBy)}${isSame ? `, and now, by kptool ${version}` : ''}:\n`, original),
    ...(isSame ? [] : told(`now, by kptool ${version}:\n`, replayed)),
  ].join('');
}
