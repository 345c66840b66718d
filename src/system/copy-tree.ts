/**
 * The private copy of the user's module tree, in which everything happens that must not happen to the original.
 *
 * Sources come along with their times and modes. Products of earlier builds stay behind, so that the copy is built
 * afresh. No link of the copy leads out of it: a build or a patch that writes through one would change the user's files.
 */

import type { Stats } from 'node:fs';
import {
  chmod,
  constants,
  copyFile,
  lstat,
  lutimes,
  mkdir,
  open,
  readdir,
  readlink,
  realpath,
  stat,
  symlink,
  utimes,
} from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { errorCode, readingError, writingError } from './system-error.js';

export interface CopyOptions {
  /** Says of a path, relative to the tree, that it stays behind; a folder with all that is in it. */
  readonly skip?: (path: string) => boolean;
}

/** How much may come along through links that lead out of the tree; a link to `/usr/src/linux` is beyond it. */
const linkedBytesLimit = 512 * 1024 * 1024;
const linkedFilesLimit = 20_000;

/** Entries of one folder that are copied at the same time. */
const atATime = 32;

const versionControl = new Set(['.git', '.hg', '.svn', '.bzr', 'CVS', '_darcs', '.jj', '.pijul']);

/** Files that kbuild makes under names that nobody gives to sources. */
const kbuildProducts: readonly RegExp[] = [
  // .mad.o.cmd: the command that made mad.o
  /^\..+\.cmd$/,
  /^\.tmp_versions$/,
  // ib_mad.ko, ib_mad.mod, ib_mad.mod.c, ib_mad.mod.o
  /\.ko$/,
  /\.mod$/,
  /\.mod\.[co]$/,
  /^modules\.order$/,
  /^Module\.symvers$/,
];

/** A folder that is being copied: links to what is in it lead to the copy. */
interface CopiedFolder {
  /** Without symbolic links. */
  readonly source: string;
  readonly destination: string;
}

interface Copy {
  readonly skip: (path: string) => boolean;
  /** The tree, and the folders outside it that are being copied because a link leads to them; innermost last. */
  readonly folders: readonly CopiedFolder[];
  /** The link that left the tree, where one did. */
  readonly link?: { readonly path: string; readonly target: string };
  readonly linked: { bytes: number; files: number };
  readonly files: string[];
}

/**
 * Copies the tree at `source` to `destination`, a folder that is new or empty; never writes to `source`. Returns the
 * copied files and links, relative to the tree, sorted.
 *
 * - Modes stay, but everything becomes writable for its owner; times of last change stay.
 * - Version control's folders and kbuild's products stay behind; a `.o` only where `.NAME.o.cmd` beside it shows that
 *   kbuild made it, since vendors ship objects as source.
 * - Links within the tree stay links, absolute ones become relative. What links lead to outside is copied in their
 *   place. Dangling links stay where they lead into the tree (a file yet to be generated), others are left out.
 * - Sockets, pipes and devices are left out, as are names that are not UTF-8 and files that vanish meanwhile.
 *
 * Throws `input-missing`, `input-unreadable`, `input-tree-overlaps`, `input-link-too-large`, `work-folder-unwritable`,
 * `disk-full`.
 */
export async function copyTree(source: string, destination: string, options: CopyOptions = {}): Promise<string[]> {
  const root = await realpath(source).catch((error: unknown) => {
    throw readingError(error, source);
  });
  if (!(await stat(root)).isDirectory()) fail('input-unreadable', { path: source, reason: 'it is not a folder' });
  await written(destination, () => mkdir(destination, { recursive: true, mode: 0o700 }));
  const target = await realpath(destination);
  if (isWithin(root, target)) fail('input-tree-overlaps', { source, destination });
  const skip = options.skip ?? (() => false);
  const folders = [{ source: root, destination: target }];
  const copy: Copy = { skip, folders, linked: { bytes: 0, files: 0 }, files: [] };
  await copyFolder(copy, root, target, '');
  return copy.files.sort();
}

