/**
 * The symbol table of a target, a module or vmlinux, in the order of the file: what the lookup searches. Made once per
 * target from the ELF file itself (`tableOfImage`) or from what readelf prints of it (`readelf-symbols.ts`).
 */
import { STB, STT } from '../elf/constants.js';
import { groupBy } from '../elf/grouped.js';
import type { ElfImage, ImageSection } from '../elf/image.js';
import { countBelow } from '../elf/sorted.js';

/** A section of the target as far as the table tells; readelf's output has numbers only. */
export interface TargetSection {
  readonly index: number;
  readonly name: string | undefined;
  /** `SHF_*` */
  readonly flags: number | undefined;
}

export type TablePlace = TargetSection | 'undefined' | 'absolute' | 'common' | 'livepatch' | 'reserved';

/** A symbol as a reader of tables delivers it. */
export interface SymbolRecord {
  readonly name: string;
  /** Address (vmlinux) or section offset (module). */
  readonly value: bigint;
  /** Bytes. */
  readonly size: number;
  /** Where the table tells no sizes: bytes up to the next symbol, which the size cannot exceed. */
  readonly room?: number | undefined;
  /** `STB_*` */
  readonly bind: number;
  /** The table does not tell the binding, and `bind` is a guess. */
  readonly isBindingUnknown?: true | undefined;
  /** `STT_*` */
  readonly type: number;
  readonly place: TablePlace;
}

export interface TableSymbol extends SymbolRecord {
  /** Place in the table, counted from 0 and rising; the null symbol may or may not have been counted. */
  readonly index: number;
  /** The block of the `FILE` symbol above a local symbol. */
  readonly file: FileBlock | undefined;
}

/** A `FILE` symbol and the local symbols up to the next one: what one source file brought along. */
export interface FileBlock {
  /** As the compiler wrote it: the base name of the source, `cm.c`. Empty for what the linker made itself. */
  readonly name: string;
  /** Place among all blocks, from 0: the order in which the objects were linked. */
  readonly order: number;
  readonly symbols: readonly TableSymbol[];
}

/** What a reader knows of the target beyond its symbols. */
export interface TableFacts {
  /** Names of all sections; only the ELF file itself tells them. */
  readonly sections?: ReadonlySet<string>;
  /** Absent: as the linker wrote it, one object after the other. */
  readonly order?: 'address';
}

export class TargetTable {
  /** All but section and file symbols, in table order. */
  readonly symbols: readonly TableSymbol[];
  readonly files: readonly FileBlock[];
  /** Local functions and objects with a section, in table order: what compilers make of `static`. */
  readonly locals: readonly TableSymbol[];
  /** Names of the target's sections, where they are known. */
  readonly sections: ReadonlySet<string> | undefined;
  /** `link`: the symbols of one object stand together. `address`: those of all sections and objects are mixed. */
  readonly order: 'link' | 'address';
  private readonly byName: ReadonlyMap<string, readonly TableSymbol[]>;

  constructor(
    /** Where the table came from, for messages. */
    readonly fileName: string,
    records: Iterable<SymbolRecord>,
    facts: TableFacts = {},
  ) {
    this.sections = facts.sections;
    this.order = facts.order ?? 'link';
    const { symbols, files } = openBlocks(records);
    this.symbols = symbols;
    this.files = files;
    this.locals = symbols.filter(isStatic);
    this.byName = groupBy(symbols, ({ name }) => name);
  }

  /** Every symbol of that name in table order, undefined ones too. */
  named(name: string): readonly TableSymbol[] {
    return this.byName.get(name) ?? [];
  }

  /** Place in `locals`, from 0; `undefined` for symbols that are not among them. */
  orderAmongLocals(symbol: TableSymbol): number | undefined {
    const place = countBelow(this.locals, ({ index }) => index < symbol.index);
    return this.locals[place] === symbol ? place : undefined;
  }
}

/** A local function or object with a section of its own to lie in. */
export function isStatic(symbol: SymbolRecord): boolean {
  return symbol.bind === STB.LOCAL && isFunctionOrObject(symbol) && typeof symbol.place !== 'string';
}

export function isFunctionOrObject(symbol: { readonly type: number }): boolean {
  return symbol.type === STT.FUNC || symbol.type === STT.OBJECT;
}

/**
 * Hands every local symbol the `FILE` block that it stands in. The gABI puts a file symbol before the local symbols of
 * its file and all local symbols before the global ones, so that a block ends at the next file symbol or at the first
 * global.
 */
function openBlocks(records: Iterable<SymbolRecord>): { symbols: TableSymbol[]; files: FileBlock[] } {
  const symbols: TableSymbol[] = [];
  const files: (FileBlock & { readonly symbols: TableSymbol[] })[] = [];
  let block: (typeof files)[number] | undefined;
  let index = 0;
  for (const record of records) {
    const at = index++;
    if (record.type === STT.SECTION) continue;
    if (record.type === STT.FILE) {
      block = { name: record.name, order: files.length, symbols: [] };
      files.push(block);
      continue;
    }
    const { name, value, size, room, bind, isBindingUnknown, type, place } = record;
    const file = bind === STB.LOCAL ? block : undefined;
    const symbol: TableSymbol = { index: at, name, value, size, room, bind, isBindingUnknown, type, place, file };
    symbols.push(symbol);
    file?.symbols.push(symbol);
  }
  return { symbols, files };
}

/** The table of a module or vmlinux that was read as ELF. */
export function tableOfImage(image: ElfImage): TargetTable {
  const sections = new Map<ImageSection, TargetSection>();
  for (const section of image.sections) {
    sections.set(section, { index: section.index, name: section.name, flags: section.flags });
  }
  return new TargetTable(
    image.fileName,
    image.symbols.map(({ name, value, size, bind, type, section }) => {
      const place = typeof section === 'string' ? section : (sections.get(section) ?? 'reserved');
      return { name, value, size, bind, type, place };
    }),
    { sections: new Set(image.sections.map(({ name }) => name)) },
  );
}
