/**
 * Paths of a patch against the tree: taking leading folders off, refusing what leaves the tree, finding what is there.
 * A patch is input from anywhere; whatever it says, the result is a path within the tree or a refusal.
 */
import type { Stats } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, posix, relative } from 'node:path';
import { isWithin } from '../system/copy-tree.js';
import { errorCode, readingError } from '../system/system-error.js';

/** What a path is in the tree. */
export type Place =
  /** An ordinary file; `path` is without symbolic links and relative to the tree. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'missing'; readonly path: string }
  /** There, but a folder or a device; or one of its folders is a file. */
  | { readonly kind: 'unusable'; readonly path: string }
  | { readonly kind: 'outside'; readonly reason: string };

/** How many files of a tree are looked at for similar names. */
const listedFiles = 50_000;
const skippedFolders = new Set(['.git', '.hg', '.svn']);

/**
 * Takes the first `count` folder names off a path of a patch, as `patch -p` counts them; empty parts and `.` go as well.
 * Undefined where nothing would be left.
 */
export function stripPath(path: string, count: number): string | undefined {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const left = parts.slice(count);
  return left.length === 0 ? undefined : posix.normalize(left.join('/'));
}

/** Why a path of a patch leaves the tree wherever that lies; undefined for one that stays. */
export function reasonOutside(path: string): string | undefined {
  if (path.startsWith('/')) return 'it is absolute';
  // With and without a/ in front: "b/../x" is beside the tree once b/ is taken off.
  const isOutside = [0, 1].some((count) => /^\.\.(\/|$)/.test(stripPath(path, count) ?? ''));
  return isOutside ? 'its ".." go above the folder that the patch is for' : undefined;
}

/** What is at `path`, relative to the folder `root`, which must be free of symbolic links. Throws `input-unreadable`. */
export async function placeInTree(root: string, path: string): Promise<Place> {
  if (path === '..' || path.startsWith('../')) return { kind: 'outside', reason: 'its ".." go above the tree' };
  const real = await realPathOf(join(root, path));
  if (real === undefined) return { kind: 'outside', reason: 'a symbolic link on the way leads nowhere' };
  if (!isWithin(real.path, root))
    return { kind: 'outside', reason: `a symbolic link on the way leads to ${real.path}` };
  const inTree = relative(root, real.path);
  if (real.facts?.isFile()) return { kind: 'file', path: inTree };
  return { kind: real.facts === undefined && real.isCreatable ? 'missing' : 'unusable', path: inTree };
}

interface RealPath {
  readonly path: string;
  /** Undefined where nothing is there. */
  readonly facts: Stats | undefined;
  /** Where nothing is there: whether the nearest thing on the way is a folder. */
  readonly isCreatable: boolean;
}

/** Resolves the links of a path of which the end may not exist yet; undefined for dangling and circular links. */
async function realPathOf(path: string): Promise<RealPath | undefined> {
  try {
    const real = await realpath(path);
    return { path: real, facts: await stat(real), isCreatable: false };
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ELOOP') return undefined;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw readingError(error, path);
  }
  // A link that is there but cannot be resolved dangles; writing to it would make the file that it names.
  const link = await lstat(path).catch(() => undefined);
  if (link?.isSymbolicLink()) return undefined;
  const parent = await realPathOf(dirname(path));
  if (parent === undefined) return undefined;
  const isCreatable = parent.facts?.isDirectory() ?? parent.isCreatable;
  return { path: join(parent.path, basename(path)), facts: undefined, isCreatable };
}

/** All ordinary files below `root`, relative to it, up to 50,000; what cannot be read is passed over. */
export async function listFiles(root: string): Promise<string[]> {
  const files: string[] = [];
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined && files.length < listedFiles; folder = folders.pop()) {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true }).catch(() => [])) {
      const path = join(folder, entry.name);
      if (entry.isFile()) files.push(path);
      else if (entry.isDirectory() && !skippedFolders.has(entry.name)) folders.push(path);
    }
  }
  return files.sort();
}

/** Up to five of `files` that somebody who wrote `path` may have meant: the same name elsewhere, else a near name. */
export function similarPaths(path: string, files: readonly string[]): string[] {
  const name = basename(path);
  const same = files.filter((file) => basename(file) === name);
  const near = files.filter((file) => isNear(basename(file), name));
  return (same.length > 0 ? same : near).slice(0, 5);
}

/** Whether two names differ in case, `-` for `_`, or at most two characters, not counting the ending. */
function isNear(left: string, right: string): boolean {
  const plain = (name: string) => name.toLowerCase().replaceAll('-', '_');
  const [one, other] = [plain(left), plain(right)];
  if (one === other) return true;
  if (posix.extname(one) !== posix.extname(other) || Math.abs(one.length - other.length) > 2) return false;
  return Math.min(one.length, other.length) > 4 && editDistance(one, other) <= 2;
}

/** Characters to insert, delete or replace (Levenshtein). */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
