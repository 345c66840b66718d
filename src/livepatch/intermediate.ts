/**
 * The reading end of the intermediate format: what the objects of a livepatch ask of the loader, from a file in which
 * `ld -r` has put the tables of several objects behind each other and moved the sections that they point into. For
 * `finish.ts` and `inspect.ts`; `encode-intermediate.ts` is the other end.
 */

import { fail } from '../diagnostics/catalogue.js';
import type { CallbackKind } from '../diff/callbacks.js';
import { ByteReader } from '../elf/bytes.js';
import type { ElfObject, ElfSection, ElfSymbol, Relocation } from '../elf/object.js';
import {
  ARCH_SECTIONS,
  CALLBACKS,
  callbackSections,
  FUNCS,
  RELOCATIONS,
  STRINGS_SECTION,
  SYMBOLS,
} from './intermediate-layout.js';
import type { KlpRelocation, KlpSymbol, LivepatchCallback, LivepatchParts, ReplacedFunction } from './livepatch.js';

/** `STB_*` and `STT_*` are four bits each in a symbol. */
const HIGHEST_NIBBLE = 15;

/**
 * Reads the intermediate sections; an object without any asks for nothing. `absolute64` is the CPU's relocation type that
 * stores an address. Throws `intermediate-size-odd`, `intermediate-pointer-missing`, `intermediate-pointer-invalid`,
 * `intermediate-string-invalid` and `intermediate-value-invalid`; reads nothing that a malformed file could place
 * outside its sections.
 */
export function decodeIntermediate(object: ElfObject, absolute64: number): LivepatchParts {
  const context: Context = { object, absolute64, tables: new Map() };
  const tables = (layout: Layout) =>
    object.sections
      .filter((section) => section.name === layout.section)
      .flatMap((section) => tableOf(context, section, layout).entries());
  return {
    functions: tables(FUNCS).map(decodeFunction),
    relocations: tables(RELOCATIONS).map((entry) => decodeRelocation(entry)),
    callbacks: callbackKinds.flatMap((kind) =>
      tables({ section: callbackSections[kind], entrySize: CALLBACKS.entrySize }).map((entry) =>
        decodeCallback(entry, kind),
      ),
    ),
    archSections: tables(ARCH_SECTIONS).map((entry) => ({
      section: entry.pointer(ARCH_SECTIONS.target, 'section').section,
      object: entry.string(ARCH_SECTIONS.object, 'object name'),
    })),
  };
}

const callbackKinds = Object.keys(callbackSections) as CallbackKind[];

interface Context {
  readonly object: ElfObject;
  readonly absolute64: number;
  /** Each section is indexed once, however many pointers lead into it. */
  readonly tables: Map<ElfSection, Table>;
}

interface Layout {
  readonly section: string;
  readonly entrySize: number;
}

interface Place {
  readonly section: ElfSection;
  /** Bytes from the start of the section. */
  readonly offset: number;
}

function decodeFunction(entry: Entry): ReplacedFunction {
  return {
    name: entry.string(FUNCS.name, 'name'),
    object: entry.string(FUNCS.object, 'object name'),
    replacement: entry.ownFunction(FUNCS.newAddress, 'new function'),
    replacementSize: entry.reader.u64(entry.start + FUNCS.newSize),
    originalAddress: entry.reader.address(entry.start + FUNCS.oldAddress),
    originalSize: entry.reader.u64(entry.start + FUNCS.oldSize),
    sympos: entry.reader.u64(entry.start + FUNCS.sympos),
  };
}

function decodeCallback(entry: Entry, kind: CallbackKind): LivepatchCallback {
  return {
    kind,
    object: entry.string(CALLBACKS.object, 'object name'),
    symbol: entry.ownFunction(CALLBACKS.function, 'callback'),
    section: entry.section,
    offset: entry.start,
  };
}

function decodeRelocation(entry: Entry): KlpRelocation {
  const place = entry.pointer(RELOCATIONS.place, 'place');
  return {
    section: place.section,
    offset: place.offset,
    type: entry.reader.u32(entry.start + RELOCATIONS.type),
    isExternal: entry.reader.u32(entry.start + RELOCATIONS.isExternal) !== 0,
    addend: entry.reader.i64(entry.start + RELOCATIONS.addend),
    object: entry.string(RELOCATIONS.object, 'object name'),
    symbol: decodeSymbol(entry.entry(RELOCATIONS.symbol, 'symbol', SYMBOLS)),
  };
}

