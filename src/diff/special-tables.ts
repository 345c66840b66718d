/**
 * Tables whose entries each belong to a place in some function: where it may trap (`__bug_table`), which instruction to
 * patch for this CPU (`.altinstructions`), how to unwind from it. The livepatch gets the entries of its own functions
 * and no others, moved together.
 */
import type { Arch, EntrySizes, SpecialTable } from '../arch/arch.js';
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { STT } from '../elf/constants.js';
import type { ElfSection, ElfSymbol, Relocation } from '../elf/object.js';
import type { Lookup } from '../lookup/lookup.js';
import { type EntryFilter, keepStaticBranch, keepStaticCall } from './entry-filters.js';
import { contradictingSize, inferEntrySize, sortedRelocations } from './entry-stride.js';
import type { Inclusion } from './include.js';
import type { PreparedObject } from './prepare.js';
import { targetOffset } from './section-references.js';

/** Tables that every CPU's kernel may have; a CPU adds its own (`Arch.specialTables`). */
const commonTables: readonly SpecialTable[] = [
  // Before __ex_table, which refers to it.
  { name: '.fixup', entrySize: 'FIXUP_CODE' },
  { name: '__bug_table', entrySize: 'BUG_STRUCT_SIZE' },
  { name: '__ex_table', entrySize: 'EX_STRUCT_SIZE' },
  { name: '__jump_table', entrySize: 'JUMP_STRUCT_SIZE' },
  { name: '.printk_index', entrySize: 'PRINTK_INDEX_STRUCT_SIZE' },
];

/** Entries that need more than belonging to an included function. */
const filters: ReadonlyMap<string, EntryFilter> = new Map([
  ['__jump_table', keepStaticBranch],
  ['.static_call_sites', keepStaticCall],
]);

/** A table as the livepatch gets it. */
export interface RebuiltTable {
  readonly content: Uint8Array;
  readonly relocations: readonly Relocation[];
  /** Where kept entries began and begin, in bytes from the start of the table. */
  readonly moved: ReadonlyMap<number, number>;
}

export interface RebuiltTables {
  readonly tables: ReadonlyMap<ElfSection, RebuiltTable>;
  readonly findings: readonly Diagnostic[];
}

export interface TableInput {
  readonly patched: PreparedObject;
  readonly inclusion: Inclusion;
  readonly entrySizes: EntrySizes;
  readonly lookup: Lookup;
}

/**
 * Takes the entries of included functions out of every special table and includes what they refer to.
 * @returns the new tables, and `entry-size-unknown`, `entry-size-contradicted`, `table-malformed`, `static-branch-in-module`,
 *   `static-call-in-module`, `tracepoint-dropped`
 */
export function rebuildTables(input: TableInput): RebuiltTables {
  const tables = new Map<ElfSection, RebuiltTable>();
  const findings: Diagnostic[] = [];
  for (const table of specialTables(input.patched)) {
    for (const section of input.patched.object.sections) {
      if (section.name !== table.name || section.relocations.length === 0) continue;
      const starts = entryStarts(section, table, input);
      if (starts === undefined) {
        findings.push(diagnose('entry-size-unknown', { section: section.name, setting: String(table.entrySize) }));
        continue;
      }
      findings.push(...checkGivenSize(section, table, input));
      const entries = splitEntries(section, starts);
      if (table.name === '.altinstructions') dropUnusedPieces(input, section, entries);
      tables.set(section, rebuildTable(input, section, entries, findings));
    }
  }
  followFixups(tables);
  includeReplacements(input, tables);
  return { tables, findings };
}

function specialTables({ arch }: PreparedObject): readonly SpecialTable[] {
  return [...commonTables, ...arch.specialTables];
}

/** Names of all sections whose entries belong to places in functions, so that a reference in them is no use. */
export function tableNames(arch: Arch): Set<string> {
  const names = [...commonTables, ...arch.specialTables].map(({ name }) => name);
  return new Set([...names, '.orc_unwind_ip', '__mcount_loc', '__patchable_function_entries']);
}

/** One entry: its bytes and the relocations that lie in them. */
export interface Entry {
  /** Bytes from the start of the table. */
  readonly offset: number;
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly relocations: readonly Relocation[];
}

