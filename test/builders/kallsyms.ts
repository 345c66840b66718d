/** Kallsyms tables as scripts/kallsyms.c lays them out, in each of the orders that it has used. */

export interface KallsymsEntry {
  readonly address: bigint;
  readonly letter: string;
  readonly name: string;
}

/** `6.1`: offsets in front; `6.2`: with the order of the names behind the markers; `6.4`: offsets at the end. */
export type KallsymsOrder = '6.1' | '6.2' | '6.4';

const u16 = (value: number) => Buffer.from(Uint16Array.of(value).buffer);
const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: bigint) => Buffer.from(BigUint64Array.of(value).buffer);
const padded = (...parts: readonly Uint8Array[]) => {
  const whole = Buffer.concat(parts);
  return Buffer.concat([whole, Buffer.alloc(-whole.length & 7)]);
};

/** Bytes above 0xf0 occur in no name and stand for pairs, as kallsyms makes them. */
const pairs: readonly string[] = ['in', 'er', 'st_'];

/** A `.rodata` with the tables somewhere in it. Below `base` addresses are per-CPU data. */
export function kallsymsRodata(entries: readonly KallsymsEntry[], base: bigint, order: KallsymsOrder): Buffer {
  const names: Buffer[] = [];
  const markers: number[] = [];
  let length = 0;
  for (const [index, { letter, name }] of entries.entries()) {
    if (index % 256 === 0) markers.push(length);
    const packed = packName(letter + name);
    names.push(packed);
    length += packed.length;
  }
  const texts = Array.from({ length: 256 }, (_, token) => pairs[token - 0xf0] ?? String.fromCharCode(token || 1));
  const places = texts.map((_, token) => texts.slice(0, token).join('\0').length + (token === 0 ? 0 : 1));
  const offset = (address: bigint) => (address < base ? Number(address) : 0xffffffff - Number(address - base));
  const offsets = padded(...entries.map(({ address }) => u32(offset(address))));
  const count = padded(u32(entries.length));
  const nameTables = [count, padded(...names), padded(...markers.map(u32))];
  const tokens = [padded(Buffer.from(`${texts.join('\0')}\0`, 'latin1')), padded(...places.map(u16))];
  const sequence = padded(...entries.map(() => Buffer.of(1, 2, 3)));
  const tables = {
    '6.1': [offsets, u64(base), ...nameTables, ...tokens],
    '6.2': [offsets, u64(base), ...nameTables, sequence, ...tokens],
    '6.4': [...nameTables, ...tokens, offsets, u64(base), sequence],
  }[order];
  // What surrounds them: the base as an address, and digits that are no token table.
  const before = padded(Buffer.from('some text\0', 'latin1'), u64(base), Buffer.from('0\x001\x002\0', 'latin1'));
  return Buffer.concat([before, ...tables, padded(Buffer.from('behind\0', 'latin1'))]);
}

/** The count of tokens, in two bytes from 128 on, and the tokens. */
function packName(text: string): Buffer {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; ) {
    const pair = pairs.findIndex((candidate) => text.startsWith(candidate, at));
    bytes.push(pair === -1 ? text.charCodeAt(at) : 0xf0 + pair);
    at += pair === -1 ? 1 : (pairs[pair] ?? '').length;
  }
  const { length } = bytes;
  return Buffer.from(length < 128 ? [length, ...bytes] : [(length & 0x7f) | 0x80, length >> 7, ...bytes]);
}
