import { describe, expect, test } from 'vitest';
import { KptoolError } from '../../../src/diagnostics/diagnostic.js';
import { ByteReader, ByteWriter } from '../../../src/elf/bytes.js';

const BYTES = Uint8Array.from([0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08]);

function reader(bytes: Uint8Array, byteOrder: 'little' | 'big' = 'little'): ByteReader {
  return new ByteReader(bytes, 'mad.o', '.rela.text', byteOrder);
}

describe('ByteReader', () => {
  test('reads both byte orders', () => {
    expect(reader(BYTES).u16(0)).toBe(0x0201);
    expect(reader(BYTES, 'big').u16(0)).toBe(0x0102);
    expect(reader(BYTES).u32(4)).toBe(0x08070605);
    expect(reader(BYTES, 'big').u32(4)).toBe(0x05060708);
    expect(reader(BYTES).address(0)).toBe(0x0807060504030201n);
    expect(reader(BYTES, 'big').address(0)).toBe(0x0102030405060708n);
  });

  test('reads from a view that does not start at its buffer', () => {
    expect(reader(BYTES.subarray(3)).u16(1)).toBe(0x0605);
  });

  const words: [name: string, bytes: number[], unsigned: number | 'refused', signed: number | 'refused'][] = [
    ['zero', [0, 0, 0, 0, 0, 0, 0, 0], 0, 0],
    ['2^53-1', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0], 2 ** 53 - 1, 2 ** 53 - 1],
    ['2^53', [0, 0, 0, 0, 0, 0, 0x20, 0], 'refused', 'refused'],
    ['2^53+1', [1, 0, 0, 0, 0, 0, 0x20, 0], 'refused', 'refused'],
    ['-1', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 'refused', -1],
    ['-4', [0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 'refused', -4],
    ['-2^53+1', [1, 0, 0, 0, 0, 0, 0xe0, 0xff], 'refused', -(2 ** 53) + 1],
    ['-2^53', [0, 0, 0, 0, 0, 0, 0xe0, 0xff], 'refused', 'refused'],
    ['-2^63', [0, 0, 0, 0, 0, 0, 0, 0x80], 'refused', 'refused'],
  ];
  test.each(words)('reads %s exactly or refuses it', (_, bytes, unsigned, signed) => {
    for (const [order, ordered] of [['little', bytes] as const, ['big', bytes.toReversed()] as const]) {
      const at = reader(Uint8Array.from(ordered), order);
      if (unsigned === 'refused') expect(() => at.u64(0)).toThrow(KptoolError);
      else expect(at.u64(0)).toBe(unsigned);
      if (signed === 'refused') expect(() => at.i64(0)).toThrow(KptoolError);
      else expect(at.i64(0)).toBe(signed);
    }
  });

  test('says where the bytes end', () => {
    expect(() => reader(BYTES).u32(6)).toThrow('mad.o: .rela.text+0x6: expected 4 bytes, have 2 [elf-truncated]');
    expect(() => reader(BYTES).u8(20)).toThrow('mad.o: .rela.text+0x14: expected 1 byte, have 0 [elf-truncated]');
    expect(() => reader(BYTES).slice(2, 7)).toThrow('expected 7 bytes, have 6');
    expect(() => reader(BYTES).u8(-1)).toThrow('[elf-truncated]');
  });
});

describe('ByteWriter', () => {
  test.each(['little', 'big'] as const)('writes %s-endian what the reader reads', (byteOrder) => {
    const values = [0, 1, -1, -4, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53) + 1];
    for (const value of values) {
      const writer = new ByteWriter(8, byteOrder);
      writer.i64(0, value);
      expect(reader(writer.bytes, byteOrder).i64(0)).toBe(value);
    }
  });

  test('refuses what does not fit', () => {
    const writer = new ByteWriter(8, 'little');
    expect(() => writer.u8(0, 256)).toThrow(RangeError);
    expect(() => writer.u16(0, -1)).toThrow(RangeError);
    expect(() => writer.u32(0, 2 ** 32)).toThrow(RangeError);
    expect(() => writer.u64(0, -1)).toThrow(RangeError);
    expect(() => writer.u32(0, 1.5)).toThrow(RangeError);
    expect(() => writer.i64(0, 2 ** 53)).toThrow(RangeError);
  });
});
