/**
 * A debug section of a relocatable object, read from front to back. What the file leaves to the linker is filled in from
 * the relocations: offsets of strings and of other debug sections, addresses of functions and variables. Debug data help
 * where they are there and nothing depends on them, so that whatever cannot be read is a RangeError for the caller to catch.
 */
import { inflateSync } from 'node:zlib';
import { SHF } from './constants.js';
import type { ByteOrder, ElfSection, Relocation } from './object.js';
import { relocationsInOrder } from './relocations-within.js';
import { countBelow } from './sorted.js';

/** A place in a section of the object, in bytes from its start. */
export interface SectionPlace {
  readonly section: ElfSection;
  readonly offset: number;
}

/** `Elf64_Chdr`, and the one kind of compression that every Node can undo (ELF specification, section compression). */
const COMPRESSION_HEADER_SIZE = 24;
const ELFCOMPRESS_ZLIB = 1;
/** Bytes; the whole of a kernel's debug data is about as much. */
const MOST_UNPACKED = 2 ** 29;
/** Nothing that is named is longer, in bytes. */
const LONGEST_TEXT = 2048;

export class DebugBytes {
  /** Where the next read begins. Reads past the end throw RangeError, as DataView does. */
  at = 0;
  readonly length: number;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #isLittle: boolean;
  readonly #section: ElfSection;
  #relocations: readonly Relocation[] | undefined;
  #nextRelocation = 0;
  readonly #texts = new Map<number, string>();

  /** Throws RangeError for compressed bytes that cannot be unpacked. */
  constructor(section: ElfSection, byteOrder: ByteOrder) {
    this.#section = section;
    this.#isLittle = byteOrder === 'little';
    const bytes = (section.flags & SHF.COMPRESSED) === 0 ? section.content : unpack(section.content, this.#isLittle);
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.length = bytes.length;
  }

  u8(): number {
    return this.#view.getUint8(this.at++);
  }

  i8(): number {
    return this.#view.getInt8(this.at++);
  }

  u16(): number {
    this.at += 2;
    return this.#view.getUint16(this.at - 2, this.#isLittle);
  }

  u32(): number {
    this.at += 4;
    return this.#view.getUint32(this.at - 4, this.#isLittle);
  }

  /** As far as a number is exact. */
  u64(): number {
    const [first, second] = [this.u32(), this.u32()];
    return this.#isLittle ? second * 2 ** 32 + first : first * 2 ** 32 + second;
  }

  /** Unsigned, of 1 to 8 bytes. */
  ofSize(size: number): number {
    if (size === 1) return this.u8();
    if (size === 2) return this.u16();
    if (size === 4) return this.u32();
    if (size === 8) return this.u64();
    if (size !== 3) throw new RangeError(`a number of ${size} bytes`);
    const [first, second, third] = [this.u8(), this.u8(), this.u8()];
    return this.#isLittle ? (third << 16) | (second << 8) | first : (first << 16) | (second << 8) | third;
  }

  /** ULEB128 (DWARF 5, section 7.6), exact up to 49 bits. */
  unsigned(): number {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = this.u8();
      if (shift < 49) value += (byte & 0x7f) * 2 ** shift;
      shift += 7;
      if (byte < 0x80) return value;
    }
  }

  /** SLEB128. */
  signed(): number {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = this.u8();
      if (shift < 49) value += (byte & 0x7f) * 2 ** shift;
      shift += 7;
      if (byte < 0x80) return (byte & 0x40) !== 0 && shift <= 49 ? value - 2 ** shift : value;
    }
  }

  skip(bytes: number): void {
    this.at += bytes;
    if (this.at > this.length) throw new RangeError('past the end');
  }

  /** A number of `size` bytes that may stand for a place in another debug section. */
  offsetOfSize(size: number): number {
    const relocation = this.#relocationAt(this.at);
    const value = this.ofSize(size);
    return relocation === undefined ? value : relocation.symbol.value + relocation.addend;
  }

  /** An address of `size` bytes; `undefined` where it is of no section of the object. */
  placeOfSize(size: number): SectionPlace | undefined {
    const relocation = this.#relocationAt(this.at);
    this.skip(size);
    const section = relocation?.symbol.section;
    return section && relocation && { section, offset: relocation.symbol.value + relocation.addend };
  }

  /** The text that begins here and ends with a zero byte. */
  text(): string {
    const text = this.textAt(this.at);
    this.at += text.length + 1;
    return text;
  }

  passText(): void {
    const end = this.#bytes.indexOf(0, this.at);
    if (end < 0) throw new RangeError('a text without end');
    this.at = end + 1;
  }

  textAt(offset: number): string {
    const known = this.#texts.get(offset);
    if (known !== undefined) return known;
    const end = offset < 0 || offset >= this.length ? -1 : this.#bytes.indexOf(0, offset);
    if (end < 0 || end - offset > LONGEST_TEXT) throw new RangeError('a text without end');
    const text = this.#bytes.toString('latin1', offset, end);
    this.#texts.set(offset, text);
    return text;
  }

  /** Reading goes forward as a rule, so that the next relocation is mostly the next one of the list. */
  #relocationAt(offset: number): Relocation | undefined {
    this.#relocations ??= relocationsInOrder(this.#section);
    const list = this.#relocations;
    let at = this.#nextRelocation;
    const isBetween = (list[at - 1]?.offset ?? -1) < offset && (list[at]?.offset ?? Number.MAX_VALUE) >= offset;
    if (!isBetween) at = countBelow(list, (relocation) => relocation.offset < offset);
    const found = list[at];
    this.#nextRelocation = at;
    if (found?.offset !== offset) return undefined;
    this.#nextRelocation = at + 1;
    return found;
  }
}

/** What `gcc -gz` packs. zstd, which Node 20 cannot read, is refused. */
function unpack(content: Uint8Array, isLittle: boolean): Uint8Array {
  const header = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const size = Number(header.getBigUint64(8, isLittle));
  if (header.getUint32(0, isLittle) !== ELFCOMPRESS_ZLIB || size > MOST_UNPACKED) throw new RangeError('compressed');
  let unpacked: Uint8Array;
  try {
    unpacked = inflateSync(content.subarray(COMPRESSION_HEADER_SIZE), { maxOutputLength: Math.max(size, 1) });
  } catch {
    throw new RangeError('compressed bytes that cannot be unpacked');
  }
  if (unpacked.length !== size) throw new RangeError('compressed bytes of another size');
  return unpacked;
}
