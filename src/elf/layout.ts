/**
 * Puts encoded sections into one ELF64 file of type ET_REL: file header, contents, section headers. What the sections
 * mean is the business of `write.ts`.
 */
import { ByteWriter } from './bytes.js';
import { ET, SHN, SHT } from './constants.js';
import { FILE_HEADER_SIZE, SECTION_HEADER_SIZE } from './headers.js';
import type { ElfFormat } from './object.js';
import { StringTableBuilder } from './string-table.js';

/**
 * Nothing maps a relocatable object, so no file offset needs more than a page; an alignment of 2^40 that a broken file
 * asks for costs no terabyte.
 */
const LARGEST_FILE_ALIGNMENT = 4096;

const NAME_TABLE = '.shstrtab';

/** A section of the file: one of the object, or a table that encodes it. */
export interface FileSection {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly content: Uint8Array;
  readonly size: number;
  readonly sh_link: number;
  readonly sh_info: number;
  readonly alignment: number;
  readonly entrySize: number;
}

/** A section that encodes the object: without address, flags, link and info unless the caller sets them. */
export function encodingSection(
  name: string,
  type: number,
  content: Uint8Array,
  entrySize: number,
  alignment: number,
): FileSection {
  return { name, type, flags: 0, content, size: content.length, sh_link: 0, sh_info: 0, alignment, entrySize };
}

/**
 * The file with `sections` one after the other behind the file header, numbered from 1, then the table of their names,
 * then the section headers.
 */
export function layOut(format: ElfFormat, sections: readonly FileSection[]): Uint8Array {
  const names = new StringTableBuilder();
  for (const { name } of sections) names.add(name);
  names.add(NAME_TABLE);
  return placeSections(format, [...sections, encodingSection(NAME_TABLE, SHT.STRTAB, names.build(), 0, 1)], names);
}

function placeSections(format: ElfFormat, sections: readonly FileSection[], names: StringTableBuilder): Uint8Array {
  let end = FILE_HEADER_SIZE;
  const offsets = sections.map(({ alignment, content }) => {
    const offset = alignUp(end, Math.min(alignment, LARGEST_FILE_ALIGNMENT));
    end = offset + content.length;
    return offset;
  });
  const headersOffset = alignUp(end, 8);
  const count = sections.length + 1;
  const writer = new ByteWriter(headersOffset + count * SECTION_HEADER_SIZE, format.byteOrder);
  for (const [position, section] of sections.entries()) {
    const offset = offsets[position] ?? 0;
    writer.bytes.set(section.content, offset);
    writeSectionHeader(writer, headersOffset + (position + 1) * SECTION_HEADER_SIZE, section, offset, names);
  }
  writeFileHeader(writer, format, headersOffset);
  // The table of names is the last section.
  writeCounts(writer, headersOffset, count, count - 1);
  return writer.bytes;
}

function alignUp(offset: number, alignment: number): number {
  return alignment <= 1 ? offset : Math.ceil(offset / alignment) * alignment;
}

function writeSectionHeader(
  writer: ByteWriter,
  at: number,
  section: FileSection,
  offset: number,
  names: StringTableBuilder,
): void {
  writer.u32(at, names.add(section.name));
  writer.u32(at + 4, section.type);
  writer.u64(at + 8, section.flags);
  writer.u64(at + 24, offset);
  writer.u64(at + 32, section.size);
  writer.u32(at + 40, section.sh_link);
  writer.u32(at + 44, section.sh_info);
  writer.u64(at + 48, section.alignment);
  writer.u64(at + 56, section.entrySize);
}

function writeFileHeader(writer: ByteWriter, format: ElfFormat, headersOffset: number): void {
  const identification = [0x7f, 0x45, 0x4c, 0x46, 2, format.byteOrder === 'little' ? 1 : 2, 1, format.osAbi];
  for (const [offset, byte] of identification.entries()) writer.u8(offset, byte);
  writer.u8(8, format.abiVersion);
  writer.u16(16, ET.REL);
  writer.u16(18, format.machine);
  writer.u32(20, 1);
  writer.u64(40, headersOffset);
  writer.u32(48, format.flags);
  writer.u16(52, FILE_HEADER_SIZE);
  writer.u16(58, SECTION_HEADER_SIZE);
}

/** Numbers from 0xff00 on stand in the null section's header (gABI, "e_shnum" and "e_shstrndx"). */
function writeCounts(writer: ByteWriter, headersOffset: number, count: number, nameTable: number): void {
  const isCountExtended = count >= SHN.LORESERVE;
  writer.u16(60, isCountExtended ? 0 : count);
  if (isCountExtended) writer.u64(headersOffset + 32, count);
  const isNameTableExtended = nameTable >= SHN.LORESERVE;
  writer.u16(62, isNameTableExtended ? SHN.XINDEX : nameTable);
  if (isNameTableExtended) writer.u32(headersOffset + 40, nameTable);
}
