/** Which bundle was written last, for `reproduce --last`. */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { writeOutputAtomically } from '../../system/files.js';

const fileName = 'last-bundle';
const bundleName = /^kptool-failure-.+\.tar\.gz$/;

/** Notes it in the cache folder. Where that cannot be written, nothing is noted: the bundle is there all the same. */
export async function rememberBundle(cache: string, bundle: string): Promise<void> {
  await writeOutputAtomically(path.join(cache, fileName), `${bundle}\n`).catch(() => undefined);
}

/**
 * Absolute path of the bundle that the last failure left: the newest one in `folder`, the working directory, else the one that is
 * noted in the cache folder. `undefined` where none is known.
 */
export async function lastBundle(cache: string, folder: string): Promise<string | undefined> {
  const names = (await readdir(folder).catch((): string[] => [])).filter((name) => bundleName.test(name));
  const dated = await Promise.all(
    names.map(async (name) => {
      const facts = await stat(path.join(folder, name)).catch(() => undefined);
      return { file: path.join(folder, name), changed: facts?.mtimeMs ?? 0 };
    }),
  );
  const [newest] = dated.sort((a, b) => b.changed - a.changed);
  if (newest !== undefined) return newest.file;
  const text = await readFile(path.join(cache, fileName), 'utf8').catch(() => '');
  const [line = ''] = text.split('\n');
  return path.isAbsolute(line) ? line : undefined;
}
