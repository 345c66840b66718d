/**
 * What make meant when it failed. kbuild's own words are for kernel developers and end in "Error 2"; here the cause is
 * found in them, and told with paths of the user's tree.
 */
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { KptoolError } from '../diagnostics/diagnostic.js';

/** Which side of the patch was built. */
export type Side = 'original' | 'patched';

export interface FailedMake {
  readonly side: Side;
  /** The copy that was built. */
  readonly tree: string;
  /** Absolute path of the whole output. */
  readonly log: string;
  /** What the tree links, for the message about a source that it does not. */
  readonly rules: readonly string[];
  readonly invocation: { readonly program: string; readonly arguments: readonly string[]; readonly directory: string };
}

/** Compiler's messages that a diagnostic shows; the log has the rest. */
const shownErrors = 10;
const shownLines = 15;

const compilerError = /^(?<place>[^\s:][^:]*:\d+(?::\d+)?): (?:fatal )?error: /;
const modpostError = /^ERROR: (?:modpost: )?(?<finding>.+)$/;
/** kbuild's fixdep says it without the error's name (scripts/basic/fixdep.c). */
const diskFull = /: (?:No space left on device|Disk quota exceeded)$|^fixdep: not all data was written/m;
const noRule = /No rule to make target ['`](?<target>[^']+\.o)'/;

/** Throws `disk-full` where a program that was to write at `path` said so. */
export function stopAtFullDisk(output: string, path: string): void {
  if (diskFull.test(output)) fail('disk-full', { path, reason: 'the disk is full' });
}

/** A failed call of make, with what it printed: whoever has that can judge it again. */
export class MakeRefusal extends KptoolError {
  constructor(
    { diagnostics }: KptoolError,
    /** Which judgement it was: of a side (`judgeMake`), or of the link of the livepatch (`judgeLink`). */
    readonly judged: JudgedMake,
  ) {
    super(diagnostics);
  }
}

export type JudgedMake =
  | { readonly kind: 'side'; readonly output: string; readonly failed: FailedMake }
  | { readonly kind: 'link'; readonly output: string; readonly log: string };

/** Ends with the diagnostic for what make printed: those of `judgeMake` and `judgeLink`. */
export function judge(judged: JudgedMake): never {
  try {
    return judged.kind === 'side' ? judgeMake(judged.output, judged.failed) : judgeLink(judged.output, judged.log);
  } catch (error) {
    throw error instanceof KptoolError ? new MakeRefusal(error, judged) : error;
  }
}

/** Ends with `livepatch-undefined-symbols` with the names, or `livepatch-link-failed` for anything else. */
function judgeLink(output: string, log: string): never {
  const symbols = undefinedNames(output);
  if (symbols.length > 0) fail('livepatch-undefined-symbols', { symbols, log });
  const lines = output.split('\n').filter((line) => line !== '');
  return fail('livepatch-link-failed', { lastLines: lines.slice(-shownLines), log });
}

/** modpost says `ERROR: modpost: "name" [FOLDER/x.ko] undefined!` for each. */
function undefinedNames(output: string): string[] {
  const names = modpostErrors(output).map((finding) => /^"?([^"\s]+)"? \[.*\] undefined!/.exec(finding)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

/**
 * Ends with the diagnostic for a make that failed: `compile-failed`, `modpost-failed`, `source-not-built`, `disk-full`,
 * or `make-failed` with the last lines where the cause is none that is known.
 */
export function judgeMake(output: string, failed: FailedMake): never {
  const { side, tree, log } = failed;
  stopAtFullDisk(output, tree);
  const lines = output.split('\n').map((line) => withinTree(line, tree));
  const errors = lines.filter((line) => compilerError.test(line));
  if (errors.length > 0) fail('compile-failed', { side, errors: [...new Set(errors)].slice(0, shownErrors), log });
  const target = lines.map((line) => noRule.exec(line)?.groups?.target).find((found) => found !== undefined);
  if (target !== undefined)
    fail('source-not-built', { source: target.replace(/\.o$/, '.c'), modules: [], rules: failed.rules, log });
  const findings = modpostErrors(output).map((line) => withinTree(line, tree));
  if (findings.length > 0) fail('modpost-failed', { side, findings: findings.slice(0, shownErrors), log });
  const { program, directory } = failed.invocation;
  const lastLines = lines.filter((line) => line !== '').slice(-shownLines);
  return fail('make-failed', { side, program: path.basename(program), directory, lastLines, log });
}

/** What modpost refused, `"agent_value" [ib_mad.ko] undefined!`; once each. */
export function modpostErrors(output: string): string[] {
  const findings = output.split('\n').map((line) => modpostError.exec(line)?.groups?.finding);
  return [...new Set(findings.filter((finding) => finding !== undefined))];
}

/** `COPY/core/agent.c:3:1: error: …` becomes `core/agent.c:3:1: error: …` */
function withinTree(line: string, tree: string): string {
  return line.replaceAll(`${tree}/`, '');
}
