/**
 * A kernel's source made ready to compile single objects: copied, configured as the target is, with the generated headers
 * and the programs that kbuild needs. That takes a minute, so the copy is kept in the cache, one for each source,
 * configuration and compiler. One run at a time works in it.
 */
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { writeOutputAtomically } from '../system/files.js';
import { type Lock, takeLock } from '../system/lock.js';
import { writingError } from '../system/system-error.js';
import { endForsakenRuns } from './kept-kernels.js';
import { copyKernelSource, refreshFiles } from './kernel-copy.js';
import {
  compareListings,
  isInProductFolder,
  isKernelProduct,
  type Listing,
  type ListingDifference,
  listKernel,
  listNewer,
} from './kernel-listing.js';
import { type KernelMakeQuestion, makeReady } from './kernel-make.js';
import { kernelsFolder, keyOf, lockOf, type PreparedKernelIdentity, treeOf, undoOf } from './kernel-places.js';
import {
  forgetRecord,
  isAsRecorded,
  isSource,
  type KernelRecord,
  noteRestored,
  readRecord,
  writeRecord,
} from './kernel-record.js';
import { type PlannedChange, plannedBy, prepareUndo, undo } from './undo.js';

export interface PreparedKernelQuestion extends KernelMakeQuestion, PreparedKernelIdentity {
  /** The folder that keeps prepared kernels, in `kernels`. */
  readonly cache: string;
  readonly onLine?: ((line: string) => void) | undefined;
}

export interface PreparedKernel {
  /** Absolute path of the copy, without symbolic links. Nobody else works in it before `close`. */
  readonly tree: string;
  /** Tells kernels apart that were prepared from other sources, configurations or compilers. */
  readonly key: string;
  /** Beside the tree: for the compiler wrapper, which has one path for all runs, and for what was found out about the tree. */
  readonly folder: string;
  /** Of the files of the source: while it is the same, none of them has changed. */
  readonly id: string;
  /** The files of the source, and what kbuild made of them. */
  readonly listing: Listing;
  /** To be called before the copy is changed. */
  plan(change: PlannedChange): Promise<void>;
  /** Takes planned changes back. */
  restore(): Promise<void>;
  /** The same, and lets others work in the copy. Once is enough, and more does no harm. */
  close(): Promise<void>;
}

/**
 * The prepared kernel, locked. Throws `kernel-prepare-failed` with what make said, what finding and copying the source throw,
 * and `work-folder-unwritable` or `disk-full`.
 */
export async function openPreparedKernel(question: PreparedKernelQuestion): Promise<PreparedKernel> {
  const folder = path.join(await kernelsFolder(question.cache), await keyOf(question));
  const lock = await takeLock({
    file: lockOf(folder),
    signal: question.signal,
    onWait: () => question.onLine?.('waiting for another run that uses the same kernel'),
  });
  try {
    await endForsakenRuns(folder);
    const record = (await reopen(question, folder)) ?? (await prepareAnew(question, folder));
    return handle(folder, lock, record);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function handle(folder: string, lock: Lock, { id, listing }: KernelRecord): PreparedKernel {
  const tree = treeOf(folder);
  let isOpen = true;
  return {
    tree,
    key: path.basename(folder),
    folder,
    id,
    listing,
    plan: (change) => prepareUndo(undoOf(folder), tree, change),
    restore: () => takeBack(folder),
    async close() {
      if (!isOpen) return;
      isOpen = false;
      try {
        await takeBack(folder);
      } finally {
        await lock.release();
      }
    },
  };
}

/** What was restored has new times, which the record must know before the list of what is to be restored goes. */
function takeBack(folder: string): Promise<void> {
  return undo(undoOf(folder), treeOf(folder), (files) => noteRestored(folder, files));
}

/**
 * Brings a copy that is there up to date: with the user's folder, and behind a run that was killed. `undefined` where it cannot
 * be believed.
 */
async function reopen(question: PreparedKernelQuestion, folder: string): Promise<KernelRecord | undefined> {
  const record = await readRecord(folder);
  if (record === undefined) return undefined;
  const isHalfMade = await removeLeftByKilled(folder, record);
  await takeBack(folder);
  const [found, change] = await Promise.all([
    listKernel(treeOf(folder), question.signal),
    sourceChange(question, folder),
  ]);
  if (change === undefined || !(await isAsRecorded(folder, record, found))) return undefined;
  if (!isHalfMade && change.files.length === 0) return record;

  if (change.files.length > 0) question.onLine?.(`${change.files.length} files of the source changed`);
  await forgetRecord(folder);
  await refreshFiles(question.source.path, treeOf(folder), change.difference);
  return finish(question, folder, change.now, record.made);
}

/**
 * Takes away what kbuild made while a run was patching that did not come to its end: the last of it may be half of a file, which to
 * make is as good as any other. Whether that is needed for every object, and has to be made again.
 */
async function removeLeftByKilled(folder: string, record: KernelRecord): Promise<boolean> {
  const list = await plannedBy(undoOf(folder));
  if (list === undefined) return false;
  const suspects = (await listNewer(treeOf(folder), list)).filter((file) => !isSource(record, file));
  const isHalfMade = suspects.some((file) => record.made.has(file) || isInProductFolder(file));
  // First, since this run may be killed as well.
  if (isHalfMade) await forgetRecord(folder);
  for (const file of suspects) await rm(path.join(treeOf(folder), file), { force: true });
  return isHalfMade;
}

interface SourceChange {
  /** Of the user's folder; nothing for an archive, of which the name in the cache tells. */
  readonly now?: Listing;
  readonly difference: ListingDifference;
  /** All files that differ. */
  readonly files: readonly string[];
}

const sourceListOf = (folder: string) => path.join(folder, 'source-files.list');

/** What changed in the user's folder since it was copied. Restored files have other times in the copy, so it has a list of its own. */
async function sourceChange(question: PreparedKernelQuestion, folder: string): Promise<SourceChange | undefined> {
  if (question.source.kind === 'archive') return { difference: { changed: new Map(), gone: [] }, files: [] };
  const before = await readFile(sourceListOf(folder), 'utf8').catch(() => undefined);
  if (before === undefined) return undefined;
  const now = await listKernel(question.source.path, question.signal);
  const { changed, gone } = compareListings(before, now);
  const difference = {
    changed: new Map([...changed].filter(([file]) => !isKernelProduct(file))),
    gone: gone.filter((file) => !isKernelProduct(file)),
  };
  return { now, difference, files: [...difference.changed.keys(), ...difference.gone] };
}

async function prepareAnew(question: PreparedKernelQuestion, folder: string): Promise<KernelRecord> {
  const { source, signal, onLine } = question;
  await rm(folder, { recursive: true, force: true }).catch((error: unknown) => {
    throw writingError(error, folder, 'work-folder-unwritable');
  });
  const now = source.kind === 'folder' ? await listKernel(source.path, signal) : undefined;
  onLine?.(source.kind === 'folder' ? `copying ${source.path}` : `unpacking ${source.path}`);
  await copyKernelSource(source, treeOf(folder), signal).catch(async (error: unknown) => {
    // A gigabyte of no use to anybody, on a disk that may be full.
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  return finish(question, folder, now);
}

/** Makes the copy ready, and writes down what it is. */
async function finish(
  question: PreparedKernelQuestion,
  folder: string,
  source: Listing | undefined,
  made?: Iterable<string>,
): Promise<KernelRecord> {
  const before = await listKernel(treeOf(folder), question.signal);
  await makeReady(question, folder);
  if (source !== undefined) await writeOutputAtomically(sourceListOf(folder), source);
  return writeRecord(folder, before, made);
}
