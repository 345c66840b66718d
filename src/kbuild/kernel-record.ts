/**
 * What makes a prepared kernel believable. Before it is used again, it must be as it was left:
 *
 * 1. Preparing it came to its end, by a kptool that keeps kernels in this form.
 * 2. Each file of the source that was there then is there, of the same size and with the same times, also that of its inode,
 *    which no program sets: a file that was edited and got its old time back is found. Contents are not read.
 * 3. A file that kptool itself put back after a patch is known by the facts that it had then.
 * 4. What kbuild made is kbuild's to check, as in anybody's tree: it compares times and commands in each call. Only of
 *    `.config` it takes whatever it finds, so that is checked with the sources.
 *
 * Files that are there in addition are not looked for: kbuild makes some under names that nothing foresees.
 */
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { writeOutputAtomically } from '../system/files.js';
import { compareListings, type Listing, listFiles, listKernel, recordsOf } from './kernel-listing.js';
import { cacheFormat, readyMark, treeOf } from './kernel-places.js';

export interface KernelRecord {
  /** Of the whole tree, when it had been prepared. */
  readonly listing: Listing;
  /** Changes with every file of the source; equal for runs that find the same tree. */
  readonly id: string;
  /** Files that kbuild made, or made anew, when it prepared the tree. */
  readonly made: ReadonlySet<string>;
}

const listingOf = (folder: string) => path.join(folder, 'files.list');
const restoredOf = (folder: string) => path.join(folder, 'restored.list');

/**
 * Writes down what the tree is now, and that it can be used. `before` is what lay there before it was made ready, `madeBefore` what
 * kbuild had made at an earlier time. Throws what listing and writing throw.
 */
export async function writeRecord(
  folder: string,
  before: Listing,
  madeBefore: Iterable<string> = [],
): Promise<KernelRecord> {
  const listing = await listKernel(treeOf(folder));
  const made = new Set([...madeBefore, ...compareListings(before, listing).changed.keys()]);
  const id = createHash('sha256').update(listing).digest('hex').slice(0, 16);
  await rm(restoredOf(folder), { force: true });
  await writeOutputAtomically(listingOf(folder), listing);
  await writeOutputAtomically(readyMark(folder), JSON.stringify({ format: cacheFormat, id, made: [...made] }));
  return { listing, id, made };
}

/** From now on the tree is not to be believed, until there is a record again. */
export async function forgetRecord(folder: string): Promise<void> {
  await rm(readyMark(folder), { force: true });
}

/** `undefined` where preparing did not come to its end. */
export async function readRecord(folder: string): Promise<KernelRecord | undefined> {
  try {
    const mark = JSON.parse(await readFile(readyMark(folder), 'utf8')) as Partial<Mark>;
    if (mark.format !== cacheFormat || mark.id === undefined || mark.made === undefined) return undefined;
    return { listing: await readFile(listingOf(folder), 'utf8'), id: mark.id, made: new Set(mark.made) };
  } catch {
    return undefined;
  }
}

interface Mark {
  readonly format: number;
  readonly id: string;
  readonly made: readonly string[];
}

/** Whether the tree is as the record says. `now` is what lies there. */
export async function isAsRecorded(folder: string, { listing, made }: KernelRecord, now: Listing): Promise<boolean> {
  const { changed, gone } = compareListings(listing, now);
  const restored = recordsOf(await readFile(restoredOf(folder), 'utf8').catch(() => ''));
  const mayDiffer = (file: string) => made.has(file) && file !== '.config';
  return (
    gone.every(mayDiffer) &&
    [...changed].every(([file, facts]) => mayDiffer(file) || restored.get(file) === facts || !isListed(listing, file))
  );
}

/** Whether the file belongs to what has to stay as it is. */
export function isSource({ listing, made }: KernelRecord, file: string): boolean {
  return isListed(listing, file) && (!made.has(file) || file === '.config');
}

const isListed = (listing: Listing, file: string) => listing.startsWith(`${file}\t`) || listing.includes(`\0${file}\t`);

/** Takes down how files that were put back as they had been look now. Throws what listing and writing throw. */
export async function noteRestored(folder: string, files: readonly string[]): Promise<void> {
  if (files.length === 0) return;
  const before = recordsOf(await readFile(restoredOf(folder), 'utf8').catch(() => ''));
  const now = recordsOf(await listFiles(treeOf(folder), files));
  const all = [...new Map([...before, ...now])].map(([file, facts]) => `${file}\t${facts}\0`);
  await writeOutputAtomically(restoredOf(folder), all.join(''));
}
