/**
 * The private copy of a kernel's source: made once, brought up to date where the user's folder changed, and held against
 * the list that was written when it was made, so that nothing but what kptool knows of is compiled.
 */
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, utimes } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import type { KernelSource } from '../kernel/kernel-source.js';
import { copyTree } from '../system/copy-tree.js';
import { writeOutputAtomically } from '../system/files.js';
import { runProgram } from '../system/run.js';
import { readingError, writingError } from '../system/system-error.js';

/** Files of a kernel tree with size in bytes and time of last change in milliseconds. */
export type Listing = ReadonlyMap<string, readonly [size: number, time: number]>;

/** Folders that are a build's, and no source. */
const productFolders = /^(?:include\/(?:config|generated)|arch\/[^/]+\/include\/generated|\.git|\.hg|\.svn)$/;
/** What kbuild, patching and kptool itself leave beside sources; a kernel has no source that is called so. */
const productFiles =
  /^kptool-failure-.*\.tar\.gz$|\.(?:patch|diff|orig|rej)$|\.(?:o|a|ko|mod|cmd|dwo|symvers)$|\.mod\.c$|^(?:\.config(?:\.old)?|vmlinux|System\.map|\.version)$|^\.tmp_/;

/** Whether a path of a kernel tree is a product, a patch, or belongs to version control, so that the copy does without it. */
export function isKernelProduct(file: string): boolean {
  return productFolders.test(file) || productFiles.test(path.posix.basename(file));
}

/**
 * All files below `tree` but products. Read in one go: asked one by one and waited for, 80,000 files take four times as long.
 * Throws `input-unreadable` and its like.
 */
export function listKernel(tree: string): Listing {
  return listFiles(tree, '', isKernelProduct);
}

/** The headers that a build makes, in a folder that may not be there. */
export function listGenerated(tree: string, folder: string): Listing {
  const isHeader = (file: string) => !productFiles.test(path.posix.basename(file));
  return existsSync(path.join(tree, folder)) ? listFiles(tree, folder, (file) => !isHeader(file)) : new Map();
}

function listFiles(tree: string, start: string, isLeftOut: (file: string) => boolean): Listing {
  const listing = new Map<string, readonly [number, number]>();
  const pending = [start];
  try {
    for (const folder of pending) {
      for (const entry of readdirSync(path.join(tree, folder), { withFileTypes: true })) {
        const file = folder === '' ? entry.name : `${folder}/${entry.name}`;
        if (isLeftOut(file)) continue;
        if (entry.isDirectory()) pending.push(file);
        if (!entry.isFile()) continue;
        const { size, mtimeMs } = lstatSync(path.join(tree, file));
        listing.set(file, [size, Math.floor(mtimeMs)]);
      }
    }
  } catch (error) {
    throw readingError(error, tree);
  }
  return listing;
}

export interface ListingDifference {
  /** New or changed in `now`. */
  readonly changed: readonly string[];
  /** No longer there. */
  readonly gone: readonly string[];
}

export function compareListings(before: Listing, now: Listing): ListingDifference {
  const isSame = (file: string, [size, time]: readonly [number, number]) => {
    const known = before.get(file);
    return known !== undefined && known[0] === size && known[1] === time;
  };
  return {
    changed: [...now].filter(([file, facts]) => !isSame(file, facts)).map(([file]) => file),
    gone: [...before.keys()].filter((file) => !now.has(file)),
  };
}

/** `undefined` where there is none that can be read. */
export async function readListing(file: string): Promise<Listing | undefined> {
  try {
    return new Map(JSON.parse(await readFile(file, 'utf8')) as [string, [number, number]][]);
  } catch {
    return undefined;
  }
}

export async function writeListing(file: string, listing: Listing): Promise<void> {
  await writeOutputAtomically(file, JSON.stringify([...listing]));
}

/**
 * Puts the source into the folder `tree`, which is new. Throws `kernel-source-unusable` for an archive that does not unpack to
 * a kernel, and what `copyTree` throws.
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
  const words = ['--extract', '--no-same-owner', '--strip-components=1', `--file=${source}`, `--directory=${tree}`];
  const result = await runProgram({ program: 'tar', arguments: words, directory: tree, signal });
  if (result.exitStatus !== 0) {
    const said = result.output.trim().split('\n').at(-1) ?? '';
    fail('kernel-source-unusable', { path: source, reason: `it does not unpack with tar (${said})` });
  }
  const isKernel = await readFile(path.join(tree, 'Kbuild')).then(
    () => true,
    () => false,
  );
  if (!isKernel) fail('kernel-source-unusable', { path: source, reason: 'no kernel is in it' });
}

/** Copies single files of the source again, and takes away those that went. Throws what reading and writing throws. */
export async function refreshFiles(source: string, tree: string, { changed, gone }: ListingDifference): Promise<void> {
  for (const file of gone) await rm(path.join(tree, file), { force: true });
  for (const file of changed) {
    const [from, to] = [path.join(source, file), path.join(tree, file)];
    const facts = lstatSync(from);
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
