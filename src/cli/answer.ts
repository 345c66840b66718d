/**
 * What a run has to say at its end, in both forms: text for people and one document for scripts. Commands make it and
 * `run.ts` prints it, so that every way a run can end is printed in the same place, once.
 */
import { type Diagnostic, KptoolError } from '../diagnostics/diagnostic.js';
import { lookupsOf } from '../pipeline/refused-lookups.js';
import { describeBug, type RunFacts } from './bug.js';
import { emptyDocument, type JsonDocument, jsonDiagnostic, jsonLookups } from './json.js';
import { renderBundle, renderDiagnostic, renderLookups, renderWorkFolder } from './render.js';
import type { Terminal } from './terminal.js';

export interface Answer {
  readonly exitStatus: number;
  /** For standard output, in place of the document. */
  readonly text: string;
  /** For standard error. */
  readonly messages: string;
  /** `undefined` for `--help` and `--version`, which are text with `--json` too. */
  readonly document: JsonDocument | undefined;
}

/** What is known of the run when it fails. */
export interface FailureFacts extends RunFacts {
  readonly command: string | null;
  /** Whether the user asked to stop: whatever fails then, fails because of that. */
  readonly wasInterrupted: boolean;
  readonly warnings: readonly Diagnostic[];
  readonly isDebug: boolean;
  /** Whether the user asked what decided whose symbol each one is. */
  readonly explainsLookup?: boolean;
}

/** The answer of a run that ended with an exception. */
export function answerFailure(error: unknown, facts: FailureFacts, terminal: Terminal): Answer {
  const look = terminal.err;
  const workFolder = leftBehind(error, 'workFolder');
  const bundle = leftBehind(error, 'bundle');
  const base = (outcome: JsonDocument['outcome'], exitStatus: number) => ({
    ...emptyDocument(facts.version, facts.command, outcome, exitStatus),
    workFolder: workFolder ?? null,
    bundle: bundle ?? null,
  });
  if (error instanceof KptoolError) {
    const isInterrupted = facts.wasInterrupted || error.diagnostics.some(({ code }) => code === 'interrupted');
    const status = isInterrupted ? 130 : exitStatusOf(error.diagnostics);
    const messages = error.diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, look)).join('');
    return {
      exitStatus: status,
      text: facts.explainsLookup === true ? renderLookups(lookupsOf(error), terminal.out) : '',
      messages: messages + renderWorkFolder(workFolder, look) + renderBundle(bundle, look),
      document: {
        ...base(isInterrupted ? 'interrupted' : status === 1 ? 'refused' : 'failed', status),
        lookups: jsonLookups(lookupsOf(error)),
        diagnostics: [...facts.warnings, ...error.diagnostics].map(jsonDiagnostic),
      },
    };
  }
  const bug = describeBug(error, facts);
  const isLogged = bug.diagnostic.details.length > 0;
  return {
    exitStatus: 70,
    text: '',
    messages:
      renderDiagnostic(bug.diagnostic, look) + (facts.isDebug || !isLogged ? bug.log : '') + renderBundle(bundle, look),
    document: {
      ...base('failed', 70),
      diagnostics: [...facts.warnings.map(jsonDiagnostic), bug.diagnostic],
    },
  };
}

/** 2 where anything is wrong with usage, configuration or environment; 1 where the input is refused. */
function exitStatusOf(diagnostics: readonly Diagnostic[]): number {
  return Math.max(1, ...diagnostics.filter(({ severity }) => severity === 'error').map(({ exitStatus }) => exitStatus));
}

/** What the pipeline left behind, where it has told. */
function leftBehind(error: unknown, what: 'workFolder' | 'bundle'): string | undefined {
  if (!(error instanceof Error) || !(what in error)) return undefined;
  const value = (error as { [key in typeof what]?: unknown })[what];
  return typeof value === 'string' ? value : undefined;
}
