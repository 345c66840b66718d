/** Says whether files and folders are still what they were, for whoever must not change them. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { staysBehind } from './copy-tree.js';
import { readingError } from './system-error.js';

/** SHA-256 of a file's content, or what another algorithm makes of it, in hexadecimal digits. Throws as `readInput` does. */
export async function hashFile(path: string, algorithm = 'sha256'): Promise<string> {
  const hash = createHash(algorithm);
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

/**
 * SHA-256 of every source in `tree`, by path: of what `copyTree` would copy, links followed. `skip` says of an absolute
 * path that it is none. Files that vanish meanwhile are left out, as are folders that contain themselves by a link.
 */
export async function hashSources(tree: string, skip: (path: string) => boolean): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  const visit = async (folder: string, name: string, above: readonly string[]): Promise<void> => {
    const real = await realpath(folder).catch(() => undefined);
    if (real === undefined || above.includes(real)) return;
    const names = (await readdir(folder).catch(() => [])).sort();
    const present = new Set(names);
    for (const entry of names) {
      const path = join(folder, entry);
      if (staysBehind(entry, present) || skip(path)) continue;
      const facts = await stat(path).catch(() => undefined);
      if (facts?.isDirectory()) await visit(path, join(name, entry), [...above, real]);
      const hash = facts?.isFile() ? await hashFile(path).catch(() => undefined) : undefined;
      if (hash !== undefined) hashes.set(join(name, entry), hash);
    }
  };
  await visit(tree, '', []);
  return hashes;
}
