/** Which bundle was written last, for `reproduce --last`. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeOutputAtomically } from '../../system/files.js';

const fileName = 'last-bundle';

/** Notes it in the cache folder. Where that cannot be written, nothing is noted: the bundle is there all the same. */
export async function rememberBundle(cache: string, bundle: string): Promise<void> {
  await writeOutputAtomically(path.join(cache, fileName), `${bundle}\n`).catch(() => undefined);
}

/** Absolute path of the bundle that the last failure left; `undefined` where none is known. */
export async function lastBundle(cache: string): Promise<string | undefined> {
  const text = await readFile(path.join(cache, fileName), 'utf8').catch(() => '');
  const [line = ''] = text.split('\n');
  return path.isAbsolute(line) ? line : undefined;
}
