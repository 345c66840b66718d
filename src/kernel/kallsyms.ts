/**
 * The kernel's own symbol table, out of the kernel image. The livepatch core looks symbols up in it, so that it is what
 * counts, names, order and all; a vmlinux with symbols only says the same with more words.
 *
 * scripts/kallsyms.c writes the tables into .rodata without a header, and what tells where they are is how they are made:
 *
 * - names: for each symbol the count of its tokens (two bytes of 7 bits from 128 on, since v6.1), then the tokens; the first
 *   character of what they stand for is nm's letter
 * - markers: where in names every 256th symbol begins
 * - token table and token index: 256 texts that end in NUL, and where in the table each begins
 * - offsets and relative base: the address of each symbol, 32 bits each
 *
 * Up to v6.3 the order is offsets, relative base, count, names, markers, token table, token index; v6.4 (commit 404bad70fcf7)
 * moved offsets and relative base behind the token index. v6.2, and 6.1 of the stable series, put the order of the names
 * somewhere between. Each begins at a multiple of 8, and numbers are the machine's.
 */

export interface KallsymsSymbol {
  readonly address: bigint;
  /** nm's letter; `A` for per-CPU data. */
  readonly letter: string;
  readonly name: string;
}

/** Symbols between two markers. */
const markerStep = 256;
const tokenCount = 256;

const roundUp = (value: number) => (value + 7) & ~7;

/**
 * The symbols in the order of the table, which is that of their addresses; `undefined` where `rodata` (the section that
 * holds the tables, whose address is a multiple of 8) has none that are whole. `base` is the lowest address of the kernel.
 */
export function readKallsyms(rodata: Uint8Array, base: bigint, isLittleEndian: boolean): KallsymsSymbol[] | undefined {
  const reader = new Reader(rodata, isLittleEndian);
  for (const tokens of findTokens(reader)) {
    for (const { count, offsets } of findPlaces(reader, tokens, base)) {
      const texts = readNames(reader, count, tokens.texts);
      const addresses = texts && readAddresses(reader, offsets, base, texts.length);
      if (texts === undefined || addresses === undefined) continue;
      return texts.map((text, index) => ({
        address: addresses[index] ?? 0n,
        letter: text.slice(0, 1),
        name: text.slice(1),
      }));
    }
  }
  return undefined;
}

/** The symbols as /proc/kallsyms prints them. */
export function kallsymsText(symbols: readonly KallsymsSymbol[]): string {
  const lines = symbols.map(
    ({ address, letter, name }) => `${address.toString(16).padStart(16, '0')} ${letter} ${name}\n`,
  );
  return lines.join('');
}

class Reader {
  readonly #view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    readonly isLittleEndian: boolean,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u16(at: number): number | undefined {
    return at < 0 || at + 2 > this.bytes.length ? undefined : this.#view.getUint16(at, this.isLittleEndian);
  }

  u32(at: number): number | undefined {
    return at < 0 || at + 4 > this.bytes.length ? undefined : this.#view.getUint32(at, this.isLittleEndian);
  }

  u64(at: number): bigint | undefined {
    return at < 0 || at + 8 > this.bytes.length ? undefined : this.#view.getBigUint64(at, this.isLittleEndian);
  }
}

interface Tokens {
  readonly texts: readonly string[];
  /** Where the table begins, and where the index ends. */
  readonly start: number;
  readonly end: number;
}

/**
 * Tokens that were not needed for pairs stand for themselves, and digits occur in every kernel's names, so that the table
 * holds `0` to `9`, each behind the other; in front of them are 48 tokens more. The index behind the table must agree.
 */
function* findTokens(reader: Reader): Generator<Tokens> {
  const bytes = Buffer.from(reader.bytes.buffer, reader.bytes.byteOffset, reader.bytes.byteLength);
  const digits = Buffer.from([...'0123456789'].map((digit) => `${digit}\0`).join(''), 'latin1');
  for (let found = bytes.indexOf(digits); found !== -1; found = bytes.indexOf(digits, found + 1)) {
    let start = found;
    for (let token = '0'.charCodeAt(0); token > 0 && start > 0; token -= 1) start = bytes.lastIndexOf(0, start - 2) + 1;
    // Zeros in front of the table are its alignment, or the ends of tokens; it begins at a multiple of 8.
    if (start % 8 !== 0) continue;
    const tokens = readTokens(reader, bytes, start);
    if (tokens !== undefined) yield tokens;
  }
}

