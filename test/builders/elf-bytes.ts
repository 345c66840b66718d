/**
 * Damages and odd variants of ELF files: writes single header fields of a finished little-endian file, under their names
 * in the specification.
 */
import { readHeaders } from '../../src/elf/headers.js';

/** Offset and width in bytes of the fields of `Elf64_Ehdr` and `Elf64_Shdr`. */
const FILE_FIELDS = {
  ei_version: [6, 1],
  e_type: [16, 2],
  e_machine: [18, 2],
  e_version: [20, 4],
  e_shoff: [40, 8],
  e_shentsize: [58, 2],
  e_shnum: [60, 2],
  e_shstrndx: [62, 2],
} as const;
const SECTION_FIELDS = {
  sh_name: [0, 4],
  sh_type: [4, 4],
  sh_flags: [8, 8],
  sh_addr: [16, 8],
  sh_offset: [24, 8],
  sh_size: [32, 8],
  sh_link: [40, 4],
  sh_info: [44, 4],
  sh_addralign: [48, 8],
  sh_entsize: [56, 8],
} as const;

export class ElfBytes {
  readonly bytes: Uint8Array;
  private readonly view: DataView;

  /** Works on a copy of `bytes`. */
  constructor(bytes: Uint8Array) {
    this.bytes = Uint8Array.from(bytes);
    this.view = new DataView(this.bytes.buffer);
  }

  file(field: keyof typeof FILE_FIELDS, value: number | bigint): this {
    return this.put(FILE_FIELDS[field], 0, value);
  }

  section(name: string, field: keyof typeof SECTION_FIELDS, value: number | bigint): this {
    return this.put(SECTION_FIELDS[field], this.headerOffset(this.index(name)), value);
  }

  /** Section 0, which holds the numbers of extended numbering. */
  nullSection(field: keyof typeof SECTION_FIELDS, value: number | bigint): this {
    return this.put(SECTION_FIELDS[field], this.headerOffset(0), value);
  }

  /** `width` bytes at `offset` in the content of a section. */
  content(name: string, offset: number, width: 1 | 2 | 4 | 8, value: number | bigint): this {
    const start = readHeaders(this.bytes, 'edited').headers[this.index(name)]?.offset ?? 0;
    return this.put([offset, width], start, value);
  }

  /** The index of the first section of that name; throws if there is none. */
  index(name: string): number {
    const header = readHeaders(this.bytes, 'edited').headers.find((candidate) => candidate.name === name);
    if (header === undefined) throw new Error(`no section ${name} to edit`);
    return header.index;
  }

  private headerOffset(index: number): number {
    return Number(this.view.getBigUint64(FILE_FIELDS.e_shoff[0], true)) + 64 * index;
  }

  private put([offset, width]: readonly [number, number], base: number, value: number | bigint): this {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (let index = 0; index < width; index += 1) {
      this.bytes[base + offset + index] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    return this;
  }
}
