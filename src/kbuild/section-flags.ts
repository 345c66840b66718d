/** Checks that the section flags reached the compiler: without a section per function, nothing can be taken out of an object. */
import { fail } from '../diagnostics/catalogue.js';
import { readImage } from '../elf/image.js';
import { readInput } from '../system/files.js';
import type { CompiledObject } from './compiler-wrapper.js';

/** `SHF_EXECINSTR` (ELF specification, section flags). */
const executable = 4;

/**
 * Throws `section-flags-lost` when an object has code in `.text` and none in a section like `.text.cm_value`. An object
 * may have both, from inline assembly, or neither, from a source without functions.
 */
export async function checkSections(objects: readonly CompiledObject[]): Promise<void> {
  const lost = await Promise.all(objects.map(async ({ file, object }) => ((await hasOneText(file)) ? [object] : [])));
  if (lost.flat().length > 0) fail('section-flags-lost', { objects: lost.flat() });
}

async function hasOneText(file: string): Promise<boolean> {
  const { sections } = readImage(await readInput(file), file);
  const code = sections.filter(({ flags, size }) => (flags & executable) !== 0 && size > 0);
  return code.some(({ name }) => name === '.text') && !code.some(({ name }) => name.startsWith('.text.'));
}
