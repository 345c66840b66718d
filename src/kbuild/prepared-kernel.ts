/**
 * A kernel's source made ready to compile single objects: copied, configured as the target is, with the generated headers
 * and the programs that kbuild needs. That takes a minute, so the copy is kept in the cache, one for each source,
 * configuration and compiler. One run at a time works in it.
 */
import { createHash } from 'node:crypto';
import { lstat, mkdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import type { InstalledCompiler } from '../kernel/compiler.js';
import type { KernelSource } from '../kernel/kernel-source.js';
import type { TargetKernel } from '../kernel/resolve.js';
import { writeOutputAtomically } from '../system/files.js';
import { type Lock, takeLock } from '../system/lock.js';
import { makeFolders } from '../system/make-folders.js';
import { runProgram } from '../system/run.js';
import { writingError } from '../system/system-error.js';
import { isPathForKbuild } from '../system/work-folder.js';
import { wrapperIn, writeCompilerWrapper } from './compiler-wrapper.js';
import {
  compareListings,
  copyKernelSource,
  type Listing,
  listKernel,
  readListing,
  refreshFiles,
  writeListing,
} from './kernel-copy.js';
import { type Invocation, messageLanguage } from './make-steps.js';
import { type PlannedChange, prepareUndo, undo } from './undo.js';

/** What every call of make in the copy needs to know. */
export interface KernelMakeQuestion {
  readonly kernel: TargetKernel;
  readonly compiler: InstalledCompiler;
  /** `VAR=VALUE` for every make, from the user. */
  readonly makeArguments: readonly string[];
  readonly jobs: number;
  /** Milliseconds after which a call of make is ended. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PreparedKernelQuestion extends KernelMakeQuestion {
  readonly source: KernelSource;
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
  /** The files of the source. */
  readonly listing: Listing;
  /** To be called before the copy is changed. */
  plan(change: PlannedChange): Promise<void>;
  /** Takes planned changes back. */
  restore(): Promise<void>;
  /** The same, and lets others work in the copy. Once is enough, and more does no harm. */
  close(): Promise<void>;
}

export type PreparedKernelIdentity = Pick<PreparedKernelQuestion, 'source' | 'kernel' | 'compiler' | 'makeArguments'>;

/** What the cache holds of a kernel is of this form; another one is made anew. */
const format = 1;

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
    const listing = (await refresh(question, folder)) ?? (await prepareAnew(question, folder));
    return handle(folder, lock, listing);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Beside the prepared kernel at `folder`, since that comes and goes. */
export const lockOf = (folder: string) => `${folder}.lock`;
export const treeOf = (folder: string) => path.join(folder, 'tree');
const undoOf = (folder: string) => path.join(folder, 'undo');
const filesOf = (folder: string) => path.join(folder, 'files.json');
/** Says that preparing it came to its end. */
export const readyMark = (folder: string) => path.join(folder, 'ready.json');

function handle(folder: string, lock: Lock, listing: Listing): PreparedKernel {
  const tree = treeOf(folder);
  let isOpen = true;
  return {
    tree,
    key: path.basename(folder),
    folder,
    listing,
    plan: (change) => prepareUndo(undoOf(folder), tree, change),
    restore: async () => {
      await takeBack(folder, listing);
    },
    async close() {
      if (!isOpen) return;
      isOpen = false;
      try {
        await takeBack(folder, listing);
      } finally {
        await lock.release();
      }
    },
  };
}

/** What was restored has a new time, which the list must know. */
async function takeBack(folder: string, listing: Listing): Promise<Listing> {
  const tree = treeOf(folder);
  const restored = (await undo(undoOf(folder), tree)).filter((file) => listing.has(file));
  if (restored.length === 0) return listing;
  const changed = new Map(listing);
  for (const file of restored) {
    const { size, mtimeMs } = await stat(path.join(tree, file));
    changed.set(file, [size, Math.floor(mtimeMs)]);
  }
  await writeListing(filesOf(folder), changed);
  return changed;
}

/**
 * Brings a copy that is there up to date. `undefined` where it cannot be trusted: preparing it did not end, or files are not as
 * they were left.
 */
async function refresh(question: PreparedKernelQuestion, folder: string): Promise<Listing | undefined> {
  const known = await readListing(filesOf(folder));
  const isReady = (await readFile(readyMark(folder), 'utf8').catch(() => '')) === String(format);
  if (known === undefined || !isReady) return undefined;
  const listing = await takeBack(folder, known);
  const damage = compareListings(listing, sourcesOnly(listKernel(treeOf(folder)), listing));
  if (damage.changed.length > 0 || damage.gone.length > 0) return undefined;
  if (question.source.kind === 'archive') return listing;
  return refreshFromFolder(question, folder, listing);
}

/** kbuild makes files in the tree that no list of products foresees. */
function sourcesOnly(found: Listing, listing: Listing): Listing {
  return new Map([...found].filter(([file]) => listing.has(file)));
}

/** Restored files have other times in the copy than in the user's folder, whose own list tells what changed there. */
async function refreshFromFolder(
  question: PreparedKernelQuestion,
  folder: string,
  listing: Listing,
): Promise<Listing | undefined> {
  const sources = path.join(folder, 'source-files.json');
  const before = await readListing(sources);
  if (before === undefined) return undefined;
  const now = listKernel(question.source.path);
  const difference = compareListings(before, now);
  if (difference.changed.length === 0 && difference.gone.length === 0) return listing;
  question.onLine?.(`${difference.changed.length + difference.gone.length} files of the source changed`);
  await rm(readyMark(folder), { force: true });
  await refreshFiles(question.source.path, treeOf(folder), difference);
  await makeReady(question, folder);
  const fresh = sourcesOnly(listKernel(treeOf(folder)), now);
  await writeListing(sources, now);
  await writeListing(filesOf(folder), fresh);
  await writeOutputAtomically(readyMark(folder), String(format));
  return fresh;
}

async function prepareAnew(question: PreparedKernelQuestion, folder: string): Promise<Listing> {
  const { source, signal, onLine } = question;
  const tree = treeOf(folder);
  await rm(folder, { recursive: true, force: true }).catch((error: unknown) => {
    throw writingError(error, folder, 'work-folder-unwritable');
  });
  const before = source.kind === 'folder' ? listKernel(source.path) : undefined;
  onLine?.(source.kind === 'folder' ? `copying ${source.path}` : `unpacking ${source.path}`);
  await copyKernelSource(source, tree, signal);
  const listing = listKernel(tree);
  await makeReady(question, folder);
  if (before !== undefined) await writeListing(path.join(folder, 'source-files.json'), before);
  await writeListing(filesOf(folder), listing);
  await writeOutputAtomically(readyMark(folder), String(format));
  return listing;
}

/** Configures the copy as the target is, and makes what has to be there before an object can be compiled. */
async function makeReady(question: PreparedKernelQuestion, folder: string): Promise<void> {
  const { kernel, signal, onLine } = question;
  const tree = treeOf(folder);
  const config = await readFile(path.join(kernel.buildDirectory, '.config'));
  await writeOutputAtomically(path.join(tree, '.config'), config);
  const log = path.join(folder, 'prepare.log');
  await rm(log, { force: true });
  for (const goal of ['olddefconfig', 'modules_prepare']) {
    const result = await runProgram({
      ...(await kernelMake(question, folder, 'prepare', [goal])),
      logFile: log,
      signal,
      ...(onLine === undefined ? {} : { onLine: (line: string) => onLine(line.trim()) }),
    });
    if (result.exitStatus === 0) continue;
    const lastLines = result.output.split('\n').filter((line) => line !== '');
    fail('kernel-prepare-failed', { release: kernel.release, goal, lastLines: lastLines.slice(-15), log });
  }
}

/**
 * A call of make in the copy at `folder`, by the compiler wrapper, whose path is the same for all runs: to kbuild another
 * compiler would be a reason to make everything again. The release is the target's, which the source alone does not tell
 * (`6.1.0-56-amd64`).
 */
export function kernelInvocation(
  { kernel, makeArguments, jobs }: Omit<KernelMakeQuestion, 'compiler'>,
  folder: string,
  goals: readonly string[],
): Invocation {
  const tree = treeOf(folder);
  return {
    program: 'make',
    arguments: [
      '-C',
      tree,
      `-j${jobs}`,
      ...goals,
      ...makeArguments.filter((argument) => !/^CC:?=/.test(argument)),
      `KERNELRELEASE=${kernel.release}`,
      `CC=${wrapperIn(wrapperFolder(folder))}`,
    ],
    directory: tree,
    environment: messageLanguage,
  };
}

/** Holds the compiler wrapper and what it writes down. */
export const wrapperFolder = (folder: string) => path.join(folder, 'kbuild');

/** The same, with the wrapper written for `side`. Throws `work-folder-unwritable` or `disk-full`. */
export async function kernelMake(
  question: KernelMakeQuestion,
  folder: string,
  side: string,
  goals: readonly string[],
): Promise<Invocation> {
  const { command } = question.compiler;
  await writeCompilerWrapper(wrapperFolder(folder), { command, tree: treeOf(folder), side });
  return kernelInvocation(question, folder, goals);
}

/** What a prepared kernel is called in the cache. */
export async function keyOf({ source, kernel, compiler, makeArguments }: PreparedKernelIdentity): Promise<string> {
  const { size, mtimeMs } = await stat(source.path);
  const hash = createHash('sha256');
  // A folder's own time says nothing of what is in it; its files are held against a list.
  const place = source.kind === 'archive' ? [source.path, size, mtimeMs] : [source.path];
  hash.update(JSON.stringify([format, ...place, kernel.release, compiler, makeArguments]));
  hash.update(await readFile(path.join(kernel.buildDirectory, '.config')));
  return `${kernel.release}-${hash.digest('hex').slice(0, 16)}`;
}

/** Where prepared kernels lie if kbuild cannot take the cache's path. */
export const otherFolder = () => `/var/tmp/kptool-kernels-${process.getuid?.() ?? 0}`;

/** In the cache, or, where kbuild cannot take its path, in a folder of the user's own in /var/tmp. */
async function kernelsFolder(cache: string): Promise<string> {
  const wanted = path.join(cache, 'kernels');
  try {
    await makeFolders(wanted);
    const real = await realpath(wanted);
    if (isPathForKbuild(real)) return real;
    const other = otherFolder();
    await mkdir(other, { mode: 0o700 }).catch(() => undefined);
    const facts = await lstat(other);
    // Anybody may make a folder there.
    if (!facts.isDirectory() || facts.uid !== process.getuid?.() || (facts.mode & 0o022) !== 0) {
      fail('work-folder-unwritable', { path: other, reason: 'it is not a folder of this user alone' });
    }
    return other;
  } catch (error) {
    throw writingError(error, wanted, 'work-folder-unwritable');
  }
}
