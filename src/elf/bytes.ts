/**
 * Reading and writing numbers in both byte orders. The reader knows the file and the part of it that it stands in, so
 * that every failure can say where: `mad.o: .rela.text+0x48: expected …, have …`. Offsets, sizes and addends are
 * `number`, checked to be exact; addresses of linked images, which need all 64 bits, are `bigint`.
 */
import { fail } from '../diagnostics/catalogue.js';
import type { ByteOrder } from './object.js';

const WORD = 0x1_0000_0000;

/** A stretch of a file, read at offsets in bytes from its start. */
export class ByteReader {
  private readonly view: DataView;
  private readonly isLittle: boolean;

  constructor(
    readonly bytes: Uint8Array,
    readonly fileName: string,
    /** What the stretch is: a section name, or a part such as `ELF header`. */
    readonly place: string,
    readonly byteOrder: ByteOrder,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.isLittle = byteOrder === 'little';
  }

  /** In bytes. */
  get length(): number {
    return this.bytes.length;
  }

  /** Throws `elf-truncated` past the end, as all reads do. */
  u8(offset: number): number {
    this.need(offset, 1);
    return this.view.getUint8(offset);
  }

  u16(offset: number): number {
    this.need(offset, 2);
    return this.view.getUint16(offset, this.isLittle);
  }

  u32(offset: number): number {
    this.need(offset, 4);
    return this.view.getUint32(offset, this.isLittle);
  }

  /** An unsigned offset or size; throws `elf-malformed` from 2^53 on. */
  u64(offset: number): number {
    this.need(offset, 8);
    const value = this.upper(offset) * WORD + this.lower(offset);
    if (value > Number.MAX_SAFE_INTEGER) {
      this.malformed(offset, 'a value below 2^53', `0x${this.view.getBigUint64(offset, this.isLittle).toString(16)}`);
    }
    return value;
  }

  /** A signed addend or value; throws `elf-malformed` beyond 2^53 in either direction. */
  i64(offset: number): number {
    this.need(offset, 8);
    const value = (this.upper(offset) | 0) * WORD + this.lower(offset);
    if (!Number.isSafeInteger(value)) {
      this.malformed(offset, 'a value within ±2^53', this.view.getBigInt64(offset, this.isLittle).toString());
    }
    return value;
  }

  /** An address of a linked image. */
  address(offset: number): bigint {
    this.need(offset, 8);
    return this.view.getBigUint64(offset, this.isLittle);
  }

  /** `length` bytes from `offset` on, as a view; throws `elf-truncated` past the end. */
  slice(offset: number, length: number): Uint8Array {
    this.need(offset, length);
    return this.bytes.subarray(offset, offset + length);
  }

  /** Ends with `elf-malformed` at `offset`: the bytes are there but cannot be meant. */
  malformed(offset: number, expected: string, have: string): never {
    fail('elf-malformed', { file: this.fileName, place: this.place, offset, expected, have });
  }

  private need(offset: number, length: number): void {
    if (offset + length <= this.bytes.length && offset >= 0) return;
    const have = `${Math.max(0, this.bytes.length - offset)}`;
    fail('elf-truncated', { file: this.fileName, place: this.place, offset, expected: bytesOf(length), have });
  }

  private upper(offset: number): number {
    return this.view.getUint32(this.isLittle ? offset + 4 : offset, this.isLittle);
  }

  private lower(offset: number): number {
    return this.view.getUint32(this.isLittle ? offset : offset + 4, this.isLittle);
  }
}

/** `1 byte`, `24 bytes` */
export function bytesOf(count: number): string {
  return count === 1 ? '1 byte' : `${count} bytes`;
}

/**
 * A buffer of fixed length in bytes, written at offsets. A number that does not fit its field is a bug in kptool and
 * throws a plain RangeError; nothing is cut off silently.
 */
export class ByteWriter {
  readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly isLittle: boolean;

  constructor(length: number, byteOrder: ByteOrder) {
    this.bytes = new Uint8Array(length);
    this.view = new DataView(this.bytes.buffer);
    this.isLittle = byteOrder === 'little';
  }

  u8(offset: number, value: number): void {
    requireUnsigned(value, 0xff);
    this.view.setUint8(offset, value);
  }

  u16(offset: number, value: number): void {
    requireUnsigned(value, 0xffff);
    this.view.setUint16(offset, value, this.isLittle);
  }

  u32(offset: number, value: number): void {
    requireUnsigned(value, WORD - 1);
    this.view.setUint32(offset, value, this.isLittle);
  }

  u64(offset: number, value: number): void {
    requireUnsigned(value, Number.MAX_SAFE_INTEGER);
    this.i64(offset, value);
  }

  i64(offset: number, value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} does not fit a signed 64-bit field exactly`);
    this.view.setUint32(this.isLittle ? offset + 4 : offset, Math.floor(value / WORD) >>> 0, this.isLittle);
    this.view.setUint32(this.isLittle ? offset : offset + 4, value >>> 0, this.isLittle);
  }
}

function requireUnsigned(value: number, maximum: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= maximum) return;
  throw new RangeError(`${value} does not fit a field of 0 to ${maximum}`);
}