async function copyFolder(copy: Copy, source: string, destination: string, path: string): Promise<void> {
  const facts = await read(source, () => stat(source));
  const names = (await read(source, () => readdir(source))).sort();
  const present = new Set(names);
  await written(destination, () => mkdir(destination, { recursive: true, mode: 0o700 }));
  const copied = names.filter((name) => !staysBehind(name, present) && !copy.skip(join(path, name)));
  for (let first = 0; first < copied.length; first += atATime) {
    const some = copied.slice(first, first + atATime);
    const jobs = some.map((name) => copyEntry(copy, join(source, name), join(destination, name), join(path, name)));
    // All have ended before a failure is told, so that nobody still writes while the caller tidies up.
    const failed = (await Promise.allSettled(jobs)).find((job) => job.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
  // Last, since every new entry changes the folder's time.
  await written(destination, () => chmod(destination, (facts.mode & 0o777) | 0o700));
  await written(destination, () => utimes(destination, facts.atime, facts.mtime));
}

/** Whether the file or folder of this name is no source; `present` are the names beside it. */
export function staysBehind(name: string, present: ReadonlySet<string>): boolean {
  if (versionControl.has(name) || kbuildProducts.some((pattern) => pattern.test(name))) return true;
  // U+FFFD stands for bytes that are not UTF-8; the file could not be opened under this name.
  if (name.includes('\uFFFD')) return true;
  return name.endsWith('.o') && present.has(`.${name}.cmd`);
}

async function copyEntry(copy: Copy, source: string, destination: string, path: string): Promise<void> {
  const facts = await lstatIfThere(source);
  if (facts === undefined) return;
  if (facts.isSymbolicLink()) await copyLink(copy, source, destination, path, facts);
  else if (facts.isDirectory()) await copyFolderUnlessOwn(copy, source, destination, path);
  else if (facts.isFile()) await copyOneFile(copy, source, destination, path, facts);
}

/** The copy itself may lie in the tree, where the cache folder does; it is no part of it. */
async function copyFolderUnlessOwn(copy: Copy, source: string, destination: string, path: string): Promise<void> {
  if (source === copy.folders[0]?.destination) return;
  await copyFolder(copy, source, destination, path);
}

async function copyOneFile(copy: Copy, source: string, destination: string, path: string, facts: Stats): Promise<void> {
  countLinked(copy, facts.size);
  try {
    await copyFile(source, destination, constants.COPYFILE_FICLONE);
  } catch (error) {
    if ((await lstatIfThere(source)) === undefined) return;
    // The errno does not tell which of the two files it is about; opening the source again does.
    await read(source, async () => (await open(source)).close());
    throw writingError(error, destination, 'work-folder-unwritable');
  }
  await written(destination, () => chmod(destination, (facts.mode & 0o777) | 0o600));
  await written(destination, () => utimes(destination, facts.atime, facts.mtime));
  copy.files.push(path);
}

async function copyLink(copy: Copy, source: string, destination: string, path: string, facts: Stats): Promise<void> {
  const text = await read(source, () => readlink(source));
  const place = resolve(dirname(source), text);
  const target = await realpath(source).catch(() => undefined);
  if (target === undefined) {
    // Dangling, or a circle. A link to outside could lead to a real file once it lies elsewhere.
    const inCopy = placeInCopy(copy, place);
    if (inCopy !== undefined) await makeLink(copy, inCopy, destination, path, facts);
    return;
  }
  const inCopy = placeInCopy(copy, target);
  if (inCopy === undefined) return copyWhatLinkLeadsTo(copy, target, destination, path);
  // A link to a link stays one, unless ".." after a linked folder makes the text mean another place than it seems to.
  const isAsItSeems = (await realpath(place).catch(() => undefined)) === target;
  await makeLink(copy, (isAsItSeems ? placeInCopy(copy, place) : undefined) ?? inCopy, destination, path, facts);
}

async function makeLink(copy: Copy, target: string, destination: string, path: string, facts: Stats): Promise<void> {
  await written(destination, () => symlink(relative(dirname(destination), target) || '.', destination));
  await written(destination, () => lutimes(destination, facts.atime, facts.mtime));
  copy.files.push(path);
}

/** Where a path of the user's will lie in the copy; undefined for one that no copied folder contains. */
function placeInCopy(copy: Copy, path: string): string | undefined {
  const folder = copy.folders.findLast(({ source }) => isWithin(path, source));
  return folder === undefined ? undefined : join(folder.destination, relative(folder.source, path));
}

async function copyWhatLinkLeadsTo(copy: Copy, target: string, destination: string, path: string): Promise<void> {
  // Files of the kernel's own file systems have no end or no content that could be copied.
  if (isWithin(target, '/proc') || isWithin(target, '/sys')) return;
  const facts = await read(target, () => stat(target));
  const outside = { ...copy, link: copy.link ?? { path, target } };
  if (facts.isFile()) await copyOneFile(outside, target, destination, path, facts);
  if (!facts.isDirectory()) return;
  const folders = [...copy.folders, { source: target, destination }];
  await copyFolder({ ...outside, folders }, target, destination, path);
}

function countLinked(copy: Copy, bytes: number): void {
  if (copy.link === undefined) return;
  copy.linked.files += 1;
  copy.linked.bytes += bytes;
  if (copy.linked.files <= linkedFilesLimit && copy.linked.bytes <= linkedBytesLimit) return;
  const limit = `${linkedFilesLimit} files or ${linkedBytesLimit / 1024 / 1024} MiB`;
  fail('input-link-too-large', { link: copy.link.path, target: copy.link.target, limit });
}

/** Whether `path` is `folder` or lies in it; both absolute. */
export function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

async function lstatIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw readingError(error, path);
  }
}

async function read<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw readingError(error, path);
  }
}

async function written<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw writingError(error, path, 'work-folder-unwritable');
  }
}
