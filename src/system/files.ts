/** Reads what the user names and writes what the user gets: whole or not at all, with a diagnostic for everything that can be wrong. */
import { createHash, type Hash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, open, readdir, readFile, readlink, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fail } from '../diagnostics/catalogue.js';
import { readingError, writingError } from './system-error.js';

/**
 * The content of the file at `path`; a pipe is read as well (`kptool build <(git diff)`), a device is not, since it may
 * never end. Throws `input-missing`, `input-is-directory`, `input-unreadable`.
 */
export async function readInput(path: string): Promise<Buffer> {
  try {
    const facts = await stat(path);
    if (facts.isCharacterDevice() || facts.isBlockDevice() || facts.isSocket()) {
      fail('input-unreadable', { path, reason: 'it is not an ordinary file' });
    }
    return await readFile(path);
  } catch (error) {
    throw readingError(error, path);
  }
}

/**
 * Writes a file so that at any moment, also after a crash, `path` holds either what it held before or all of `bytes`.
 * A temporary file beside it is written, flushed to the disk and renamed. Throws `output-unwritable`, `disk-full`.
 */
export async function writeOutputAtomically(path: string, bytes: Uint8Array | string): Promise<void> {
  const folder = dirname(path);
  const unique = `${process.pid}-${randomBytes(6).toString('hex')}`;
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

/** SHA-256 of a file's content, in hexadecimal digits. Throws as `readInput` does. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    throw readingError(error, path);
  }
  return hash.digest('hex');
}

/**
 * SHA-256 over everything below `path`: names, kinds, modes, contents, link targets, and the times of last change unless
 * `ignoreTimes` is set. A file that was made and deleted again shows in its folder's time. Throws as `readInput` does.
 */
export async function hashTree(path: string, options: { readonly ignoreTimes?: boolean } = {}): Promise<string> {
  const hash = createHash('sha256');
  try {
    await addToHash(hash, path, '', options.ignoreTimes === true);
  } catch (error) {
    throw readingError(error, path);
  }
  return hash.digest('hex');
}

async function addToHash(hash: Hash, root: string, name: string, ignoreTimes: boolean): Promise<void> {
  const path = join(root, name);
  const facts = await lstat(path, { bigint: true });
  const time = ignoreTimes ? '' : String(facts.mtimeNs);
  // NUL cannot be part of a name, so no two trees give the same bytes.
  hash.update(`${name}\0${facts.mode}\0${time}\0`);
  if (facts.isSymbolicLink()) hash.update(`${await readlink(path)}\0`);
  if (facts.isFile()) hash.update(await hashFile(path));
  if (!facts.isDirectory()) return;
  for (const entry of (await readdir(path)).sort()) await addToHash(hash, root, join(name, entry), ignoreTimes);
}
