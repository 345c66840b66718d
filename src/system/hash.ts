/** Says whether files and folders are still what they were, for whoever must not change them. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { readingError } from './system-error.js';

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