/** Where entries begin, in bytes from the start of the table and rising; `undefined` where the size of one is not known. */
function entryStarts(
  section: ElfSection,
  table: SpecialTable,
  input: Pick<TableInput, 'patched' | 'entrySizes'>,
): number[] | undefined {
  if (table.entrySize === 'FIXUP_CODE') return fixupStarts(section, input.patched);
  if (typeof table.entrySize === 'number') return startsOfSize(section, table.entrySize);
  const given = input.entrySizes[table.entrySize];
  const size = given === undefined || given <= 0 ? inferEntrySize(section, table.entrySize) : given;
  return size === undefined ? undefined : startsOfSize(section, size);
}

function startsOfSize(section: ElfSection, size: number): number[] {
  return Array.from({ length: Math.ceil(section.content.length / size) }, (_, index) => index * size);
}

/** The entries of a table whose entries all have `size` bytes, but for the last. */
export function entriesOfSize(section: ElfSection, size: number): Entry[] {
  return splitEntries(section, startsOfSize(section, size));
}

/**
 * A size that was given for a kernel other than the one that the objects were made for shows in the table. It matters where
 * an entry would be cut apart; people set all sizes for all kernels. A multiple takes a neighbour's entry along, no more.
 */
function checkGivenSize(section: ElfSection, { entrySize }: SpecialTable, input: TableInput): Diagnostic[] {
  if (typeof entrySize === 'number' || entrySize === 'FIXUP_CODE') return [];
  const given = input.entrySizes[entrySize];
  const seen = given === undefined || given <= 0 ? undefined : contradictingSize(section, entrySize, given);
  if (given === undefined || seen === undefined || given % seen === 0) return [];
  const kept = (size: number) =>
    entriesOfSize(section, size)
      .filter((entry) => belongsToIncluded(entry, input.inclusion))
      .flatMap(({ offset, bytes }) => Array.from(bytes, (_, index) => offset + index))
      .join();
  if (kept(given) === kept(seen)) return [];
  return [diagnose('entry-size-contradicted', { section: section.name, setting: entrySize, given, seen })];
}

/** A piece of `.fixup` begins where an entry of the exception table continues. */
function fixupStarts(section: ElfSection, { object }: PreparedObject): number[] {
  const starts = new Set([0]);
  for (const { name, relocations } of object.sections) {
    if (name !== '__ex_table') continue;
    for (const { symbol, addend } of relocations) {
      if (symbol.section === section && addend >= 0 && addend < section.content.length) starts.add(addend);
    }
  }
  return [...starts].sort((a, b) => a - b);
}

/** The last entry of a table may lack its padding. */
function splitEntries(section: ElfSection, starts: readonly number[]): Entry[] {
  const relocations = [...section.relocations].sort((a, b) => a.offset - b.offset);
  let next = 0;
  return starts.map((offset, index) => {
    const end = starts[index + 1] ?? section.content.length;
    const own: Relocation[] = [];
    for (let relocation = relocations[next]; relocation !== undefined && relocation.offset < end; ) {
      own.push(relocation);
      relocation = relocations[++next];
    }
    return { offset, size: end - offset, bytes: section.content.subarray(offset, end), relocations: own };
  });
}

/** All tables of the object whose entries have a known size, taken apart. */
export function tableEntriesOf(
  patched: PreparedObject,
  entrySizes: EntrySizes,
): { readonly table: ElfSection; readonly entries: readonly Entry[] }[] {
  return specialTables(patched).flatMap((table) =>
    patched.object.sections.flatMap((section) => {
      if (section.name !== table.name || table.entrySize === 'FIXUP_CODE') return [];
      const starts = entryStarts(section, table, { patched, entrySizes });
      return starts === undefined ? [] : [{ table: section, entries: splitEntries(section, starts) }];
    }),
  );
}

function belongsToIncluded({ relocations }: Entry, inclusion: Inclusion): boolean {
  return relocations.some(
    ({ symbol }) => symbol.type === STT.FUNC && symbol.section !== undefined && inclusion.sections.has(symbol.section),
  );
}

/**
 * The table with the entries of included functions only; they and what they refer to become included.
 * @param findings gets those of the table's filter
 */
