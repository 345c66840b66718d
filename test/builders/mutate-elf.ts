/**
 * Damage to ELF objects for property tests: blind (bytes, cuts, pieces of other objects), and aimed at the fields that the
 * readers and the comparison trust: section headers, symbols, relocations. A damage names places as shares of what is
 * there, so that one fits every object and shrinks well.
 */
import fc from 'fast-check';
import { SHT } from '../../src/elf/constants.js';
import { type ElfFile, readHeaders, SECTION_HEADER_SIZE } from '../../src/elf/headers.js';

export type Damage =
  | { readonly kind: 'bytes'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'splice'; readonly from: number; readonly length: number; readonly at: number }
  | {
      readonly kind: 'header' | 'symbol' | 'relocation';
      /** Which table of the kind, which entry in it, which field of the entry, and whose value to take for `as: 'another'`. */
      readonly table: number;
      readonly entry: number;
      readonly field: number;
      readonly other: number;
      readonly value: Value;
    };

/** What a field becomes. */
type Value =
  | { readonly as: 'number'; readonly number: bigint }
  | { readonly as: 'moved'; readonly by: number }
  /** The same field of another entry: sound by itself, wrong here. */
  | { readonly as: 'another' };

interface Field {
  /** Bytes from the start of the entry. */
  readonly at: number;
  readonly width: 1 | 2 | 4 | 8;
}

/** Elf64_Shdr: name, type, flags, offset, size, link, info, alignment, entry size. */
const headerFields: readonly Field[] = [
  { at: 0, width: 4 },
  { at: 4, width: 4 },
  { at: 8, width: 8 },
  { at: 24, width: 8 },
  { at: 32, width: 8 },
  { at: 40, width: 4 },
  { at: 44, width: 4 },
  { at: 48, width: 8 },
  { at: 56, width: 8 },
];

/** Elf64_Sym: name, info, other, section, value, size. */
const symbolFields: readonly Field[] = [
  { at: 0, width: 4 },
  { at: 4, width: 1 },
  { at: 5, width: 1 },
  { at: 6, width: 2 },
  { at: 8, width: 8 },
  { at: 16, width: 8 },
];

/** Elf64_Rela: offset, the halves of info, addend. */
const relocationFields: readonly Field[] = [
  { at: 0, width: 8 },
  { at: 8, width: 4 },
  { at: 12, width: 4 },
  { at: 16, width: 8 },
];

const entrySize = 24;

/** Limits of widths and signs, sizes that divide nothing, what makes arithmetic inexact. */
const tellingNumbers = [
  ...[0n, 1n, 2n, 3n, 4n, 7n, 8n, 16n, 24n, 0x7fn, 0x80n, 0xffn, 0xff00n, 0xfff1n, 0xfff2n, 0xffffn, 0x7fff_ffffn],
  ...[
    0x8000_0000n,
    0xffff_ffffn,
    1n << 40n,
    (1n << 53n) - 1n,
    1n << 53n,
    (1n << 63n) - 1n,
    1n << 63n,
    (1n << 64n) - 1n,
  ],
];

const share = fc.noBias(fc.integer({ min: 0, max: 9999 })).map((part) => part / 10_000);

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.record({ as: fc.constant('number' as const), number: fc.constantFrom(...tellingNumbers) }),
  fc.record({ as: fc.constant('moved' as const), by: fc.integer({ min: -16, max: 16 }) }),
  fc.record({ as: fc.constant('another' as const) }),
);

function aimed(kind: 'header' | 'symbol' | 'relocation') {
  return fc.record({ kind: fc.constant(kind), table: share, entry: share, field: share, other: share, value });
}

/** Any damage; half of them aimed. */
export const damage: fc.Arbitrary<Damage> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('bytes' as const),
      at: share,
      bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), at: share }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('splice' as const),
      from: share,
      length: fc.integer({ min: 1, max: 256 }),
      at: share,
    }),
  },
  { weight: 4, arbitrary: aimed('header') },
  { weight: 4, arbitrary: aimed('symbol') },
  { weight: 4, arbitrary: aimed('relocation') },
);

