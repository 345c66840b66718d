/**
 * What lies in a kernel tree, with sizes and times: 80,000 files in half a second, since find(1) prints them and what it printed
 * the last time is nearly the same. A text is kept and compared, not a table: only where the two differ it is taken apart.
 */
import { fail } from '../diagnostics/catalogue.js';
import { runProgram } from '../system/run.js';

/** Records of a path, a tab, and what `facts` says; each ends with a NUL. */
export type Listing = string;

/** Size, and the times of the last change of content and of inode: a file that is written and given its old time back is another one. */
const facts = '%s %T@ %C@';

/** Folders that are a build's or of version control, and no source; `*` stands for one name. */
const productFolders = [
  ...['include/config', 'include/generated', 'arch/*/include/generated'],
  ...['.git', '.hg', '.svn'],
];
/** What kbuild, patching and kptool itself leave beside sources; a kernel has no source that is called so. */
const productFiles =
  /^kptool-failure-.*\.tar\.gz$|\.(?:patch|diff|orig|rej)$|\.(?:o|a|ko|mod|cmd|dwo|symvers)$|\.mod\.c$|^(?:\.config(?:\.old)?|vmlinux|System\.map|\.version)$|^\.tmp_/;
const productFolderPaths = new RegExp(
  `^(?:${productFolders.map((folder) => folder.replaceAll('.', '\\.').replace('*', '[^/]+')).join('|')})(?:/|$)`,
);

/** Whether a path of a kernel tree lies where only a build, or version control, puts files. */
export const isInProductFolder = (file: string) => productFolderPaths.test(file);

/** Whether a path of a kernel tree is a product, a patch, or belongs to version control, so that the copy does without it. */
export function isKernelProduct(file: string): boolean {
  return isInProductFolder(file) || productFiles.test(file.slice(file.lastIndexOf('/') + 1));
}

/** The files below `tree`, but for the folders that only a build fills. Throws `input-unreadable`, and what `runProgram` throws. */
export function listKernel(tree: string, signal?: AbortSignal): Promise<Listing> {
  const left = productFolders.flatMap((folder) => ['-o', '-path', `./${folder}`]).slice(1);
  return find(tree, ['.', '(', ...left, ')', '-prune', '-o', '-type', 'f'], '%P', signal);
}

/** Those of `files`, paths in the tree, that are there. Throws as `listKernel`. */
export async function listFiles(tree: string, files: readonly string[]): Promise<Listing> {
  // The operating system takes some 100,000 characters as arguments everywhere; a path has up to 4,096.
  const parts = Array.from({ length: Math.ceil(files.length / 20) }, (_, part) =>
    files.slice(part * 20, part * 20 + 20),
  );
  const listed: string[] = [];
  for (const part of parts) {
    const places = part.map((file) => `./${file}`);
    listed.push(await find(tree, [...places, '-maxdepth', '0', '-type', 'f'], '%p'));
  }
  return listed.join('').replaceAll(/(^|\0)\.\//g, '$1');
}

/** Paths in the tree of the files below it that were written after the file `since`. Throws as `listKernel`. */
export async function listNewer(tree: string, since: string): Promise<string[]> {
  return [...recordsOf(await find(tree, ['.', '-type', 'f', '-newer', since], '%P')).keys()];
}

async function find(tree: string, words: readonly string[], name: '%P' | '%p', signal?: AbortSignal): Promise<Listing> {
  const print = ['-printf', String.raw`${name}\t${facts}\0`];
  const result = await runProgram({ program: 'find', arguments: [...words, ...print], directory: tree, signal });
  if (result.exitStatus === 0) return result.stdout;
  const lines = result.output.split('\n').filter((line) => line.startsWith('find: '));
  fail('input-unreadable', { path: tree, reason: lines.at(-1)?.slice('find: '.length) ?? 'find cannot list it' });
}

/** The facts by path. */
export function recordsOf(listing: Listing): Map<string, string> {
  const records = new Map<string, string>();
  for (const record of listing.split('\0')) {
    const tab = record.lastIndexOf('\t');
    if (tab > 0) records.set(record.slice(0, tab), record.slice(tab + 1));
  }
  return records;
}

export interface ListingDifference {
  /** New or changed in `now`, with the facts of now. */
  readonly changed: ReadonlyMap<string, string>;
  /** No longer there. */
  readonly gone: readonly string[];
}

/** Throws nothing. */
export function compareListings(before: Listing, now: Listing): ListingDifference {
  const [old, fresh] = differingParts(before, now);
  const lines = new Set(old.split('\0'));
  const changed = recordsOf(
    fresh
      .split('\0')
      .filter((record) => !lines.has(record))
      .join('\0'),
  );
  if (changed.size === 0 && old.length === fresh.length) return { changed, gone: [] };
  const remaining = recordsOf(fresh);
  return { changed, gone: [...recordsOf(old).keys()].filter((file) => !remaining.has(file)) };
}

/** Without the records at the beginning and at the end in which they agree: folders are read in one order as long as they stay. */
function differingParts(before: Listing, now: Listing): readonly [Listing, Listing] {
  const shorter = Math.min(before.length, now.length);
  const same = lengthOfSame(shorter, (from, to) => before.slice(from, to) === now.slice(from, to));
  const start = same === 0 ? 0 : before.lastIndexOf('\0', same - 1) + 1;
  const fromEnd = (text: string, from: number, to: number) => text.slice(text.length - to, text.length - from);
  const rest = lengthOfSame(shorter - start, (from, to) => fromEnd(before, from, to) === fromEnd(now, from, to));
  // What the two ends have in common begins within a record.
  const end = before.indexOf('\0', before.length - rest);
  const kept = end < 0 ? 0 : before.length - end - 1;
  return [before.slice(start, before.length - kept), now.slice(start, now.length - kept)];
}

/** How far two texts agree, up to `limit`: by large steps first, then by smaller ones. */
function lengthOfSame(limit: number, agree: (from: number, to: number) => boolean): number {
  let length = 0;
  for (const step of [65_536, 256, 1]) {
    while (length + step <= limit && agree(length, length + step)) length += step;
  }
  return length;
}
