/**
 * The checksums that kbuild made of an object's exports when it compiled it. They say whether a patch changed a type that
 * other modules rely on.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * The checksums in the `.cmd` file beside the object at `file`, by symbol: lines like `#SYMVER ib_mad_post 0xd0b34d1f`, which
 * kbuild writes there since commit 7b4537199a4a (in v5.19). `undefined` where there are none, as before that, or where the
 * object exports nothing.
 */
export async function versionsInCommandFile(file: string): Promise<Map<string, number> | undefined> {
  const text = await readFile(path.join(path.dirname(file), `.${path.basename(file)}.cmd`), 'utf8').catch(() => '');
  const lines = [...text.matchAll(/^#SYMVER[ \t]+(\S+)[ \t]+0x([0-9a-fA-F]{1,8})$/gm)];
  if (lines.length === 0) return undefined;
  return new Map(lines.map(([, name = '', crc = '']) => [name, Number.parseInt(crc, 16)]));
}
