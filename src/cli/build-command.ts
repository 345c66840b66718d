/** `kptool build` and `kptool check`: runs the pipeline, shows how far it is, and words what came of it. */
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { BuildOptions, BuildOutcome } from '../pipeline/options.js';
import type { Progress } from '../pipeline/progress.js';
import { type Answer, answerFailure } from './answer.js';
import type { RunFacts } from './bug.js';
import type { Flags } from './command-line.js';
import { readConfig } from './config.js';
import { formatOf } from './format.js';
import { watchForInterrupt } from './interrupt.js';
import { documentOfOutcome, emptyDocument, jsonDiagnostic } from './json.js';
import { listProgress, plainProgress } from './progress.js';
import { renderOutcome } from './render.js';
import { buildOptions } from './settings.js';
import type { Terminal } from './terminal.js';

export type Build = (options: BuildOptions, progress: Progress) => Promise<BuildOutcome>;

export interface BuildRequest {
  readonly name: string;
  readonly files: readonly string[];
  readonly flags: Flags;
}

/** Runs the command to its end; every failure becomes an answer too. */
export async function runBuild(
  request: BuildRequest,
  build: Build,
  facts: RunFacts,
  terminal: Terminal,
): Promise<Answer> {
  const isForPeople = formatOf(facts.words) === 'text';
  const isDebug = request.flags.isSet('debug') ?? false;
  // In another format standard output belongs to the document. A list that redraws itself would tear the lines of --debug.
  const progress =
    !isForPeople || isDebug || !terminal.out.isTerminal
      ? plainProgress(isForPeople ? terminal.out : terminal.err, terminal.err)
      : await listProgress(terminal.out, terminal.err);
  const watch = watchForInterrupt(() =>
    progress.tell('Stopping: waiting for the programs that run. Press Ctrl-C again to end them at once.'),
  );
  let tree: string | null = null;
  const withTree = (answer: Answer) => ({ ...answer, document: answer.document && { ...answer.document, tree } });
  try {
    const { workingDirectory, environment } = terminal;
    const found = readConfig(workingDirectory, request.flags.one('config-file'));
    if (found !== undefined) progress.note(`settings from ${found.file}`);
    const options = buildOptions(
      { command: request.name, ...request, ...facts, workingDirectory, environment, signal: watch.signal },
      found,
    );
    tree = options.oot ?? options.kernelSource?.folder ?? null;
    const outcome = await build(options, progress);
    return withTree(answerOutcome(outcome, progress.warnings, request.name, facts, terminal));
  } catch (error) {
    const wasInterrupted = watch.signal.aborted;
    const explainsLookup = request.flags.isSet('explain-lookup') ?? false;
    const told = { warnings: progress.warnings, isDebug, explainsLookup };
    const failure = { ...facts, command: request.name, wasInterrupted, ...told };
    return withTree(answerFailure(error, failure, terminal));
  } finally {
    watch.stop();
  }
}

function answerOutcome(
  outcome: BuildOutcome,
  warnings: readonly Diagnostic[],
  command: string,
  facts: RunFacts,
  terminal: Terminal,
): Answer {
  const exitStatus = outcome.kind === 'unchanged' ? 3 : 0;
  const document = documentOfOutcome(emptyDocument(facts.version, command, outcome.kind, exitStatus), outcome);
  return {
    exitStatus,
    text: renderOutcome(outcome, terminal.out),
    messages: '',
    document: { ...document, diagnostics: allWarnings(warnings, outcome.report.warnings).map(jsonDiagnostic) },
  };
}

/** Warnings told on the way and those of the report, each once. */
function allWarnings(told: readonly Diagnostic[], reported: readonly Diagnostic[]): readonly Diagnostic[] {
  const seen = new Set(told.map((diagnostic) => JSON.stringify(diagnostic)));
  return [...told, ...reported.filter((diagnostic) => !seen.has(JSON.stringify(diagnostic)))];
}
