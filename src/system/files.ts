/** Reads what the user names and writes what the user gets: whole or not at all, with a diagnostic for everything that can be wrong. */
import { access, constants, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { devNull } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { errorCode, readingError, writingError } from './system-error.js';

/**
 * The content of the file at `path`; a pipe is read as well (`kptool build <(git diff)`), a device is not, since it may
 * never end; but `/dev/null` is how callers say that there is nothing. Throws `input-missing`, `input-is-directory`, `input-unreadable`.
 */
export async function readInput(path: string): Promise<Buffer> {
  try {
    const facts = await stat(path);
    if (path !== devNull && (facts.isCharacterDevice() || facts.isBlockDevice() || facts.isSocket())) {
      fail('input-unreadable', { path, reason: 'it is not an ordinary file' });
    }
    return await readFile(path);
  } catch (error) {
    throw readingError(error, path);
  }
}

/** Throws `output-unwritable` where a file in `folder` could not be written: asked before long work, so that it is not lost. */
export async function requireOutputFolder(folder: string): Promise<void> {
  try {
    // The "/." makes a file of that name answer ENOTDIR.
    await access(`${folder}/.`, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw writingError(error, folder);
  }
}

/**
 * Throws `work-folder-unwritable` where this user cannot write in `folder`, nor make it in the nearest folder above that is
 * there. Asked without writing anything.
 */
export async function requireRoomBelow(folder: string): Promise<void> {
  for (let candidate = folder; ; candidate = dirname(candidate)) {
    try {
      return await access(`${candidate}/.`, constants.W_OK | constants.X_OK);
    } catch (error) {
      if (errorCode(error) === 'ENOENT' && candidate !== dirname(candidate)) continue;
      throw writingError(error, candidate, 'work-folder-unwritable');
    }
  }
}

/**
 * Writes a file so that at any moment, also after a crash, `path` holds either what it held before or all of `bytes`.
 * A temporary file beside it is written, flushed to the disk and renamed. Throws `output-unwritable`, `disk-full`.
 */
export async function writeOutputAtomically(path: string, bytes: Uint8Array | string): Promise<void> {
  const folder = dirname(path);
  // 'wx' below is what keeps another's file safe; loading node:crypto for the name would take longer than writing.
  const unique = `${process.pid}-${Math.random().toString(36).slice(2)}`;
  const temporary = join(folder, `.${basename(path).slice(0, 100)}.${unique}.tmp`);
  try {
    const file = await open(temporary, 'wx', 0o644);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writingError(error, path);
  }
}

/** Makes the new name itself durable. Some file systems cannot flush folders; the file is whole all the same. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
