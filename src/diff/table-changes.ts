/**
 * A change that stands in a table only: another static key for the same jump label, WARN that becomes WARN_ONCE, another
 * CPU feature for an alternative. The code is the same byte for byte, and yet its function has changed.
 */
import type { EntrySizes } from '../arch/arch.js';
import { STT } from '../elf/constants.js';
import type { ElfSection, Relocation } from '../elf/object.js';
import type { Correlation } from './pairing.js';
import type { PreparedObject } from './prepare.js';
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

/** The sections of the patched object's functions whose entries in some table differ from their twins'. */
export function functionsWithChangedEntries(
  { original, patched, correlation }: PreparedPair,
  entrySizes: EntrySizes,
  isReferenceSame: ReferenceComparison,
): Set<ElfSection> {
  const [originals, patcheds] = [ownedEntries(original, entrySizes), ownedEntries(patched, entrySizes)];
  const changed = new Set<ElfSection>();
  for (const [section, tables] of patcheds) {
    const twin = correlation.sections.originalOf(section);
    for (const [table, after] of tables) {
      const before = twin && originals.get(twin)?.get(table);
      // The same code has as many entries; where their number differs, its bytes have told so already.
      if (before === undefined || before.length !== after.length) continue;
      const isSame = before.every((owned, index) => {
        const other = after[index];
        return other !== undefined && isEntrySame(owned, other, isReferenceSame);
      });
      if (!isSame) changed.add(section);
    }
  }
  return changed;
}

interface OwnedEntry {
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

function isEntrySame(original: OwnedEntry, patched: OwnedEntry, isReferenceSame: ReferenceComparison): boolean {
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
      const isReplacement = [relocation, other].every(({ symbol }) => symbol.section?.name === '.altinstr_replacement');
      return isReplacement || isReferenceSame(original.table, relocation, patched.table, other);
    })
  );
}

function contentOf({ table, entry }: OwnedEntry): Uint8Array {
  const content = Uint8Array.from(table.content.subarray(entry.offset, entry.offset + entry.size));
  if (table.name !== '__bug_table') return content;
  const line = bugLines.get(entry.size);
  return line === undefined ? content.fill(0) : content.fill(0, line, line + 2);
}
