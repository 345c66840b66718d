/** `kptool clean`: what lies in the cache folder, and what of it goes. Nothing that a running build uses is touched. */
import { lstat, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { KptoolError } from '../diagnostics/diagnostic.js';
import { findPreparedKernels, removePreparedKernel } from '../kbuild/kept-kernels.js';
import { listFetched, removeFetched } from '../kernel/fetched-source.js';
import { writingError } from '../system/system-error.js';
import { findWorkFolders, openWorkFolder } from '../system/work-folder.js';

/** One thing in the cache folder that can go by itself. */
interface Found {
  readonly path: string;
  /** Somebody works with it now. */
  readonly isInUse: boolean;
}

/** A kind of thing that runs leave in the cache folder. */
interface CacheKind {
  readonly name: string;
  readonly find: (cache: string) => Promise<readonly Found[]>;
  /** Throws `work-folder-in-use` where somebody has begun to work with it, and the error of the operating system. */
  readonly remove: (path: string) => Promise<void>;
}

const removeFile = (file: string) => rm(file, { force: true });

const kinds: readonly CacheKind[] = [
  {
    name: 'work folder',
    find: (cache) => findWorkFolders(path.join(cache, 'work')),
    // Taken over first, so that no build goes on in a folder that is half gone.
    remove: async (folder) => (await openWorkFolder(folder)).remove(),
  },
  { name: 'entry sizes', find: (cache) => filesNamed(cache, /^entry-sizes-\w+\.json$/), remove: removeFile },
  { name: 'kernel symbols', find: (cache) => filesNamed(cache, /^kallsyms-\w+\.map$/), remove: removeFile },
  { name: 'kernel code', find: (cache) => filesNamed(cache, /^kernel-code-\w+\.bin$/), remove: removeFile },
  { name: 'prepared kernel', find: findPreparedKernels, remove: removePreparedKernel },
  { name: 'fetched source', find: listFetched, remove: removeFetched },
  { name: 'log of a bug', find: (cache) => filesNamed(cache, /^bug-.+\.log$/), remove: removeFile },
];

export interface CleanOptions {
  /** Absolute. */
  readonly cache: string;
  /** Milliseconds: what has not changed for longer goes. */
  readonly olderThan?: number | undefined;
  /** Bytes: what changed longest ago goes until no more than that is left. */
  readonly keepBytes?: number | undefined;
  /** Everything goes. */
  readonly all: boolean;
  /** Nothing goes; what would is told. */
  readonly dryRun: boolean;
  /** Milliseconds since 1970; now, unless a test says otherwise. */
  readonly now?: number;
}

export interface CacheEntry extends Found {
  readonly kind: string;
  /** What it takes on the disk. */
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly changed: number;
  /** It went, or would go. */
  readonly isRemoved: boolean;
}

export interface CleanReport {
  readonly cache: string;
  /** The one that changed last comes first. */
  readonly entries: readonly CacheEntry[];
  readonly dryRun: boolean;
}

/**
 * Lists what there is and removes what the options say; without one of them nothing.
 * @throws KptoolError with `output-unwritable` for what cannot be removed
 */
export async function clean(options: CleanOptions): Promise<CleanReport> {
  const { cache, dryRun } = options;
  const found = await Promise.all(kinds.map(async (kind) => Promise.all((await kind.find(cache)).map(measure(kind)))));
  const entries = found.flat().sort((a, b) => b.changed - a.changed || (a.path < b.path ? -1 : 1));
  const going = choose(entries, options);
  const told: CacheEntry[] = [];
  for (const { remove, ...entry } of entries) {
    const isRemoved = going.has(entry.path) && (dryRun || (await wasRemoved(entry.path, remove)));
    told.push({ ...entry, isRemoved });
  }
  return { cache, entries: told, dryRun };
}

type Measured = Omit<CacheEntry, 'isRemoved'> & Pick<CacheKind, 'remove'>;

function measure({ name, remove }: CacheKind): (found: Found) => Promise<Measured> {
  return async ({ path: file, isInUse }) => ({ kind: name, path: file, isInUse, remove, ...(await sizeOf(file)) });
}

/** The paths of what goes. What is in use stays, and counts all the same for what may be left. */
function choose(
  entries: readonly Measured[],
  { olderThan, keepBytes, all, now = Date.now() }: CleanOptions,
): Set<string> {
  const going = new Set<string>();
  let left = 0;
  for (const { path: file, bytes, changed, isInUse } of entries) {
    const isOld = olderThan !== undefined && now - changed > olderThan;
    const isTooMuch = keepBytes !== undefined && left + bytes > keepBytes;
    if (!isInUse && (all || isOld || isTooMuch)) going.add(file);
    else left += bytes;
  }
  return going;
}

async function wasRemoved(file: string, remove: CacheKind['remove']): Promise<boolean> {
  try {
    await remove(file);
    return true;
  } catch (error) {
    const isTaken = error instanceof KptoolError && error.diagnostics.some(({ code }) => code === 'work-folder-in-use');
    if (isTaken) return false;
    throw writingError(error, file);
  }
}

/** Of a folder: with all that is in it. What vanishes meanwhile counts nothing. */
async function sizeOf(file: string): Promise<{ readonly bytes: number; readonly changed: number }> {
  const facts = await lstat(file).catch(() => undefined);
  if (facts === undefined) return { bytes: 0, changed: 0 };
  // A block of `blocks` has 512 bytes, whatever the file system's own have (stat(2)).
  let [bytes, changed] = [facts.blocks * 512, facts.mtimeMs];
  if (!facts.isDirectory()) return { bytes, changed };
  for (const name of await readdir(file).catch(() => [])) {
    const entry = await sizeOf(path.join(file, name));
    bytes += entry.bytes;
    // A copied source is as old as the user's; only what a run made here says when it ran.
    if (/^(?:\d-.+|kbuild|\.in-use)$/.test(name)) changed = Math.max(changed, entry.changed);
  }
  return { bytes, changed };
}

async function filesNamed(folder: string, pattern: RegExp): Promise<Found[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map(({ name }) => ({ path: path.join(folder, name), isInUse: false }));
}
