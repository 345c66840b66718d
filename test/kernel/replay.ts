/**
 * Replays of bundles as on a machine that has nothing: an empty environment, another user, an empty folder, and neither
 * kernel headers nor sources to be found.
 */
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { type CliDocument, program } from './command-line.js';

const finding = z.looseObject({
  ...{ code: z.string(), severity: z.string(), what: z.string(), why: z.string(), fix: z.string() },
  details: z.array(z.string()),
});

const replaySchema = z.looseObject({
  outcome: z.string(),
  exitStatus: z.number(),
  reproduced: z.looseObject({
    step: z.string(),
    way: z.string(),
    original: z.array(finding),
    replayed: z.array(finding),
  }),
});

export type ReplayDocument = z.output<typeof replaySchema>;

/** `nobody`, in a shell that has hidden the folders of kernels, as far as this machine lets us do either. */
const elsewhere = `
  for folder in /lib/modules /usr/src /boot; do mount -t tmpfs none "$folder" 2>/dev/null; done
  if setpriv --reuid=65534 --regid=65534 --clear-groups test -r "$2" 2>/dev/null; then
    exec env -i setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
  fi
  exec env -i "$@"`;

/** Runs `kptool reproduce --json` on the bundle, with further words. Throws where there is no document. */
export async function replayElsewhere(bundle: string, ...words: string[]): Promise<ReplayDocument> {
  // Where the tests keep their files nobody else may look.
  const folder = await mkdtemp('/tmp/kptool-elsewhere-');
  try {
    const copy = path.join(folder, path.basename(bundle));
    await copyFile(bundle, copy);
    await chmod(folder, 0o777);
    await chmod(copy, 0o644);
    const command = [process.execPath, program, 'reproduce', '--json', copy, ...words];
    const inNamespace = await execa('unshare', ['--mount', 'true'], { reject: false });
    const shell = ['sh', '-c', elsewhere, 'sh', ...command];
    const [first = 'sh', ...rest] = inNamespace.exitCode === 0 ? ['unshare', '--mount', ...shell] : shell;
    const run = await execa(first, rest, { cwd: folder, reject: false, stdin: 'ignore' });
    const parsed = replaySchema.safeParse(parseJson(run.stdout));
    if (!parsed.success)
      throw new Error(`no replay of ${bundle} (status ${run.exitCode})\n${run.stdout}\n${run.stderr}`);
    return parsed.data;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The words of a failure: of the build, with the names that a bundle has for places, or of a replay. */
export function wordsOf(
  findings: readonly z.output<typeof finding>[],
  places: readonly (readonly [string, string])[] = [],
): string[] {
  const errors = findings.filter(({ severity }) => severity === 'error');
  const text = errors.flatMap(({ code, what, why, fix, details }) => [code, what, why, fix, ...details]);
  return text.map((line) => places.reduce((known, [place, label]) => known.replaceAll(place, label), line));
}

/** Replays the bundle of a failed build, and says how the failure read then and now. */
export async function replayOf(document: CliDocument, places: readonly (readonly [string, string])[] = []) {
  const known = document.workFolder === null ? places : [[document.workFolder, '<work>'] as const, ...places];
  const then = wordsOf(document.diagnostics, known);
  const { outcome, exitStatus, reproduced } = await replayElsewhere(document.bundle ?? 'no bundle');
  return { then, now: wordsOf(reproduced.replayed), outcome, exitStatus, step: reproduced.step, way: reproduced.way };
}
