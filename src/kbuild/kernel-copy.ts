/** The private copy of a kernel's source: made once, and brought up to date where the user's folder changed. */
import { copyFile, lstat, mkdir, readFile, rm, utimes } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import type { KernelSource } from '../kernel/kernel-source.js';
import { copyTree } from '../system/copy-tree.js';
import { runProgram } from '../system/run.js';
import { readingError, writingError } from '../system/system-error.js';
import { isKernelProduct, type ListingDifference } from './kernel-listing.js';
import { stopAtFullDisk } from './make-output.js';

/**
 * Puts the source into the folder `tree`, which is new. Throws `kernel-source-unusable` for an archive that does not unpack to
 * a kernel, `disk-full`, and what `copyTree` throws.
 */
export async function copyKernelSource(
  { kind, path: source }: KernelSource,
  tree: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (kind === 'folder') {
    await copyTree(source, tree, { skip: isKernelProduct });
    return;
  }
  await mkdir(tree, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw writingError(error, tree, 'work-folder-unwritable');
  });
  // GNU tar takes away what leads out of the folder; the top folder of the archive is not needed.
  const words = ['--extract', '--no-same-owner', '--strip-components=1', `--file=${source}`, directoryWord(tree)];
  const result = await runProgram({ program: 'tar', arguments: words, directory: tree, signal });
  if (result.exitStatus !== 0) {
    stopAtFullDisk(result.output, tree);
    const said = result.output.trim().split('\n').at(-1) ?? '';
    fail('kernel-source-unusable', { path: source, reason: `it does not unpack with tar (${said})` });
  }
  const isKernel = await readFile(path.join(tree, 'Kbuild')).then(
    () => true,
    () => false,
  );
  if (!isKernel) fail('kernel-source-unusable', { path: source, reason: 'no kernel is in it' });
}

/** Of the tar that unpacks into the folder `tree`, and of no other program. */
export const directoryWord = (tree: string) => `--directory=${tree}`;

/** Copies single files of the source again, and takes away those that went. Throws what reading and writing throws. */
export async function refreshFiles(source: string, tree: string, { changed, gone }: ListingDifference): Promise<void> {
  for (const file of gone) await rm(path.join(tree, file), { force: true });
  for (const file of changed.keys()) {
    const [from, to] = [path.join(source, file), path.join(tree, file)];
    const facts = await lstat(from);
    await mkdir(path.dirname(to), { recursive: true, mode: 0o700 });
    if (await isBuilt(from)) continue;
    await rm(to, { force: true });
    await copyFile(from, to).catch((error: unknown) => {
      throw readingError(error, from);
    });
    await utimes(to, facts.atime, facts.mtime);
  }
}

/**
 * Whether kbuild has made the file: for `bounds.s` it leaves the command in `.bounds.s.cmd` (scripts/Kbuild.include). It would
 * take the user's for its own in the copy, with the values of another configuration.
 */
function isBuilt(file: string): Promise<boolean> {
  return readFile(path.join(path.dirname(file), `.${path.basename(file)}.cmd`)).then(
    () => true,
    () => false,
  );
}
