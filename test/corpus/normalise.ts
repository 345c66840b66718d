/**
 * The form in which the corpus records a result (its README, "The normalised output"): order, numbers and the layout of
 * strings are gone, so that two results compare as multisets.
 */
import { createHash } from 'node:crypto';
import { SHF, SHT, STB, STT } from '../../src/elf/constants.js';
import type { ElfObject, ElfSection, ElfSymbol, Relocation } from '../../src/elf/object.js';

export interface NormalisedOutput {
  readonly arch: readonly unknown[];
  readonly klpRelocations: readonly unknown[];
  readonly machine: number;
  readonly patches: readonly unknown[];
  readonly relocations: Readonly<Record<string, readonly (readonly [number, number, string])[]>>;
  readonly sections: readonly unknown[];
  readonly symbols: readonly unknown[];
}

const nameOfType = new Map(Object.entries(STT).map(([name, value]) => [value as number, name]));
const nameOfBind = new Map(Object.entries(STB).map(([name, value]) => [value as number, name]));
const nameOfSectionType = new Map(Object.entries(SHT).map(([name, value]) => [value as number, name]));
const intermediate = new Set(['.kpatch.funcs', '.kpatch.relocations', '.kpatch.symbols', '.kpatch.arch']);

export function normalise(object: ElfObject): NormalisedOutput {
  const reader = new TableReader(object);
  const relocations: Record<string, [number, number, string][]> = {};
  for (const section of object.sections) {
    if (intermediate.has(section.name) || section.relocations.length === 0) continue;
    const rows = section.relocations.map((relocation): [number, number, string] => [
      relocation.offset,
      relocation.type,
      reference(relocation),
    ]);
    // The corpus keeps one table a name, the last (a `__patchable_function_entries` of several).
    relocations[section.name] = rows.sort(compareRows);
  }
  return {
    machine: object.format.machine,
    patches: reader.entries('.kpatch.funcs', 56).map((entry) => ({
      name: entry.reference(40),
      object: entry.reference(48),
      new: entry.reference(0),
      newSize: entry.number(8),
      oldSize: entry.number(24),
      sympos: entry.number(32),
    })),
    klpRelocations: klpRelocations(reader),
    arch: reader.entries('.kpatch.arch', 16).map((entry) => ({
      section: entry.reference(0),
      object: entry.reference(8),
    })),
    sections: object.sections.filter((section) => !section.name.startsWith('.kpatch.')).map(normaliseSection),
    symbols: object.symbols.filter((symbol) => !symbol.section?.name.startsWith('.kpatch.')).map(normaliseSymbol),
    relocations,
  };
}

function compareRows(a: readonly [number, number, string], b: readonly [number, number, string]): number {
  return a[0] - b[0] || a[1] - b[1] || (a[2] < b[2] ? -1 : a[2] > b[2] ? 1 : 0);
}

function klpRelocations(reader: TableReader): unknown[] {
  const symbols = reader.entries('.kpatch.symbols', 40).map((entry) => ({
    name: entry.reference(24),
    object: entry.reference(32),
    sympos: entry.number(8),
    bind: nameOfBind.get(entry.byte(16)),
    type: entry.byte(17),
  }));
  return reader.entries('.kpatch.relocations', 40).map((entry) => {
    const symbol = symbols[(entry.relocation(32)?.addend ?? 0) / 40];
    return {
      at: entry.reference(0),
      type: entry.word(8),
      external: entry.word(12),
      addend: entry.signed(16),
      object: entry.reference(24),
      symbol: symbol && { ...symbol, type: nameOfType.get(symbol.type) },
    };
  });
}

/** `str:TEXT`, or the symbol (a section by its name) with what is added. */
function reference({ symbol, addend }: Relocation): string {
  if (symbol.section?.name === '.kpatch.strings') {
    const { content } = symbol.section;
    const end = content.indexOf(0, addend);
    return `str:${Buffer.from(content.subarray(addend, end)).toString()}`;
  }
  const name = symbol.type === STT.SECTION ? (symbol.section?.name ?? '') : symbol.name;
  if (addend === 0) return name;
  return addend > 0 ? `${name}+0x${addend.toString(16)}` : `${name}-0x${(-addend).toString(16)}`;
}

function normaliseSection(section: ElfSection) {
  return {
    name: section.name,
    type: nameOfSectionType.get(section.type),
    flags: section.flags & ~SHF.INFO_LINK,
    size: section.size,
    align: section.alignment,
    entsize: section.entrySize,
    ...(section.type === SHT.NOBITS ? {} : { sha256: sha256(section.content) }),
  };
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function normaliseSymbol(symbol: ElfSymbol) {
  const places: Record<string, string> = { undefined: 'UND', absolute: 'ABS', common: 'COMMON' };
  return {
    name: symbol.type === STT.SECTION ? symbol.section?.name : symbol.name,
    type: nameOfType.get(symbol.type),
    bind: nameOfBind.get(symbol.bind),
    section: symbol.section?.name ?? places[String(symbol.place)],
    value: symbol.value,
    size: symbol.size,
    other: symbol.other,
  };
}

class TableReader {
  constructor(readonly object: ElfObject) {}

  entries(name: string, size: number): Entry[] {
    const section = this.object.sections.find((candidate) => candidate.name === name);
    if (section === undefined) return [];
    const count = section.content.length / size;
    const isLittle = this.object.format.byteOrder === 'little';
    return Array.from({ length: count }, (_, index) => new Entry(section, index * size, isLittle));
  }
}

class Entry {
  readonly #view: DataView;

  constructor(
    readonly section: ElfSection,
    readonly start: number,
    readonly isLittle: boolean,
  ) {
    const { buffer, byteOffset, byteLength } = section.content;
    this.#view = new DataView(buffer, byteOffset, byteLength);
  }

  relocation(field: number): Relocation | undefined {
    return this.section.relocations.find(({ offset }) => offset === this.start + field);
  }

  reference(field: number): string | undefined {
    const relocation = this.relocation(field);
    return relocation && reference(relocation);
  }

  number(field: number): number {
    return Number(this.#view.getBigUint64(this.start + field, this.isLittle));
  }

  signed(field: number): number {
    return Number(this.#view.getBigInt64(this.start + field, this.isLittle));
  }

  word(field: number): number {
    return this.#view.getUint32(this.start + field, this.isLittle);
  }

  byte(field: number): number {
    return this.#view.getUint8(this.start + field);
  }
}
