/**
 * Reads a relocatable ELF64 object into sections, symbols and relocations that refer to each other. What leaves here is
 * sound: every index was followed, every relocation lies in its section. Contents are views of the input, not copies.
 */
import { fail } from '../diagnostics/catalogue.js';
import { ByteReader, bytesOf } from './bytes.js';
import { ET, SHF, SHT } from './constants.js';
import {
  contentOf,
  type ElfFile,
  hasContent,
  readHeaders,
  type SectionHeader,
  sectionReader,
  tableReader,
} from './headers.js';
import { deferRelocations, ElfObject, ElfSection, ElfSymbol, noSymbol, type Relocation } from './object.js';
import { findSymbolTable, type SymbolTable } from './symbol-table.js';

export const RELOCATION_SIZE = 24;

/** Sections that are part of the object itself; tables that only encode it have no entry. */
type SectionsByIndex = readonly (ElfSection | undefined)[];

/**
 * The object in `bytes`; `fileName` is for messages. Throws `elf-not-elf`, `elf-class-unsupported`,
 * `elf-not-relocatable`, `elf-rel-table`, `elf-truncated` or `elf-malformed`.
 */
export function readElf(bytes: Uint8Array, fileName: string): ElfObject {
  const file = readHeaders(bytes, fileName);
  requireRelocatable(file);
  requireSeparateSections(file);
  const symbolTable = findSymbolTable(file);
  const sections = readSections(file, symbolTable);
  const symbols = symbolTable === undefined ? [] : readSymbols(symbolTable, sections);
  readRelocationTables(file, sections, symbolTable, symbols);
  readGroups(file, sections, symbolTable, symbols);
  readLinks(file, sections);
  return new ElfObject(fileName, file.format, sections.filter(isPresent), symbols.slice(1));
}

function requireRelocatable(file: ElfFile): void {
  if (file.type !== ET.REL) {
    const known = new Map<number, string>([
      [ET.EXEC, 'an executable'],
      [ET.DYN, 'a shared or position-independent image'],
      [ET.CORE, 'a core dump'],
    ]);
    fail('elf-not-relocatable', { file: file.fileName, found: known.get(file.type) ?? `of type ${file.type}` });
  }
  const rel = file.headers.find(({ type }) => type === SHT.REL);
  if (rel !== undefined) fail('elf-rel-table', { file: file.fileName, section: rel.name });
}

/**
 * Sections that share bytes are never written by a compiler, but would let a small file stand for an object of any
 * size: thousands of headers for the same megabytes, all copied when the object is written again.
 */
function requireSeparateSections(file: ElfFile): void {
  const inFile = file.headers.filter((header) => hasContent(header) && header.size > 0);
  inFile.sort((one, other) => one.offset - other.offset || one.index - other.index);
  let previous: SectionHeader | undefined;
  for (const header of inFile) {
    if (previous !== undefined && header.offset < previous.offset + previous.size) {
      sectionReader(file, header).malformed(0, 'bytes of its own', `bytes that belong to ${previous.name} as well`);
    }
    previous = header;
  }
}

function readSections(file: ElfFile, symbolTable: SymbolTable | undefined): SectionsByIndex {
  const encoding = new Set([0, symbolTable?.header.sh_link, file.nameTable]);
  return file.headers.map((header) => {
    const isEncoding = encoding.has(header.index) || ENCODING_TYPES.has(header.type);
    return isEncoding ? undefined : readSection(file, header);
  });
}

/**
 * Types that do not survive as sections. `.llvm_addrsig` holds symbol indices, which do not outlive a rewrite, and is a
 * mere hint to lld.
 */
const ENCODING_TYPES: ReadonlySet<number> = new Set([SHT.SYMTAB, SHT.SYMTAB_SHNDX, SHT.RELA, SHT.LLVM_ADDRSIG]);

function readSection(file: ElfFile, header: SectionHeader): ElfSection {
  const { name, type, flags, alignment, entrySize, size } = header;
  const isPowerOfTwo = alignment === 0 || Number.isInteger(Math.log2(alignment));
  if (!isPowerOfTwo) sectionReader(file, header).malformed(0, 'an alignment that is a power of two', `${alignment}`);
  // The writer makes a group's content from `group`: its section indices mean nothing in another file.
  if (type === SHT.GROUP) return new ElfSection({ name, type, flags, alignment, entrySize });
  return new ElfSection({ name, type, flags, alignment, entrySize, size, content: contentOf(file, header) });
}

/** By symbol index, `noSymbol` at 0. */
function readSymbols(table: SymbolTable, sections: SectionsByIndex): ElfSymbol[] {
  const symbols = [noSymbol];
  for (let index = 1; index < table.count; index += 1) {
    symbols.push(
      new ElfSymbol({
        name: table.name(index),
        place: placeOf(table, index, sections),
        value: table.value(index),
        size: table.size(index),
        bind: table.bind(index),
        type: table.type(index),
        other: table.other(index),
      }),
    );
  }
  return symbols;
}

function placeOf(table: SymbolTable, index: number, sections: SectionsByIndex): ElfSymbol['place'] {
  const place = table.place(index);
  if (place === 'reserved') return table.malformedPlace(index, 'a place that Linux knows', 'another reserved index');
  if (typeof place === 'string') return place;
  return sections[place] ?? table.malformedPlace(index, 'a section with content', `section ${place}`);
}

/**
 * A section has one table named after it, which the linker applies. Others are for someone else: the kernel applies
 * `.klp.rela.vmlinux..text` when the livepatch is loaded. A single table under a foreign name (left by a tool that
 * renamed the section) is the linker's, too.
 */
