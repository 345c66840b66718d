/**
 * String tables, both ways. Reading decodes a name when it is first asked for and remembers it; writing stores each
 * whole string once.
 */
import { type ByteReader, bytesOf } from './bytes.js';

/**
 * Linkers let a name share the tail of another (`.text` inside `.rela.text`), so all names together may be longer than
 * their table, but not by much. A table made to exhaust memory (100,000 names, each one byte shorter than the one
 * before) goes far beyond this.
 */
const MOST_SHARING = 16;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Names of a string table by offset in bytes. */
export class StringTable {
  private readonly known = new Map<number, string>();
  private readonly buffer: Buffer;
  private decodedBytes = 0;

  constructor(private readonly reader: ByteReader) {
    const { bytes } = reader;
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /**
   * The name at `offset`, where `user` at `userOffset` asks for it. Throws `elf-malformed` for an offset outside the
   * table, a name without end, and bytes that are not UTF-8.
   */
  at(offset: number, user: ByteReader, userOffset: number): string {
    const known = this.known.get(offset);
    if (known !== undefined) return known;
    // An empty table serves those who need no names: offset 0 is the empty name everywhere.
    if (offset === 0 && this.buffer.length === 0) return '';
    if (offset >= this.buffer.length) {
      user.malformed(
        userOffset,
        `a name within the ${bytesOf(this.buffer.length)} of ${this.reader.place}`,
        `${offset}`,
      );
    }
    const name = this.decode(offset);
    this.known.set(offset, name);
    return name;
  }

  private decode(offset: number): string {
    const end = this.buffer.indexOf(0, offset);
    if (end < 0) this.reader.malformed(offset, 'a name that ends with a zero byte', 'the end of the table');
    this.decodedBytes += end - offset;
    if (this.decodedBytes > MOST_SHARING * this.buffer.length) {
      this.reader.malformed(offset, `names of at most ${MOST_SHARING} times the table's size in all`, 'more');
    }
    const latin1 = this.buffer.toString('latin1', offset, end);
    return isAscii(this.buffer, offset, end) ? latin1 : this.decodeUtf8(offset, end);
  }

  private decodeUtf8(offset: number, end: number): string {
    try {
      return strictUtf8.decode(this.buffer.subarray(offset, end));
    } catch {
      return this.reader.malformed(offset, 'a name in UTF-8', 'other bytes');
    }
  }
}

function isAscii(buffer: Uint8Array, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) {
    if ((buffer[index] ?? 0) > 0x7f) return false;
  }
  return true;
}

/** Collects names for a string table; the empty name is at offset 0. */
export class StringTableBuilder {
  private readonly offsets = new Map<string, number>([['', 0]]);
  private readonly parts: Uint8Array[] = [new Uint8Array(1)];
  private length = 1;

  /** The offset of `name` in bytes. Throws a plain Error if the name holds a zero byte, which would end it early. */
  add(name: string): number {
    const known = this.offsets.get(name);
    if (known !== undefined) return known;
    if (name.includes('\0')) throw new Error(`the name ${JSON.stringify(name)} holds a zero byte`);
    const offset = this.length;
    const part = Buffer.from(`${name}\0`, 'utf8');
    this.offsets.set(name, offset);
    this.parts.push(part);
    this.length += part.length;
    return offset;
  }

  /** The table as it stands. */
  build(): Uint8Array {
    return Buffer.concat(this.parts);
  }
}
