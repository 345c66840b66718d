/**
 * Writes an object as a relocatable ELF64 file: the sections in their order, each followed by its relocation tables, then
 * the symbol table and the string tables. The same object gives the same bytes. Whatever does not fit together here is
 * a bug of the caller and throws a plain Error: the user's input was checked when it was read.
 */
import { ByteWriter } from './bytes.js';
import { SHF, SHN, SHT, STB } from './constants.js';
import { encodingSection, type FileSection, layOut } from './layout.js';
import {
  type ElfObject,
  type ElfSection,
  type ElfSymbol,
  noSymbol,
  type RelocationTable,
  type SectionGroup,
} from './object.js';
import { RELOCATION_SIZE } from './read.js';
import { StringTableBuilder } from './string-table.js';
import { SYMBOL_SIZE } from './symbol-table.js';

/** The section indices that the file will have. */
interface Numbering {
  readonly sections: ReadonlyMap<ElfSection, number>;
  readonly symbolTable: number;
  readonly extendedIndices: number | undefined;
  readonly strings: number;
}

interface SymbolOrder {
  readonly symbols: readonly ElfSymbol[];
  /** Symbol indices; `noSymbol` is 0. */
  readonly indices: ReadonlyMap<ElfSymbol, number>;
  readonly localCount: number;
}

/** The bytes of `object`. Throws a plain Error if it names a section or symbol that is not part of it. */
export function writeElf(object: ElfObject): Uint8Array {
  const order = orderSymbols(object);
  const numbering = numberSections(object);
  const sections = object.sections.flatMap((section) => [
    encodeSection(object, section, numbering, order),
    ...tablesOf(section).map((table) => encodeTable(object, section, table, numbering, order)),
  ]);
  const strings = new StringTableBuilder();
  sections.push(
    ...encodeSymbols(object, numbering, order, strings),
    encodingSection('.strtab', SHT.STRTAB, strings.build(), 0, 1),
  );
  return layOut(object.format, sections);
}

/** Locals first, as `sh_info` of the symbol table demands; otherwise in their order. */
function orderSymbols(object: ElfObject): SymbolOrder {
  const locals = object.symbols.filter(({ bind }) => bind === STB.LOCAL);
  const symbols = [...locals, ...object.symbols.filter(({ bind }) => bind !== STB.LOCAL)];
  const indices = new Map<ElfSymbol, number>([[noSymbol, 0]]);
  for (const [position, symbol] of symbols.entries()) {
    if (indices.has(symbol)) throw new Error(`${object.fileName}: symbol ${symbol.name} is in the object twice`);
    indices.set(symbol, position + 1);
  }
  return { symbols, indices, localCount: locals.length };
}

function numberSections(object: ElfObject): Numbering {
  const sections = new Map<ElfSection, number>();
  let next = 1;
  for (const section of object.sections) {
    if (sections.has(section)) throw new Error(`${object.fileName}: section ${section.name} is in the object twice`);
    sections.set(section, next);
    next += 1 + tablesOf(section).length;
  }
  const symbolTable = next;
  const needsExtendedIndices = symbolTable > SHN.LORESERVE;
  return {
    sections,
    symbolTable,
    extendedIndices: needsExtendedIndices ? symbolTable + 1 : undefined,
    strings: symbolTable + (needsExtendedIndices ? 2 : 1),
  };
}

/**
 * The linker's table, then the others. An empty one is left out unless a further table would be taken for the linker's
 * when the file is read.
 */
function tablesOf(section: ElfSection): readonly RelocationTable[] {
  const { relocations, extraRelocationTables: extra } = section;
  if (relocations.length === 0 && extra.every(isLivepatchTable)) return extra;
  const own = {
    name: `.rela${section.name}`,
    flags: SHF.INFO_LINK | (section.flags & SHF.GROUP),
    relocations,
  };
  return [own, ...extra];
}

function isLivepatchTable({ flags }: RelocationTable): boolean {
  return (flags & SHF.RELA_LIVEPATCH) !== 0;
}

function encodeSection(object: ElfObject, section: ElfSection, numbering: Numbering, order: SymbolOrder): FileSection {
  const { name, type, flags, alignment, entrySize, size, group, linkedTo } = section;
  if (group !== undefined) {
    const content = encodeGroup(object, section, group, numbering);
    const sh_info = symbolIndex(object, group.signature, order, `group ${name}`);
    const sh_link = numbering.symbolTable;
    return { name, type, flags, alignment, entrySize, content, size: content.length, sh_link, sh_info };
  }
  const takesSpace = type !== SHT.NOBITS && type !== SHT.NULL;
  if (takesSpace && size !== section.content.length) {
    throw new Error(`${object.fileName}: ${name} has size ${size} and ${section.content.length} bytes of content`);
  }
  const sh_link = linkedTo === undefined ? 0 : sectionIndex(object, linkedTo, numbering, `section ${name}`);
  const content = takesSpace ? section.content : NO_CONTENT;
  return { name, type, flags, alignment, entrySize, content, size, sh_link, sh_info: 0 };
}

