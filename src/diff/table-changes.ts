/**
 * A change that stands in a table only: another static key for the same jump label, WARN that becomes WARN_ONCE, another
 * CPU feature for an alternative. The code is the same byte for byte, and yet its function has changed.
 */
import type { EntrySizes } from '../arch/arch.js';
import { STT } from '../elf/constants.js';
import type { ElfSection, Relocation } from '../elf/object.js';
import { sortedRelocations } from './entry-stride.js';
import type { Correlation } from './pairing.js';
import type { PreparedObject } from './prepare.js';
import { targetOffset } from './section-references.js';
import { type Entry, tableEntriesOf } from './special-tables.js';

/**
 * Where an entry of `__bug_table` holds its line, by the entry's size in bytes; lines move with the patch. struct bug_entry
 * (include/asm-generic/bug.h): with relative pointers, with absolute ones, and with the format that v6.19 added.
 */
const bugLines: ReadonlyMap<number, number> = new Map([
  [12, 8],
  [24, 16],
  [16, 12],
]);

/** Tables that say nothing of their own: places in the code, and descriptions of messages with their lines. */
const placesOnly = new Set(['.printk_index']);

export type ReferenceComparison = (
  originalTable: ElfSection,
  original: Relocation,
  patchedTable: ElfSection,
  patched: Relocation,
) => boolean;

interface PreparedPair {
  readonly original: PreparedObject;
  readonly patched: PreparedObject;
  readonly correlation: Correlation;
}

/** The first entries of a function that are not the same. */
export interface EntryChange {
  readonly original: OwnedEntry;
  readonly patched: OwnedEntry;
}

/** The sections of the patched object's functions whose entries in some table differ from their twins'. */
export function functionsWithChangedEntries(
  { original, patched, correlation }: PreparedPair,
  entrySizes: EntrySizes,
  isReferenceSame: ReferenceComparison,
): Map<ElfSection, EntryChange> {
  const [originals, patcheds] = [ownedEntries(original, entrySizes), ownedEntries(patched, entrySizes)];
  const compare = new EntryComparison({ original, patched }, isReferenceSame);
  const changed = new Map<ElfSection, EntryChange>();
  for (const [section, tables] of patcheds) {
    const twin = correlation.sections.originalOf(section);
    for (const [table, after] of tables) {
      const before = twin && originals.get(twin)?.get(table);
      // The same code has as many entries; where their number differs, its bytes have told so already.
      if (before === undefined || before.length !== after.length) continue;
      for (const [index, owned] of before.entries()) {
        const other = after[index];
        if (other === undefined || changed.has(section) || compare.isSame(owned, other)) continue;
        changed.set(section, { original: owned, patched: other });
      }
    }
  }
  return changed;
}

/**
 * The code that `.altinstructions` puts in place of instructions has been looked at with the entries that name it, in both
 * objects. (Where the size of an entry is not known it has not.)
 */
export function areReplacementsCompared(prepared: PreparedObject, entrySizes: EntrySizes): boolean {
  const tables = tableEntriesOf(prepared, entrySizes).filter(({ table }) => table.name === '.altinstructions');
  return tables.length > 0 && tables.every(({ entries }) => isUniform(entries));
}

export function isReplacementCode({ name }: ElfSection): boolean {
  return name === '.altinstr_replacement';
}

export interface OwnedEntry {
  readonly table: ElfSection;
  readonly entry: Entry;
}

/** Entries by the section of the function that their first reference to a function means, and by table. */
function ownedEntries(prepared: PreparedObject, entrySizes: EntrySizes): Map<ElfSection, Map<string, OwnedEntry[]>> {
  const owned = new Map<ElfSection, Map<string, OwnedEntry[]>>();
  for (const { table, entries } of tableEntriesOf(prepared, entrySizes)) {
    if (placesOnly.has(table.name) || !isUniform(entries)) continue;
    for (const entry of entries) {
      const owner = entry.relocations.find(({ symbol }) => symbol.type === STT.FUNC)?.symbol.section;
      if (owner === undefined) continue;
      const tables = owned.get(owner) ?? new Map<string, OwnedEntry[]>();
      owned.set(owner, tables);
      const known = tables.get(table.name);
      if (known === undefined) tables.set(table.name, [{ table, entry }]);
      else known.push({ table, entry });
    }
  }
  return owned;
}

/**
 * All entries have references at the same places, and no two halves alike. Sizes from the environment may be wrong for a
 * table that no changed function has entries in; nothing can be learnt from such pieces.
 */
function isUniform(entries: readonly Entry[]): boolean {
  const shape = ({ relocations }: Entry, from: number, to: number) =>
    relocations
      .filter(({ offset }) => offset >= from && offset < to)
      .map(({ offset, type }) => `${offset - from}:${type}`)
      .join(' ');
  const shapes = entries.map((entry) => shape(entry, entry.offset, entry.offset + entry.size));
  const hasHalves = entries.some((entry) => {
    const middle = entry.offset + entry.size / 2;
    return (
      entry.relocations.length > 1 && shape(entry, entry.offset, middle) === shape(entry, middle, middle + entry.size)
    );
  });
  return shapes.every((one) => one === shapes[0]) && !hasHalves;
}

