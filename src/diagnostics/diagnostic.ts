/**
 * What kptool says when something is wrong. Every message stands in the catalogue under a kebab-case code; this file
 * holds the shape that all of them have and the one error class that carries them to the command line.
 */

export type Severity = 'error' | 'warning';

/** Where in the user's files a finding is, for editors and review tools. */
export interface Place {
  /** `tree`: `file` is a path in the source tree, `core/mad.c`. `patch`: it is the patch file as it was named. */
  readonly of: 'tree' | 'patch';
  readonly file: string;
  /** The first line of the file is 1; absent where the finding is about the whole file. */
  readonly line?: number;
}

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
  /** What to type where something is not installed, as far as it is known for this machine's distribution. */
  readonly install?: string | undefined;
  /** Path in the repository of the page that says more; the rules have one each. */
  readonly page?: string;
  readonly place?: Place;
}

/** What an entry of the catalogue returns; the code is added by `diagnose`. */
export interface Wording {
  readonly severity?: Severity;
  readonly exitStatus?: 1 | 2;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
  readonly details?: readonly string[];
  readonly install?: string | undefined;
  readonly page?: string;
  readonly place?: Place;
}

/**
 * The entries of a stage that is about files, with the place that their details name as `file` and `line`. Throws nothing.
 */
export function withPlaces<const Messages extends Readonly<Record<string, (details: never) => Wording>>>(
  of: Place['of'],
  messages: Messages,
): Messages {
  const entries = Object.entries(messages).map(([code, word]) => {
    return [code, (details: never): Wording => ({ ...placeIn(of, details), ...word(details) })];
  });
  return Object.fromEntries(entries) as Messages;
}

/** Nothing where the details name no file. */
export function placeIn(of: Place['of'], details: unknown): { readonly place?: Place } {
  const { file, line } = (details ?? {}) as { readonly file?: unknown; readonly line?: unknown };
  if (typeof file !== 'string') return {};
  return { place: typeof line === 'number' ? { of, file, line } : { of, file } };
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
