/** The prepared kernels that earlier runs left in the cache, for `kptool clean` and `kptool kernel info`. */
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { isLocked, takeLock } from '../system/lock.js';
import { endForsakenGroups } from '../system/process-group.js';
import { directoryWord } from './kernel-copy.js';
import { compilerWord } from './kernel-make.js';
import { keyOf, lockOf, otherFolder, type PreparedKernelIdentity, readyMark, treeOf } from './kernel-places.js';

/** The prepared kernels of the cache, and whether a run works in them. Throws nothing. */
export async function findPreparedKernels(
  cache: string,
): Promise<{ readonly path: string; readonly isInUse: boolean }[]> {
  const places = [path.join(cache, 'kernels'), otherFolder()];
  const found = await Promise.all(
    places.map(async (place) => {
      const entries = await readdir(place, { withFileTypes: true }).catch(() => []);
      return entries.filter((entry) => entry.isDirectory()).map(({ name }) => path.join(place, name));
    }),
  );
  const folders = found.flat();
  return Promise.all(folders.map(async (kernel) => ({ path: kernel, isInUse: await isLocked(lockOf(kernel)) })));
}

/**
 * The tree of the kernel that `openPreparedKernel` would find prepared; its files are not looked at. `undefined` where it
 * would prepare one. Only reads. Throws what reading the configuration throws.
 */
export async function findPreparedTree(cache: string, identity: PreparedKernelIdentity): Promise<string | undefined> {
  const key = await keyOf(identity);
  const kernels = await findPreparedKernels(cache);
  const kept = kernels.find((kernel) => path.basename(kernel.path) === key)?.path;
  if (kept === undefined) return undefined;
  return stat(readyMark(kept)).then(
    () => treeOf(kept),
    () => undefined,
  );
}

/** Ends what a run that was killed left at work in the prepared kernel at `folder`, of which the lock is held. */
export function endForsakenRuns(folder: string): Promise<void> {
  return endForsakenGroups([compilerWord(folder), directoryWord(treeOf(folder))]);
}

/** Takes one away, when nobody works in it. Throws the error of the operating system. */
export async function removePreparedKernel(folder: string): Promise<void> {
  const lock = await takeLock({ file: lockOf(folder) });
  try {
    await endForsakenRuns(folder);
    // First what says that it can be trusted, so that a run that is killed here leaves no half of it.
    await rm(readyMark(folder), { force: true });
    await rm(folder, { recursive: true, force: true });
  } finally {
    await lock.release();
  }
}
