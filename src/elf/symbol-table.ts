/**
 * `SHT_SYMTAB` as it lies in the file, entry by entry, for the readers of objects and of images. Nothing is decoded
 * before it is asked for: a kernel image has more than 100,000 symbols.
 */
import type { ByteReader } from './bytes.js';
import { SHN, SHT } from './constants.js';
import { type ElfFile, type SectionHeader, sectionReader, tableReader } from './headers.js';
import { StringTable } from './string-table.js';

export const SYMBOL_SIZE = 24;

/** Where a symbol is defined: a section index, or one of the places that are not sections. */
export type SymbolPlace = number | 'undefined' | 'absolute' | 'common' | 'livepatch' | 'reserved';

/** Entries by index, the null symbol at 0. All accessors throw `elf-malformed` for what cannot be meant. */
export class SymbolTable {
  /** With the null symbol. */
  readonly count: number;

  constructor(
    readonly header: SectionHeader,
    private readonly reader: ByteReader,
    private readonly names: StringTable,
    /** `SHT_SYMTAB_SHNDX`: section indices that do not fit the symbol itself. */
    private readonly extendedIndices: ByteReader | undefined,
    private readonly sectionCount: number,
  ) {
    this.count = reader.length / SYMBOL_SIZE;
  }

  name(index: number): string {
    const at = index * SYMBOL_SIZE;
    return this.names.at(this.reader.u32(at), this.reader, at);
  }

  bind(index: number): number {
    return this.reader.u8(index * SYMBOL_SIZE + 4) >> 4;
  }

  type(index: number): number {
    return this.reader.u8(index * SYMBOL_SIZE + 4) & 0xf;
  }

  other(index: number): number {
    return this.reader.u8(index * SYMBOL_SIZE + 5);
  }

  place(index: number): SymbolPlace {
    const at = index * SYMBOL_SIZE + 6;
    const field = this.reader.u16(at);
    if (field === SHN.XINDEX) return this.extendedPlace(index);
    if (field === SHN.UNDEF) return 'undefined';
    if (field >= SHN.LORESERVE) return RESERVED_PLACES.get(field) ?? 'reserved';
    return this.checkedSection(field, this.reader, at);
  }

  /** An offset in bytes in an object. Absolute symbols are signed: `.set minus_one, -1` is 2^64-1 in the file. */
  value(index: number): number {
    const at = index * SYMBOL_SIZE + 8;
    return this.reader.u16(at - 2) === SHN.ABS ? this.reader.i64(at) : this.reader.u64(at);
  }

  /** An address in a linked image. */
  address(index: number): bigint {
    return this.reader.address(index * SYMBOL_SIZE + 8);
  }

  /** In bytes. */
  size(index: number): number {
    return this.reader.u64(index * SYMBOL_SIZE + 16);
  }

  /** Ends with `elf-malformed` at the symbol's section index. */
  malformedPlace(index: number, expected: string, have: string): never {
    return this.reader.malformed(index * SYMBOL_SIZE + 6, expected, have);
  }

  private extendedPlace(index: number): number {
    if (this.extendedIndices === undefined) {
      return this.malformedPlace(index, 'a section index or a table of extended ones', 'neither');
    }
    return this.checkedSection(this.extendedIndices.u32(index * 4), this.extendedIndices, index * 4);
  }

  private checkedSection(section: number, reader: ByteReader, at: number): number {
    if (section > 0 && section < this.sectionCount) return section;
    return reader.malformed(at, `a section index below ${this.sectionCount}`, `${section}`);
  }
}

const RESERVED_PLACES: ReadonlyMap<number, SymbolPlace> = new Map<number, SymbolPlace>([
  [SHN.ABS, 'absolute'],
  [SHN.COMMON, 'common'],
  [SHN.LIVEPATCH, 'livepatch'],
]);

/**
 * The file's symbol table, if it has one. Throws `elf-malformed` for two of them (the gABI allows one), for wrong entry
 * sizes and for a string table that is none.
 */
export function findSymbolTable(file: ElfFile): SymbolTable | undefined {
  const [header, second] = file.headers.filter(({ type }) => type === SHT.SYMTAB);
  if (header === undefined) return undefined;
  if (second !== undefined) sectionReader(file, second).malformed(0, 'one symbol table', 'a second one');
  const reader = tableReader(file, header, SYMBOL_SIZE);
  const strings = file.headers[header.sh_link];
  if (strings === undefined || strings.type !== SHT.STRTAB) {
    return reader.malformed(0, 'a link to a string table', `a link to section ${header.sh_link}`);
  }
  const names = new StringTable(sectionReader(file, strings));
  return new SymbolTable(header, reader, names, findExtendedIndices(file, header), file.headers.length);
}

function findExtendedIndices(file: ElfFile, symbols: SectionHeader): ByteReader | undefined {
  const header = file.headers.find(({ type, sh_link }) => type === SHT.SYMTAB_SHNDX && sh_link === symbols.index);
  return header === undefined ? undefined : tableReader(file, header, 4);
}
