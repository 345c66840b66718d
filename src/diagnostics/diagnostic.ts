/**
 * What kptool says when something is wrong. Every message stands in the catalogue under a kebab-case code; this file
 * holds the shape that all of them have and the one error class that carries them to the command line.
 */

export type Severity = 'error' | 'warning';

/** One finding, worded for the person who has to act on it. */
export interface Diagnostic {
  /** Kebab-case name in the catalogue; stable, so scripts may test for it. */
  readonly code: string;
  readonly severity: Severity;
  /** 1: the input is refused. 2: usage, configuration or environment. */
  readonly exitStatus: 1 | 2;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
  /** Further lines: places, candidates, the last lines of a program's output. */
  readonly details: readonly string[];
  /** Path in the repository of the page that says more; the rules have one each. */
  readonly page?: string;
}

/** What an entry of the catalogue returns; the code is added by `diagnose`. */
export interface Wording {
  readonly severity?: Severity;
  readonly exitStatus?: 1 | 2;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
  readonly details?: readonly string[];
  readonly page?: string;
}

/** Carries one or more diagnostics to the command line, which is the only place that catches it. */
export class KptoolError extends Error {
  override readonly name = 'KptoolError';
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((diagnostic) => `${diagnostic.what} [${diagnostic.code}]`).join('\n'));
    this.diagnostics = diagnostics;
  }
}
