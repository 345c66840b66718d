/**
 * How large the entries of a table are, told from the table itself: what the relocations of one entry look like, those of
 * every other do too, one entry further on. Serves tables whose size nobody gave or that no rule knows, and checks the
 * sizes that were given.
 */
import type { EntrySizeName } from '../arch/arch.js';
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
 * A table of two places an entry (`{ call, key }`) looks like one of single places, and half the size is answered. Where
 * the structure is known, `inferEntrySize` knows better; where objtool made the table, it declared the size.
 * @param section a table as prepared, its relocations naming functions
 * @returns bytes
 */
export function inferStride(section: ElfSection): Stride | undefined {
  const relocations = sortedRelocations(section);
  for (let count = 1; count <= mostRelocations && count < relocations.length; count++) {
    const entrySize = (relocations[count]?.offset ?? 0) - (relocations[0]?.offset ?? 0);
    if (isPeriodic(section, relocations, count, entrySize)) {
      const joined = joinedEntries(section, entrySize);
      return { entrySize: entrySize * joined, relocationsPerEntry: count * joined };
    }
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

/** How many of the entries that show make one of the size that the section header declares (`sh_entsize`). */
function joinedEntries({ entrySize: declared, content }: ElfSection, seen: number): number {
  return declared > 0 && declared % seen === 0 && content.length % declared === 0 ? declared / seen : 1;
}

/** Relocations by offset; the compiler writes them so, other tools may not. */
export function sortedRelocations({ relocations }: ElfSection): readonly Relocation[] {
  return [...relocations].sort((a, b) => a.offset - b.offset);
}

/** How many fields of an entry refer to something. */
interface ReferringFields {
  readonly least: number;
  readonly most: number;
  /** One entry may have fewer than the next, down to the first. */
  readonly varies?: true;
}

/**
 * By the setting of the entry's size, for all kernels since 3.10. What a field refers to may be two relocations
 * (loongarch's ADD and SUB of one distance).
 */
const referringFields: Readonly<Record<EntrySizeName, ReferringFields>> = {
  // The code, its replacement; x86 had entries without one (`static_cpu_has`, until Linux 5.12).
  ALT_STRUCT_SIZE: { least: 1, most: 2, varies: true },
  // The code; with CONFIG_DEBUG_BUGVERBOSE its file, later a format too.
  BUG_STRUCT_SIZE: { least: 1, most: 3 },
  // The code, where it continues; x86 had a function that handles it too (Linux 4.6 to 5.15).
  EX_STRUCT_SIZE: { least: 2, most: 3 },
  // Start and end of the code and of its replacement.
  FIXUP_STRUCT_SIZE: { least: 4, most: 4 },
  // The code, where it jumps to, the key.
  JUMP_STRUCT_SIZE: { least: 3, most: 3 },
  // Rows name no place (`orc.ts`).
  ORC_STRUCT_SIZE: { least: 0, most: 0 },
  PARA_STRUCT_SIZE: { least: 1, most: 1 },
  // A pointer.
  PRINTK_INDEX_STRUCT_SIZE: { least: 1, most: 1 },
  // The call, its key.
  STATIC_CALL_STRUCT_SIZE: { least: 2, most: 2 },
};

/**
 * The smallest entry size under which every entry of the table of a known structure refers to what it must, all at the
 * same places of an entry: `.static_call_sites` refers to a call and a key in turn, every four bytes, so its entries have
 * 8 bytes and not 4. The first reference of each is to this object: of `{ fault, resume, handler }` again and again, the
 * handler begins no entry, being undefined. A table of a single entry has its size. `undefined` where the table is irregular.
 * @param setting whose size it is
 * @returns bytes
 */
export function inferEntrySize(section: ElfSection, setting: EntrySizeName): number | undefined {
  const expected = referringFields[setting];
  const places = sortedRelocations(section).filter(({ offset }, index, all) => offset !== all[index - 1]?.offset);
  const first = places[0]?.offset;
  if (first === undefined) return undefined;
  // The first place of the second entry is one of these, if there is a second entry.
  const next = places.slice(expected.least, expected.most + 1).map(({ offset }) => offset - first);
  return [...next, section.content.length].find((size) => {
    return size >= smallestEntry && hasFields(entriesOf(section, places, size), size, first, expected);
  });
}

/** The references of each entry of `size` bytes. */
function entriesOf({ content }: ElfSection, places: readonly Relocation[], size: number): Relocation[][] {
  const entries = Array.from({ length: Math.ceil(content.length / size) }, (): Relocation[] => []);
  for (const place of places) entries[Math.floor(place.offset / size)]?.push(place);
  return entries;
}

function hasFields(
  entries: readonly Relocation[][],
  size: number,
  first: number,
  { least, most, varies }: ReferringFields,
): boolean {
  const fieldsOf = (entry: readonly Relocation[]) => entry.map(({ offset }) => offset % size);
  if (new Set(entries.flatMap(fieldsOf)).size > most) return false;
  const shape = fieldsOf(entries[0] ?? []).join();
  return entries.every((entry) => {
    const fields = fieldsOf(entry);
    if (fields[0] !== first || fields.length < least || entry[0]?.symbol.section === undefined) return false;
    return varies === true || fields.join() === shape;
  });
}

/**
 * The size that the table itself speaks for, where it contradicts the `given` one; `undefined` where it does not or
 * where the table is too irregular to tell.
 * @param given bytes
 */
export function contradictingSize(section: ElfSection, setting: EntrySizeName, given: number): number | undefined {
  const seen = inferEntrySize(section, setting);
  return seen === given ? undefined : seen;
}

/** The relocation names a place in the body of a function, as opposed to the function as a whole. */
export function isPlaceInFunction({ symbol, addend }: Relocation): boolean {
  return symbol.type === STT.FUNC && symbol.section !== undefined && addend > 0 && addend < symbol.size;
}
