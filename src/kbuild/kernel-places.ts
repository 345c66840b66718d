/** Where the cache keeps a prepared kernel, and what tells one from another. Nothing is read of the kernel itself. */
import { createHash } from 'node:crypto';
import { lstat, mkdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import type { InstalledCompiler } from '../kernel/compiler.js';
import type { KernelSource } from '../kernel/kernel-source.js';
import type { TargetKernel } from '../kernel/resolve.js';
import { makeFolders } from '../system/make-folders.js';
import { writingError } from '../system/system-error.js';
import { isPathForKbuild } from '../system/work-folder.js';

export interface PreparedKernelIdentity {
  readonly source: KernelSource;
  readonly kernel: TargetKernel;
  readonly compiler: InstalledCompiler;
  /** `VAR=VALUE` for every make, from the user. */
  readonly makeArguments: readonly string[];
}

/** What the cache holds of a kernel is of this form; one of another form has another name, and is left alone. */
export const cacheFormat = 2;

/** Beside the prepared kernel at `folder`, since that comes and goes. */
export const lockOf = (folder: string) => `${folder}.lock`;
export const treeOf = (folder: string) => path.join(folder, 'tree');
/** What a run puts aside before it patches the tree; see `undo.ts`. */
export const undoOf = (folder: string) => path.join(folder, 'undo');
/** Says that preparing it came to its end. */
export const readyMark = (folder: string) => path.join(folder, 'ready.json');
/** Holds the compiler wrapper and what it writes down. */
export const wrapperFolder = (folder: string) => path.join(folder, 'kbuild');

/** What a prepared kernel is called in the cache. */
export async function keyOf({ source, kernel, compiler, makeArguments }: PreparedKernelIdentity): Promise<string> {
  const { size, mtimeMs } = await stat(source.path);
  const hash = createHash('sha256');
  // A folder's own time says nothing of what is in it; its files are held against a list.
  const place = source.kind === 'archive' ? [source.path, size, mtimeMs] : [source.path];
  hash.update(JSON.stringify([cacheFormat, ...place, kernel.release, compiler, makeArguments]));
  hash.update(await readFile(path.join(kernel.buildDirectory, '.config')));
  return `${kernel.release}-${hash.digest('hex').slice(0, 16)}`;
}

/** Where prepared kernels lie if kbuild cannot take the cache's path. */
export const otherFolder = () => `/var/tmp/kptool-kernels-${process.getuid?.() ?? 0}`;

/** In the cache, or, where kbuild cannot take its path, in a folder of the user's own in /var/tmp. */
export async function kernelsFolder(cache: string): Promise<string> {
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