/** A damaged copy of a sound object; splices come from `donor`. */
export function damaged(sound: Uint8Array, damages: readonly Damage[], donor: Uint8Array): Uint8Array {
  const file = readHeaders(sound, 'sound.o');
  // Cuts come last: whatever is aimed at must still be there.
  const cuts = damages.filter((one) => one.kind === 'cut');
  const copy = Uint8Array.from(sound);
  for (const one of damages) apply(copy, one, file, donor);
  const length = Math.min(...cuts.map(({ at }) => Math.floor(at * sound.length)), sound.length);
  return copy.subarray(0, length);
}

function apply(copy: Uint8Array, one: Damage, file: ElfFile, donor: Uint8Array): void {
  if (one.kind === 'cut') return;
  if (one.kind === 'bytes' || one.kind === 'splice') {
    const at = Math.floor(one.at * copy.length);
    const from = one.kind === 'bytes' ? one.bytes : pieceOf(donor, one.from, one.length);
    copy.set(from.subarray(0, copy.length - at), at);
    return;
  }
  const table = tableOf(file, one.kind, one.table);
  const field = table === undefined ? undefined : pick(table.fields, one.field);
  if (table === undefined || field === undefined || table.count === 0) return;
  const placeOf = (entry: number) => table.start + Math.floor(entry * table.count) * table.entrySize + field.at;
  const view = new Numbers(copy, file.format.byteOrder === 'little');
  const present = view.read(placeOf(one.entry), field.width);
  view.write(
    placeOf(one.entry),
    field.width,
    changed(present, one.value, () => view.read(placeOf(one.other), field.width)),
  );
}

function pieceOf(donor: Uint8Array, from: number, length: number): Uint8Array {
  const start = Math.floor(from * donor.length);
  return donor.subarray(start, start + length);
}

function changed(present: bigint, wanted: Value, another: () => bigint): bigint {
  if (wanted.as === 'number') return wanted.number;
  return wanted.as === 'moved' ? present + BigInt(wanted.by) : another();
}

interface Table {
  /** Bytes from the start of the file. */
  readonly start: number;
  readonly count: number;
  readonly entrySize: number;
  readonly fields: readonly Field[];
}

function tableOf(file: ElfFile, kind: 'header' | 'symbol' | 'relocation', which: number): Table | undefined {
  if (kind === 'header') {
    const isLittle = file.format.byteOrder === 'little';
    const start = Number(new Numbers(file.bytes, isLittle).read(40, 8));
    return { start, count: file.headers.length, entrySize: SECTION_HEADER_SIZE, fields: headerFields };
  }
  const type = kind === 'symbol' ? SHT.SYMTAB : SHT.RELA;
  const header = pick(
    file.headers.filter((candidate) => candidate.type === type),
    which,
  );
  if (header === undefined) return undefined;
  const fields = kind === 'symbol' ? symbolFields : relocationFields;
  return { start: header.offset, count: header.size / entrySize, entrySize, fields };
}

function pick<T>(things: readonly T[], which: number): T | undefined {
  return things[Math.floor(which * things.length)];
}

/** Unsigned numbers of any width; what does not fit is cut off. */
class Numbers {
  readonly #view: DataView;

  constructor(
    bytes: Uint8Array,
    readonly isLittle: boolean,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(at: number, width: Field['width']): bigint {
    if (width === 1) return BigInt(this.#view.getUint8(at));
    if (width === 2) return BigInt(this.#view.getUint16(at, this.isLittle));
    return width === 4 ? BigInt(this.#view.getUint32(at, this.isLittle)) : this.#view.getBigUint64(at, this.isLittle);
  }

  write(at: number, width: Field['width'], number: bigint): void {
    const fitting = BigInt.asUintN(8 * width, number);
    if (width === 1) this.#view.setUint8(at, Number(fitting));
    else if (width === 2) this.#view.setUint16(at, Number(fitting), this.isLittle);
    else if (width === 4) this.#view.setUint32(at, Number(fitting), this.isLittle);
    else this.#view.setBigUint64(at, fitting, this.isLittle);
  }
}
