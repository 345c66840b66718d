/** Runs GNU patch on one file of the private copy and reads what it says about each hunk. */
import { runProgram } from '../system/run.js';

/** What patch says of one file. Hunks are numbered from 1. */
export interface PatchReport {
  /** 0: all hunks applied. 1: some did not. 2: trouble. */
  readonly exitStatus: number;
  readonly failed: readonly number[];
  /** Hunks that fitted elsewhere: at which line, and how many lines further down (negative: up). */
  readonly moved: readonly { readonly hunk: number; readonly at: number; readonly offset: number }[];
  readonly lines: readonly string[];
}

const options = [
  // Only what the parser has understood: no guessing of other formats in the text.
  '--unified',
  // No context line may differ: a hunk in the wrong function would become a livepatch of the wrong function.
  '--fuzz=0',
  // Ask nothing, and never turn a patch round by itself (which --batch would do).
  '--force',
  '--no-backup-if-mismatch',
  // No .rej file: the rejected hunks are known, and explained from the parsed patch.
  '--reject-file=-',
  // Leave carriage returns alone; those of the patch have been dealt with.
  '--binary',
  // Fetch nothing from a version control system, whatever PATCH_GET says.
  '--get=0',
];

/** Nothing in a patch takes long; in milliseconds. */
const timeLimit = 120_000;

/**
 * Applies `diff` (of one file) to `path` below `directory`; with `isReverseTrial` it only tries whether the reverse
 * would apply. Throws what `runProgram` throws.
 */
export async function runPatch(call: {
  readonly directory: string;
  readonly path: string;
  readonly diff: Uint8Array;
  readonly isReverseTrial?: boolean;
  readonly signal?: AbortSignal | undefined;
}): Promise<PatchReport> {
  const { exitStatus, output, stdout } = await runProgram({
    program: 'patch',
    arguments: [...options, ...(call.isReverseTrial ? ['--reverse', '--dry-run'] : []), '--', `./${call.path}`],
    directory: call.directory,
    input: call.diff,
    signal: call.signal,
    timeout: timeLimit,
  });
  const failed = [...stdout.matchAll(/^Hunk #(\d+) FAILED at /gm)].map(([, hunk]) => Number(hunk));
  const moved = [...stdout.matchAll(/^Hunk #(\d+) succeeded at (\d+) \(offset (-?\d+) lines?\)/gm)].map(
    ([, hunk, at, offset]) => ({ hunk: Number(hunk), at: Number(at), offset: Number(offset) }),
  );
  return { exitStatus, failed, moved, lines: output.trimEnd().split('\n') };
}