function readRelocationTables(
  file: ElfFile,
  sections: SectionsByIndex,
  symbolTable: SymbolTable | undefined,
  symbols: readonly ElfSymbol[],
): void {
  const tables = file.headers.filter(({ type }) => type === SHT.RELA);
  const owners = ownTables(tables, sections);
  for (const header of tables) {
    const section = requireTarget(file, header, sections, symbolTable);
    const entries = relocationEntries(file, header, section, symbols);
    if (owners.get(section) !== header) {
      section.extraRelocationTables.push({ name: header.name, flags: header.flags, relocations: entries.read() });
    } else if ((section.flags & SHF.ALLOC) === 0) {
      entries.check();
      deferRelocations(section, entries.read);
    } else section.relocations = entries.read();
  }
}

function ownTables(tables: readonly SectionHeader[], sections: SectionsByIndex): Map<ElfSection, SectionHeader> {
  const own = new Map<ElfSection, SectionHeader>();
  const isNamedAfter = (header: SectionHeader, section: ElfSection) => header.name === `.rela${section.name}`;
  for (const header of tables) {
    const section = sections[header.sh_info];
    if (section === undefined || (header.flags & SHF.RELA_LIVEPATCH) !== 0) continue;
    const sofar = own.get(section);
    const isBetter = sofar === undefined || (!isNamedAfter(sofar, section) && isNamedAfter(header, section));
    if (isBetter) own.set(section, header);
  }
  return own;
}

function requireTarget(
  file: ElfFile,
  header: SectionHeader,
  sections: SectionsByIndex,
  symbolTable: SymbolTable | undefined,
): ElfSection {
  const reader = sectionReader(file, header);
  if (symbolTable === undefined || header.sh_link !== symbolTable.header.index) {
    reader.malformed(0, 'a link to the symbol table', `a link to section ${header.sh_link}`);
  }
  return sections[header.sh_info] ?? reader.malformed(0, 'a section to relocate', `section ${header.sh_info}`);
}

/** The entries of a table, to be made or only to be checked; both throw for what does not fit. */
function relocationEntries(
  file: ElfFile,
  header: SectionHeader,
  section: ElfSection,
  symbols: readonly ElfSymbol[],
): { readonly check: () => void; readonly read: () => Relocation[] } {
  const table: ByteReader = tableReader(file, header, RELOCATION_SIZE);
  // ELF64_R_SYM is the upper half of r_info, ELF64_R_TYPE the lower.
  const [symbolAt, typeAt] = file.format.byteOrder === 'little' ? [12, 8] : [8, 12];
  const limit = relocatableSize(file, section);
  const offsetOf = (at: number) => {
    const offset = table.u64(at);
    if (offset < limit) return offset;
    return table.malformed(at, `an offset within the ${bytesOf(limit)} of ${section.name}`, `0x${offset.toString(16)}`);
  };
  const symbolOf = (at: number) => {
    const index = table.u32(at + symbolAt);
    return symbols[index] ?? table.malformed(at + 8, `a symbol index below ${symbols.length}`, `${index}`);
  };
  return {
    check: () => {
      for (let at = 0; at < table.length; at += RELOCATION_SIZE) {
        offsetOf(at);
        symbolOf(at);
      }
    },
    read: () => {
      const relocations: Relocation[] = [];
      for (let at = 0; at < table.length; at += RELOCATION_SIZE) {
        const offset = offsetOf(at);
        const symbol = symbolOf(at);
        relocations.push({ offset, type: table.u32(at + typeAt), symbol, addend: table.i64(at + 16) });
      }
      return relocations;
    },
  };
}

/**
 * Bytes that relocations may refer to. Those of a compressed section (`.debug_info` with `gcc -gz`) count in the
 * unpacked bytes, whose number is `ch_size` of its `Elf64_Chdr`.
 */
function relocatableSize(file: ElfFile, section: ElfSection): number {
  if ((section.flags & SHF.COMPRESSED) === 0) return section.content.length;
  return new ByteReader(section.content, file.fileName, section.name, file.format.byteOrder).u64(8);
}

function readGroups(
  file: ElfFile,
  sections: SectionsByIndex,
  symbolTable: SymbolTable | undefined,
  symbols: readonly ElfSymbol[],
): void {
  for (const header of file.headers) {
    const section = sections[header.index];
    if (header.type !== SHT.GROUP || section === undefined) continue;
    const table: ByteReader = tableReader(file, header, 4);
    const signature = header.sh_info === 0 ? undefined : symbols[header.sh_info];
    if (signature === undefined || header.sh_link !== symbolTable?.header.index) {
      table.malformed(0, 'a symbol that names the group', `symbol ${header.sh_info} of section ${header.sh_link}`);
    }
    section.group = { flags: table.u32(0), signature, members: readMembers(file, table, sections) };
  }
}

/** Without relocation tables: they are in the group of the section that they belong to. */
function readMembers(file: ElfFile, table: ByteReader, sections: SectionsByIndex): ElfSection[] {
  const members: ElfSection[] = [];
  for (let at = 4; at < table.length; at += 4) {
    const index = table.u32(at);
    if (file.headers[index]?.type === SHT.RELA) continue;
    members.push(sections[index] ?? table.malformed(at, 'the index of a section with content', `${index}`));
  }
  return members;
}

/** A link to section 0 says that there is nothing to stay with; clang writes it for sections it cannot tie to one. */
function readLinks(file: ElfFile, sections: SectionsByIndex): void {
  for (const header of file.headers) {
    const section = sections[header.index];
    if (section === undefined || (header.flags & SHF.LINK_ORDER) === 0 || header.sh_link === 0) continue;
    section.linkedTo =
      sections[header.sh_link] ??
      sectionReader(file, header).malformed(0, 'a link to a section with content', `section ${header.sh_link}`);
  }
}

function isPresent(section: ElfSection | undefined): section is ElfSection {
  return section !== undefined;
}
