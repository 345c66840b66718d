/**
 * The file header and section headers of any ELF64 file, for the readers of objects and of images. Every section that
 * leaves here has a name and lies within the file.
 */
import { fail } from '../diagnostics/catalogue.js';
import { ByteReader, bytesOf } from './bytes.js';
import { SHN, SHT } from './constants.js';
import type { ByteOrder, ElfFormat } from './object.js';
import { StringTable } from './string-table.js';

export const FILE_HEADER_SIZE = 64;
export const SECTION_HEADER_SIZE = 64;

const MAGIC = [0x7f, 0x45, 0x4c, 0x46];

/** What a file that is not ELF may be instead, by its first bytes. */
const OTHER_FORMATS: readonly { readonly found: string; readonly magic: readonly number[] }[] = [
  { found: 'compressed with xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
  { found: 'compressed with gzip', magic: [0x1f, 0x8b] },
  { found: 'compressed with zstd', magic: [0x28, 0xb5, 0x2f, 0xfd] },
  { found: 'an archive of objects', magic: [0x21, 0x3c, 0x61, 0x72, 0x63, 0x68, 0x3e] },
  { found: 'a thin archive of objects', magic: [0x21, 0x3c, 0x74, 0x68, 0x69, 0x6e, 0x3e] },
  { found: 'LLVM bitcode', magic: [0x42, 0x43, 0xc0, 0xde] },
];

/** `Elf64_Shdr`, names as in the specification where the meaning depends on the section type. */
export interface SectionHeader {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: bigint;
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** In bytes, in memory; in the file too if `hasContent`. */
  readonly size: number;
  readonly sh_link: number;
  readonly sh_info: number;
  readonly alignment: number;
  readonly entrySize: number;
}

export interface ElfFile {
  readonly bytes: Uint8Array;
  readonly fileName: string;
  readonly format: ElfFormat;
  /** `ET_*` */
  readonly type: number;
  /** By section index; the null section is at 0. Empty if the file has no section headers. */
  readonly headers: readonly SectionHeader[];
  /** Section index of the table of section names; 0 if there is none. */
  readonly nameTable: number;
}

/**
 * Reads both kinds of headers. Throws `elf-not-elf`, `elf-class-unsupported`, `elf-truncated` and `elf-malformed`.
 */
export function readHeaders(bytes: Uint8Array, fileName: string): ElfFile {
  requireElf64(bytes, fileName);
  const header = new ByteReader(
    bytes.subarray(0, FILE_HEADER_SIZE),
    fileName,
    'ELF header',
    byteOrderOf(bytes, fileName),
  );
  const version = header.u32(20);
  if (header.u8(6) !== 1 || version !== 1) header.malformed(20, 'version 1', `${header.u8(6)} and ${version}`);
  const format: ElfFormat = {
    byteOrder: header.byteOrder,
    machine: header.u16(18),
    flags: header.u32(48),
    osAbi: header.u8(7),
    abiVersion: header.u8(8),
  };
  return { bytes, fileName, format, type: header.u16(16), ...readSectionHeaders(bytes, header) };
}

/** Whether the section takes space in the file. */
export function hasContent(header: SectionHeader): boolean {
  return header.type !== SHT.NOBITS && header.type !== SHT.NULL;
}

/** The section's bytes in the file, as a view; empty for `.bss` and its like. */
export function contentOf(file: ElfFile, header: SectionHeader): Uint8Array {
  if (!hasContent(header)) return new Uint8Array(0);
  return file.bytes.subarray(header.offset, header.offset + header.size);
}

/** A reader over the section's bytes. */
export function sectionReader(file: ElfFile, header: SectionHeader): ByteReader {
  return new ByteReader(contentOf(file, header), file.fileName, header.name, file.format.byteOrder);
}

/**
 * A reader over a table whose entries have `entrySize` bytes. Throws `elf-malformed` if the header says otherwise or the
 * table does not consist of whole entries.
 */
export function tableReader(file: ElfFile, header: SectionHeader, entrySize: number): ByteReader {
  const reader = sectionReader(file, header);
  if (header.entrySize !== entrySize) reader.malformed(0, `entries of ${bytesOf(entrySize)}`, `${header.entrySize}`);
  if (header.size % entrySize !== 0) {
    reader.malformed(0, `a multiple of ${bytesOf(entrySize)}`, bytesOf(header.size));
  }
  return reader;
}

function requireElf64(bytes: Uint8Array, fileName: string): void {
  if (!startsWith(bytes, MAGIC)) {
    const other = OTHER_FORMATS.find(({ magic }) => startsWith(bytes, magic));
    fail('elf-not-elf', {
      file: fileName,
      found: other?.found ?? (bytes.length === 0 ? 'empty' : 'a file of another kind'),
    });
  }
  const elfClass = new ByteReader(bytes, fileName, 'ELF header', 'little').u8(4);
  if (elfClass === 2) return;
  fail('elf-class-unsupported', { file: fileName, found: elfClass === 1 ? '32-bit' : `${elfClass}` });
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}

function byteOrderOf(bytes: Uint8Array, fileName: string): ByteOrder {
  const encoding = new ByteReader(bytes, fileName, 'ELF header', 'little');
  if (encoding.u8(5) === 1) return 'little';
  if (encoding.u8(5) === 2) return 'big';
  return encoding.malformed(5, 'byte order 1 or 2', `${encoding.u8(5)}`);
}

function readSectionHeaders(bytes: Uint8Array, header: ByteReader): Pick<ElfFile, 'headers' | 'nameTable'> {
  const tableOffset = header.u64(40);
  if (tableOffset === 0) return { headers: [], nameTable: 0 };
  if (header.u16(58) !== SECTION_HEADER_SIZE) {
    header.malformed(58, `section headers of ${SECTION_HEADER_SIZE} bytes`, `${header.u16(58)}`);
  }
  const whole = new ByteReader(bytes, header.fileName, 'file', header.byteOrder);
  const { count, nameTable } = readCounts(whole, header, tableOffset);
  const tableBytes = whole.slice(tableOffset, count * SECTION_HEADER_SIZE);
  const table = new ByteReader(tableBytes, header.fileName, 'section headers', header.byteOrder);
  const unnamed = Array.from({ length: count }, (_, index) => readSectionHeader(table, index));
  const names = sectionNames(whole, unnamed[nameTable]);
  const headers = unnamed.map((section) => {
    const at = section.index * SECTION_HEADER_SIZE;
    return { ...section, name: names.at(table.u32(at), table, at) };
  });
  for (const section of headers) requireInFile(whole, section);
  return { headers, nameTable };
}

/**
 * With 0xff00 sections or more, and with a name table beyond that index, the real numbers stand in the null section's
 * header (gABI, "e_shnum" and "e_shstrndx").
 */
function readCounts(whole: ByteReader, header: ByteReader, tableOffset: number): { count: number; nameTable: number } {
  const first = whole.slice(tableOffset, SECTION_HEADER_SIZE);
  const nullHeader = new ByteReader(first, header.fileName, 'section header 0', header.byteOrder);
  const count = header.u16(60) === 0 ? nullHeader.u64(32) : header.u16(60);
  const nameTable = header.u16(62) === SHN.XINDEX ? nullHeader.u32(40) : header.u16(62);
  if (count === 0) nullHeader.malformed(32, 'a number of sections', '0');
  if (nameTable >= count) header.malformed(62, `a section index below ${count}`, `${nameTable}`);
  return { count, nameTable };
}

function readSectionHeader(table: ByteReader, index: number): SectionHeader {
  const at = index * SECTION_HEADER_SIZE;
  return {
    index,
    name: `section ${index}`,
    type: table.u32(at + 4),
    flags: table.u64(at + 8),
    address: table.address(at + 16),
    offset: table.u64(at + 24),
    size: table.u64(at + 32),
    sh_link: table.u32(at + 40),
    sh_info: table.u32(at + 44),
    alignment: table.u64(at + 48),
    entrySize: table.u64(at + 56),
  };
}

/** Index 0 says that sections have no names; each then has the empty one. */
function sectionNames(whole: ByteReader, header: SectionHeader | undefined): StringTable {
  const isNamed = header !== undefined && header.index !== 0;
  if (isNamed) requireInFile(whole, header);
  const bytes = isNamed ? whole.slice(header.offset, header.size) : new Uint8Array(0);
  const reader = new ByteReader(bytes, whole.fileName, header?.name ?? '', whole.byteOrder);
  if (isNamed && header.type !== SHT.STRTAB) reader.malformed(0, 'a string table', `a section of type ${header.type}`);
  return new StringTable(reader);
}

function requireInFile(whole: ByteReader, header: SectionHeader): void {
  if (!hasContent(header) || header.offset + header.size <= whole.length) return;
  fail('elf-truncated', {
    file: whole.fileName,
    place: header.name,
    offset: 0,
    expected: `${bytesOf(header.size)} at file offset 0x${header.offset.toString(16)}`,
    have: `${Math.max(0, whole.length - header.offset)}`,
  });
}
