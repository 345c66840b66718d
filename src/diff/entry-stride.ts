/**
 * How large the entries of a table are, told from the table itself: what the relocations of one entry look like, those of
 * every other do too, one entry further on. Serves tables that no rule knows, and checks the sizes that were given.
 */
import { STT } from '../elf/constants.js';
import type { ElfSection, Relocation } from '../elf/object.js';

/** An entry refers to a handful of things: a place, another place, a key, a name. */
const mostRelocations = 8;

/** Bytes of the smallest entry: a 32-bit distance. Larger ones may be odd: `struct alt_instr` had 13 before Linux 5.12. */
const smallestEntry = 4;

export interface Stride {
  /** Bytes of an entry. */
  readonly entrySize: number;
  readonly relocationsPerEntry: number;
}

/**
 * The smallest entry size under which all entries have relocations at the same places; two entries at least, else there
 * is nothing to compare. `undefined` where the table is irregular. The last entry may lack its padding.
 *
 * A table of two places an entry (`{ fault, resume }`) looks like one of single places, and half the size is answered.
 * Nothing is cut apart by that as long as both places of an entry are in one function.
 * @param section a table as prepared, its relocations naming functions
 * @returns bytes
 */
export function inferStride(section: ElfSection): Stride | undefined {
  const relocations = sortedRelocations(section);
  for (let count = 1; count <= mostRelocations && count < relocations.length; count++) {
    const entrySize = (relocations[count]?.offset ?? 0) - (relocations[0]?.offset ?? 0);
    if (isPeriodic(section, relocations, count, entrySize)) return { entrySize, relocationsPerEntry: count };
  }
  return undefined;
}

function isPeriodic(section: ElfSection, relocations: readonly Relocation[], count: number, size: number): boolean {
  if (size < smallestEntry || relocations.length % count !== 0) return false;
  if (Math.ceil(section.content.length / size) !== relocations.length / count) return false;
  if ((relocations[count - 1]?.offset ?? 0) >= size) return false;
  return relocations.every((relocation, index) => {
    const before = relocations[index - count];
    return before === undefined || (relocation.offset - before.offset === size && relocation.type === before.type);
  });
}

/** Relocations by offset; the compiler writes them so, other tools may not. */
export function sortedRelocations({ relocations }: ElfSection): readonly Relocation[] {
  return [...relocations].sort((a, b) => a.offset - b.offset);
}

/**
 * The size that the table itself speaks for, where it contradicts the `given` one; `undefined` where it does not or
 * where the table is too irregular to tell.
 *
 * Where every word of an entry is relocated a given size may be any multiple of what is seen (`{ place, key }`).
 * @param given bytes
 */
export function contradictingSize(section: ElfSection, given: number): number | undefined {
  const stride = inferStride(section);
  if (stride === undefined || stride.entrySize === given) return undefined;
  const isAllPointers = stride.entrySize <= stride.relocationsPerEntry * 8;
  const isMultiple = given % stride.entrySize === 0 && section.content.length % given === 0;
  return isAllPointers && isMultiple ? undefined : stride.entrySize;
}

/** The relocation names a place in the body of a function, as opposed to the function as a whole. */
export function isPlaceInFunction({ symbol, addend }: Relocation): boolean {
  return symbol.type === STT.FUNC && symbol.section !== undefined && addend > 0 && addend < symbol.size;
}