function decodeSymbol(entry: Entry): KlpSymbol {
  return {
    name: entry.string(SYMBOLS.name, 'name'),
    object: entry.string(SYMBOLS.object, 'object name'),
    sympos: entry.reader.u64(entry.start + SYMBOLS.sympos),
    bind: entry.nibble(SYMBOLS.bind, 'binding'),
    type: entry.nibble(SYMBOLS.type, 'type'),
    address: entry.reader.address(entry.start + SYMBOLS.address),
  };
}

/** One intermediate section with its pointers by place. */
class Table {
  readonly reader: ByteReader;
  readonly pointers = new Map<number, Relocation>();
  private readonly count: number;

  constructor(
    readonly context: Context,
    readonly section: ElfSection,
    readonly layout: Layout,
  ) {
    const { fileName, format } = context.object;
    this.reader = new ByteReader(section.content, fileName, section.name, format.byteOrder);
    this.count = section.size / layout.entrySize;
    if (!Number.isInteger(this.count) || section.content.length !== section.size) {
      const { name, size } = section;
      fail('intermediate-size-odd', { file: fileName, section: name, size, entrySize: layout.entrySize });
    }
    for (const relocation of section.relocations) this.pointers.set(relocation.offset, relocation);
  }

  entries(): Entry[] {
    return Array.from({ length: this.count }, (_, index) => new Entry(this, index * this.layout.entrySize));
  }
}

function tableOf(context: Context, section: ElfSection, layout: Layout): Table {
  const known = context.tables.get(section);
  if (known !== undefined) return known;
  const table = new Table(context, section, layout);
  context.tables.set(section, table);
  return table;
}

/** One entry of a table; `start` is its offset in bytes. */
class Entry {
  readonly reader: ByteReader;

  readonly section: ElfSection;

  constructor(
    private readonly table: Table,
    readonly start: number,
  ) {
    this.reader = table.reader;
    this.section = table.section;
  }

  /** The function that a pointer names. */
  ownFunction(field: number, name: string): ElfSymbol {
    const { symbol, addend } = this.pointerRelocation(field, name);
    if (addend === 0 && symbol.section !== undefined) return symbol;
    return this.invalid(field, name, 'it does not name a function of this file');
  }

  pointerRelocation(field: number, name: string): Relocation {
    const relocation = this.table.pointers.get(this.start + field);
    if (relocation === undefined) return fail('intermediate-pointer-missing', this.where(field, name));
    if (relocation.type !== this.table.context.absolute64) {
      this.invalid(
        field,
        name,
        `it is a relocation of type ${relocation.type}, not of type ${this.table.context.absolute64}`,
      );
    }
    return relocation;
  }

  pointer(field: number, name: string): Place {
    const { symbol, addend } = this.pointerRelocation(field, name);
    const { section } = symbol;
    if (section === undefined) return this.invalid(field, name, `the symbol "${symbol.name}" is in no section`);
    const offset = symbol.value + addend;
    // The end of a section belongs to it only where the section is empty.
    if (offset < 0 || offset >= Math.max(section.size, 1)) {
      this.invalid(field, name, `it points to offset ${offset} of ${section.name}, which has ${section.size} bytes`);
    }
    return { section, offset };
  }

  string(field: number, name: string): string {
    const { section, offset } = this.pointer(field, name);
    const end = section.content.indexOf(0, offset);
    if (section.name !== STRINGS_SECTION || end <= offset) {
      fail('intermediate-string-invalid', this.where(field, name));
    }
    return new TextDecoder().decode(section.content.subarray(offset, end));
  }

  /** The entry of another table that this one points to. */
  entry(field: number, name: string, layout: Layout): Entry {
    const { section, offset } = this.pointer(field, name);
    if (section.name !== layout.section || offset % layout.entrySize !== 0) {
      this.invalid(field, name, `it does not point to an entry of ${layout.section}`);
    }
    return new Entry(tableOf(this.table.context, section, layout), offset);
  }

  nibble(field: number, name: string): number {
    const value = this.reader.u8(this.start + field);
    if (value > HIGHEST_NIBBLE) fail('intermediate-value-invalid', { ...this.where(field, name), value });
    return value;
  }

  invalid(field: number, name: string, problem: string): never {
    return fail('intermediate-pointer-invalid', { ...this.where(field, name), problem });
  }

  private where(field: number, name: string) {
    const { context, section } = this.table;
    return { file: context.object.fileName, section: section.name, offset: this.start + field, field: name };
  }
}