class EntryComparison {
  readonly #pieces = new Map<ElfSection, Pieces>();

  constructor(
    readonly sides: { readonly original: PreparedObject; readonly patched: PreparedObject },
    readonly isReferenceSame: ReferenceComparison,
  ) {}

  isSame(original: OwnedEntry, patched: OwnedEntry): boolean {
    if (original.table.name !== patched.table.name || original.entry.size !== patched.entry.size) return false;
    if (Buffer.compare(contentOf(original), contentOf(patched)) !== 0) return false;
    const [before, after] = [original.entry.relocations, patched.entry.relocations];
    return (
      before.length === after.length &&
      before.every((relocation, index) => {
        const other = after[index];
        if (other === undefined) return false;
        if (relocation.offset - original.entry.offset !== other.offset - patched.entry.offset) return false;
        // Replacements of all functions stand in one section; where this one's stands says nothing.
        const [from, to] = [relocation.symbol.section, other.symbol.section];
        if (from !== undefined && to !== undefined && isReplacementCode(from) && isReplacementCode(to)) {
          return this.#isReplacementSame(original.table, relocation, patched.table, other);
        }
        return this.isReferenceSame(original.table, relocation, patched.table, other);
      })
    );
  }

  #isReplacementSame(
    originalTable: ElfSection,
    original: Relocation,
    patchedTable: ElfSection,
    patched: Relocation,
  ): boolean {
    const before = this.#piece(this.sides.original, originalTable, original);
    const after = this.#piece(this.sides.patched, patchedTable, patched);
    if (before === undefined || after === undefined) return before === after;
    return (
      Buffer.compare(before.bytes, after.bytes) === 0 &&
      before.relocations.length === after.relocations.length &&
      before.relocations.every((reference, index) => {
        const other = after.relocations[index];
        if (other === undefined || reference.offset - before.start !== other.offset - after.start) return false;
        return this.isReferenceSame(before.section, reference, after.section, other);
      })
    );
  }

  #piece(prepared: PreparedObject, table: ElfSection, relocation: Relocation): Piece | undefined {
    const pieces = this.#pieces.get(table) ?? replacementPieces(prepared, table);
    this.#pieces.set(table, pieces);
    return pieceAt(pieces, prepared, table, relocation);
  }
}

/** What the relocation of an entry of `table` puts in place of instructions. */
export function replacementOf(prepared: PreparedObject, table: ElfSection, relocation: Relocation): Piece | undefined {
  return pieceAt(replacementPieces(prepared, table), prepared, table, relocation);
}

function pieceAt(
  pieces: Pieces,
  prepared: PreparedObject,
  table: ElfSection,
  relocation: Relocation,
): Piece | undefined {
  const start = targetOffset(prepared, table, relocation);
  return start === undefined ? undefined : pieces.get(relocation.symbol.section)?.get(start);
}

/** What one entry puts in place of instructions. */
interface Piece {
  readonly section: ElfSection;
  /** Bytes from the start of the section. */
  readonly start: number;
  readonly bytes: Uint8Array;
  readonly relocations: readonly Relocation[];
}

type Pieces = ReadonlyMap<ElfSection | undefined, ReadonlyMap<number, Piece>>;

/**
 * By section and start. A piece ends where the next one that an entry names begins; layouts of entries differ in where they
 * say its length.
 */
function replacementPieces(prepared: PreparedObject, table: ElfSection): Pieces {
  const starts = new Map<ElfSection, Set<number>>();
  for (const relocation of table.relocations) {
    const { section } = relocation.symbol;
    const start = targetOffset(prepared, table, relocation);
    if (section === undefined || !isReplacementCode(section) || start === undefined) continue;
    starts.set(section, (starts.get(section) ?? new Set<number>()).add(start));
  }
  return new Map([...starts].map(([section, from]) => [section, piecesOf(section, [...from])]));
}

function piecesOf(section: ElfSection, from: number[]): Map<number, Piece> {
  const starts = from.sort((a, b) => a - b);
  const relocations = sortedRelocations(section);
  let next = relocations.findIndex(({ offset }) => offset >= (starts[0] ?? 0));
  return new Map(
    starts.map((start, index) => {
      const end = starts[index + 1] ?? section.content.length;
      const first = next;
      while (next >= 0 && (relocations[next]?.offset ?? end) < end) next++;
      const own = next < 0 ? [] : relocations.slice(first, next);
      return [start, { section, start, bytes: section.content.subarray(start, end), relocations: own }];
    }),
  );
}

function contentOf({ table, entry }: OwnedEntry): Uint8Array {
  const content = Uint8Array.from(table.content.subarray(entry.offset, entry.offset + entry.size));
  if (table.name !== '__bug_table') return content;
  const line = bugLines.get(entry.size);
  return line === undefined ? content.fill(0) : content.fill(0, line, line + 2);
}