function readTokens(reader: Reader, bytes: Buffer, start: number): Tokens | undefined {
  const texts: string[] = [];
  const places: number[] = [];
  let at = start;
  for (let token = 0; token < tokenCount; token += 1) {
    const end = bytes.indexOf(0, at);
    if (end === -1) return undefined;
    places.push(at - start);
    texts.push(bytes.toString('latin1', at, end));
    at = end + 1;
  }
  const index = roundUp(at);
  const agrees = places.every((place, token) => reader.u16(index + 2 * token) === place);
  return agrees ? { texts, start, end: index + 2 * tokenCount } : undefined;
}

/** Where the tables may be: the count of symbols with the names behind it, and the offsets. */
interface Place {
  readonly count: number;
  readonly offsets: number;
}

/**
 * The relative base is the lowest address of the kernel, which is known; its bytes show where the tables are. Up to v6.3 the
 * count stands behind it, later somewhere in front of the token table, and the room for offsets tells it.
 */
function* findPlaces(reader: Reader, tokens: Tokens, base: bigint): Generator<Place> {
  const behind = roundUp(tokens.end);
  for (let at = 0; at + 8 <= reader.bytes.length; at += 8) {
    if (reader.u64(at) !== base) continue;
    const count = reader.u32(at + 8) ?? 0;
    if (count > 0 && at < tokens.start) yield { count: at + 8, offsets: at - roundUp(4 * count) };
    if (at <= behind) continue;
    const most = (at - behind) / 4;
    for (let before = tokens.start & ~7; before >= 0; before -= 8) {
      const found = reader.u32(before);
      const isCount = (found === most || found === most - 1) && reader.u32(before + 4) === 0;
      if (isCount) yield { count: before, offsets: behind };
    }
  }
}

/** The texts, letter and name, if they are there as the count says and the markers behind them agree. */
function readNames(reader: Reader, countAt: number, tokens: readonly string[]): string[] | undefined {
  const { bytes } = reader;
  const count = reader.u32(countAt) ?? 0;
  const start = countAt + 8;
  const places: number[] = [];
  const texts: string[] = [];
  let at = start;
  for (let symbol = 0; symbol < count; symbol += 1) {
    if (symbol % markerStep === 0) places.push(at - start);
    let length = bytes[at] ?? 0;
    at += 1;
    if (length >= 0x80) {
      length = (length & 0x7f) | ((bytes[at] ?? 0) << 7);
      at += 1;
    }
    if (length === 0 || at + length > bytes.length) return undefined;
    let text = '';
    for (const end = at + length; at < end; at += 1) text += tokens[bytes[at] ?? 0] ?? '';
    texts.push(text);
  }
  const markers = roundUp(at);
  return places.every((place, index) => reader.u32(markers + 4 * index) === place) ? texts : undefined;
}

/**
 * Two ways to count (kallsyms_sym_address in kernel/kallsyms.c): with CONFIG_KALLSYMS_ABSOLUTE_PERCPU a number from 0 on is an
 * address, of per-CPU data, and -1 - n stands for base + n; else all count from the base. The right one gives rising addresses.
 */
function readAddresses(reader: Reader, offsets: number, base: bigint, count: number): bigint[] | undefined {
  for (const hasPerCpu of [true, false]) {
    const addresses: bigint[] = [];
    for (let symbol = 0; symbol < count; symbol += 1) {
      const offset = reader.u32(offsets + 4 * symbol);
      if (offset === undefined) return undefined;
      const isPerCpu = hasPerCpu && offset < 0x80000000;
      const address = isPerCpu ? BigInt(offset) : base + BigInt(hasPerCpu ? 0xffffffff - offset : offset);
      if (address < (addresses.at(-1) ?? 0n)) break;
      addresses.push(address);
    }
    if (addresses.length === count && addresses.includes(base)) return addresses;
  }
  return undefined;
}