export function rebuildTable(
  input: TableInput,
  section: ElfSection,
  entries: readonly Entry[],
  findings: Diagnostic[],
): RebuiltTable {
  const { inclusion, lookup } = input;
  const isShipped = (symbol: ElfSymbol) =>
    symbol.section !== undefined && inclusion.comparison.symbols.get(symbol) !== 'same';
  const filter = filters.get(section.name);
  const kept = entries.filter((entry) => {
    if (!belongsToIncluded(entry, inclusion)) return false;
    const verdict = filter?.(entry, { lookup, isShipped }) ?? { keep: true };
    if (verdict.finding !== undefined) findings.push(verdict.finding);
    return verdict.keep;
  });
  const rebuilt = joinEntries(kept);
  if (kept.length === 0) {
    inclusion.sections.delete(section);
    return rebuilt;
  }
  inclusion.sections.add(section);
  const sectionSymbol = input.patched.sectionSymbol.get(section);
  if (sectionSymbol !== undefined) inclusion.symbols.add(sectionSymbol);
  for (const { symbol } of rebuilt.relocations) inclusion.addSymbol(symbol);
  return rebuilt;
}

function joinEntries(entries: readonly Entry[]): RebuiltTable {
  const content = new Uint8Array(entries.reduce((sum, entry) => sum + entry.size, 0));
  const relocations: Relocation[] = [];
  const moved = new Map<number, number>();
  let end = 0;
  for (const entry of entries) {
    moved.set(entry.offset, end);
    content.set(entry.bytes, end);
    for (const relocation of entry.relocations) {
      relocations.push({ ...relocation, offset: relocation.offset - entry.offset + end });
    }
    end += entry.size;
  }
  return { content, relocations, moved };
}

/** The exception table's entries follow the pieces of `.fixup` that they continue in. */
function followFixups(tables: ReadonlyMap<ElfSection, RebuiltTable>): void {
  for (const [section, { relocations }] of tables) {
    if (section.name !== '__ex_table') continue;
    for (const relocation of relocations) {
      const target = relocation.symbol.section;
      const start = target?.name === '.fixup' ? tables.get(target)?.moved.get(relocation.addend) : undefined;
      if (start !== undefined) relocation.addend = start;
    }
  }
}

/** The code that alternatives are taken from goes along with the first of them. */
function includeReplacements(input: TableInput, tables: ReadonlyMap<ElfSection, RebuiltTable>): void {
  const hasAlternatives = [...tables].some(
    ([section, table]) => section.name === '.altinstructions' && table.content.length > 0,
  );
  if (!hasAlternatives) return;
  for (const section of input.patched.object.sections) {
    if (section.name !== '.altinstr_replacement') continue;
    input.inclusion.addSection(section);
    for (const symbol of input.patched.symbolsIn.get(section) ?? []) input.inclusion.symbols.add(symbol);
  }
}

/**
 * A piece of replacement code that no kept entry takes is never copied anywhere. What it refers to in vmlinux is found
 * anyway (and kpatch keeps such references); in a module it may be a function of `.init.text`, which is gone by then, and
 * the livepatch would not load.
 */
function dropUnusedPieces(input: TableInput, table: ElfSection, entries: readonly Entry[]): void {
  if (input.lookup.objectName === 'vmlinux') return;
  const kept = entries.filter((entry) => belongsToIncluded(entry, input.inclusion));
  for (const section of input.patched.object.sections) {
    if (section.name !== '.altinstr_replacement') continue;
    const startsIn = (relocations: readonly Relocation[]) =>
      relocations
        .filter(({ symbol }) => symbol.section === section)
        .map((relocation) => targetOffset(input.patched, table, relocation) ?? 0);
    const starts = [...new Set([0, ...startsIn(table.relocations)])].sort((a, b) => a - b);
    const keptStarts = new Set(kept.flatMap(({ relocations }) => startsIn(relocations)));
    let piece = 0;
    section.relocations = [...sortedRelocations(section)].filter(({ offset }) => {
      while ((starts[piece + 1] ?? Number.POSITIVE_INFINITY) <= offset) piece++;
      return keptStarts.has(starts[piece] ?? 0);
    });
  }
}

/** Bytes of an entry by section name, for all tables of this CPU whose size is known. */
export function tableEntrySizes(arch: Arch, sizes: EntrySizes): Map<string, number> {
  const known = [...commonTables, ...arch.specialTables].map(({ name, entrySize }) => {
    if (entrySize === 'FIXUP_CODE') return [name, undefined] as const;
    return [name, typeof entrySize === 'number' ? entrySize : sizes[entrySize]] as const;
  });
  return new Map(known.filter((entry): entry is [string, number] => entry[1] !== undefined));
}