const NO_CONTENT = new Uint8Array(0);

/** Flag word and member indices. A member's relocation tables are members with it if they carry the flag. */
function encodeGroup(object: ElfObject, section: ElfSection, group: SectionGroup, numbering: Numbering): Uint8Array {
  const words = [group.flags];
  for (const member of group.members) {
    const index = sectionIndex(object, member, numbering, `group ${section.name}`);
    words.push(index);
    for (const [position, table] of tablesOf(member).entries()) {
      if ((table.flags & SHF.GROUP) !== 0) words.push(index + 1 + position);
    }
  }
  const writer = new ByteWriter(4 * words.length, object.format.byteOrder);
  for (const [position, word] of words.entries()) writer.u32(4 * position, word);
  return writer.bytes;
}

function encodeTable(
  object: ElfObject,
  section: ElfSection,
  table: RelocationTable,
  numbering: Numbering,
  order: SymbolOrder,
): FileSection {
  const isLittle = object.format.byteOrder === 'little';
  const writer = new ByteWriter(RELOCATION_SIZE * table.relocations.length, object.format.byteOrder);
  let at = 0;
  for (const relocation of table.relocations) {
    writer.u64(at, relocation.offset);
    writer.u32(at + (isLittle ? 8 : 12), relocation.type);
    writer.u32(at + (isLittle ? 12 : 8), symbolIndex(object, relocation.symbol, order, table.name));
    writer.i64(at + 16, relocation.addend);
    at += RELOCATION_SIZE;
  }
  return {
    name: table.name,
    type: SHT.RELA,
    flags: table.flags,
    content: writer.bytes,
    size: writer.bytes.length,
    sh_link: numbering.symbolTable,
    sh_info: sectionIndex(object, section, numbering, table.name),
    alignment: 8,
    entrySize: RELOCATION_SIZE,
  };
}

/** The symbol table and, where section indices do not fit it, the table of extended ones. */
function encodeSymbols(
  object: ElfObject,
  numbering: Numbering,
  order: SymbolOrder,
  strings: StringTableBuilder,
): FileSection[] {
  const writer = new ByteWriter(SYMBOL_SIZE * (order.symbols.length + 1), object.format.byteOrder);
  const extended = new ByteWriter(4 * (order.symbols.length + 1), object.format.byteOrder);
  for (const [position, symbol] of order.symbols.entries()) {
    const at = SYMBOL_SIZE * (position + 1);
    writer.u32(at, strings.add(symbol.name));
    writer.u8(at + 4, (symbol.bind << 4) | symbol.type);
    writer.u8(at + 5, symbol.other);
    const index = placeIndex(object, symbol, numbering);
    const isExtended = typeof symbol.place !== 'string' && index >= SHN.LORESERVE;
    writer.u16(at + 6, isExtended ? SHN.XINDEX : index);
    if (isExtended) extended.u32(4 * (position + 1), index);
    if (symbol.place === 'absolute') writer.i64(at + 8, symbol.value);
    else writer.u64(at + 8, symbol.value);
    writer.u64(at + 16, symbol.size);
  }
  const table = {
    ...encodingSection('.symtab', SHT.SYMTAB, writer.bytes, SYMBOL_SIZE, 8),
    sh_link: numbering.strings,
    sh_info: order.localCount + 1,
  };
  if (numbering.extendedIndices === undefined) return [table];
  const indices = encodingSection('.symtab_shndx', SHT.SYMTAB_SHNDX, extended.bytes, 4, 4);
  return [table, { ...indices, sh_link: numbering.symbolTable }];
}

const SPECIAL_INDICES = {
  undefined: SHN.UNDEF,
  absolute: SHN.ABS,
  common: SHN.COMMON,
  livepatch: SHN.LIVEPATCH,
} as const;

function placeIndex(object: ElfObject, symbol: ElfSymbol, numbering: Numbering): number {
  if (typeof symbol.place === 'string') return SPECIAL_INDICES[symbol.place];
  return sectionIndex(object, symbol.place, numbering, `symbol ${symbol.name}`);
}

function sectionIndex(object: ElfObject, section: ElfSection, numbering: Numbering, user: string): number {
  const index = numbering.sections.get(section);
  if (index !== undefined) return index;
  throw new Error(`${object.fileName}: ${user} refers to section ${section.name}, which is not in the object`);
}

function symbolIndex(object: ElfObject, symbol: ElfSymbol, order: SymbolOrder, user: string): number {
  const index = order.indices.get(symbol);
  if (index !== undefined) return index;
  const name = symbol.name === '' ? `of ${symbol.section?.name}` : symbol.name;
  throw new Error(`${object.fileName}: ${user} refers to symbol ${name}, which is not in the object`);
}
