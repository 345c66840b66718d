/** Writes what kbuild is to work on: makefiles, sources and scripts in the private work folder. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { writingError } from '../system/system-error.js';

/**
 * Writes a file of the work folder, and the folders on its way. `isProgram` lets it be run. Throws
 * `work-folder-unwritable` or `disk-full`.
 */
export async function writeWorkFile(
  file: string,
  content: string | Uint8Array,
  { isProgram = false }: { readonly isProgram?: boolean } = {},
): Promise<void> {
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content, { mode: isProgram ? 0o755 : 0o644 });
  } catch (error) {
    throw writingError(error, file, 'work-folder-unwritable');
  }
}
