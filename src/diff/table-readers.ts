/**
 * A table of functions that the patch changes, `struct file_operations` for one, and who reads it: these functions can be
 * changed in its place. For the advice to the patch's author.
 */
import { dereference } from '../arch/indirection.js';
import { STT } from '../elf/constants.js';
import type { ElfSection } from '../elf/object.js';
import { canonicalName } from './names.js';
import type { Correlation } from './pairing.js';
import type { PreparedObject } from './prepare.js';

/** The functions that the section of the patched object points to and its original does not, or not at that place. */
export function changedPointers(section: ElfSection, { correlation }: { readonly correlation: Correlation }): string[] {
  const original = correlation.sections.originalOf(section);
  const before = new Set(original === undefined ? [] : pointers(original).map(({ key }) => key));
  return [...new Set(pointers(section).flatMap(({ key, name }) => (before.has(key) ? [] : [name])))];
}

function pointers({ relocations }: ElfSection): { readonly key: string; readonly name: string }[] {
  return relocations
    .filter(({ symbol }) => symbol.type === STT.FUNC)
    .map(({ offset, symbol: { name } }) => ({ key: `${offset} ${canonicalName(name)}`, name }));
}

/** The functions of the object that refer to the section. Other objects may read a global variable as well. */
export function readersOf(section: ElfSection, { object, arch, ownSymbol }: PreparedObject): string[] {
  const readers = object.sections.filter(({ relocations }) =>
    relocations.some((relocation) => dereference(arch, relocation)?.symbol.section === section),
  );
  return readers.flatMap((reader) => {
    const owner = ownSymbol.get(reader);
    return owner?.type === STT.FUNC ? [owner.name] : [];
  });
}
