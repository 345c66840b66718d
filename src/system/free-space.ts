/** How much room there is on the disk that a folder lies on, or will lie on. */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Bytes that this user can still write below `folder`, which need not be there yet: the nearest folder above it that is
 * counts. `undefined` where nothing can be known. Throws nothing.
 */
export async function freeSpace(folder: string): Promise<number | undefined> {
  for (let candidate = folder; ; candidate = dirname(candidate)) {
    const facts = await statfs(candidate).catch(() => undefined);
    if (facts !== undefined) return facts.bavail * facts.bsize;
    if (candidate === dirname(candidate)) return undefined;
  }
}
