/** Makes a folder the user names, and those on the way to it, with an end in every case. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes `folder` and what is missing above it, for the owner only. Throws the error of the operating system. Not left to
 * the `recursive` of mkdir: where an existing folder answers ENOENT (`/proc`), Node tries the two again for ever.
 */
export async function makeFolders(folder: string): Promise<void> {
  const missing: string[] = [];
  for (let path = folder; !(await isThere(path)); path = dirname(path)) missing.unshift(path);
  for (const path of missing) {
    await mkdir(path, { mode: 0o700 }).catch(async (error: unknown) => {
      // Another run may have made it just now.
      if (!(await isFolder(path))) throw error;
    });
  }
  if (!(await isFolder(folder))) await mkdir(folder);
}

async function isThere(path: string): Promise<boolean> {
  return dirname(path) === path || (await stat(path).catch(() => undefined)) !== undefined;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
