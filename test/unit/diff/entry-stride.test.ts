import { describe, expect, test } from 'vitest';
import { contradictingSize, inferEntrySize, inferStride } from '../../../src/diff/entry-stride.js';
import { SHT, STT } from '../../../src/elf/constants.js';
import { ElfSection, ElfSymbol } from '../../../src/elf/object.js';

/** A table of `bytes` bytes with 32-bit references at the offsets. */
function table(
  bytes: number,
  offsets: readonly number[],
  types: readonly number[] = [],
  undefinedAt: readonly number[] = [],
): ElfSection {
  const section = new ElfSection({ name: '__places', type: SHT.PROGBITS, content: new Uint8Array(bytes) });
  const symbol = new ElfSymbol({ name: 'f', place: section, type: STT.FUNC, size: 100 });
  const handler = new ElfSymbol({ name: 'handler', place: 'undefined' });
  section.relocations = offsets.map((offset, index) => {
    return { offset, type: types[index] ?? 2, symbol: undefinedAt.includes(offset) ? handler : symbol, addend: 1 };
  });
  return section;
}

describe('inferStride', () => {
  test.each([
    ['places alone', table(12, [0, 4, 8]), 4],
    ['a place and a value', table(24, [0, 8, 16]), 8],
    ['two places and a value', table(36, [0, 4, 12, 16, 24, 28]), 12],
    ['entries of odd size', table(39, [0, 4, 13, 17, 26, 30]), 13],
    ['a last entry without its padding', table(28, [0, 16]), 16],
    ['relocations of two types', table(16, [0, 4, 8, 12], [1, 2, 1, 2]), 8],
  ])('%s', (_what, section, size) => expect(inferStride(section)?.entrySize).toBe(size));

  test.each([
    ['one entry', table(8, [0])],
    ['no relocations', table(8, [])],
    ['uneven distances', table(24, [0, 8, 20])],
    ['bytes behind the last entry', table(40, [0, 8, 16])],
    ['relocations on one place', table(8, [0, 0])],
  ])('not of %s', (_what, section) => expect(inferStride(section)).toBeUndefined());
});

describe('a declared size', () => {
  const declaring = (entrySize: number, section: ElfSection) => Object.assign(section, { entrySize });

  test('joins what looks like several entries', () =>
    expect(inferStride(declaring(8, table(16, [0, 4, 8, 12])))).toEqual({ entrySize: 8, relocationsPerEntry: 2 }));
  test.each([
    ['is no multiple of what shows', 6],
    ['does not fit the table', 12],
  ])('does not where it %s', (_what, size) =>
    expect(inferStride(declaring(size, table(16, [0, 4, 8, 12])))?.entrySize).toBe(4),
  );
});

describe('inferEntrySize', () => {
  test.each([
    // Call and key in turn, as objtool makes it: every four bytes the same relocation.
    ['static calls', 'STATIC_CALL_STRUCT_SIZE', table(32, [0, 4, 8, 12, 16, 20, 24, 28]), 8],
    ['a static call', 'STATIC_CALL_STRUCT_SIZE', table(8, [0, 4]), 8],
    ['jump labels of absolute addresses', 'JUMP_STRUCT_SIZE', table(48, [0, 8, 16, 24, 32, 40]), 24],
    ['jump labels of distances', 'JUMP_STRUCT_SIZE', table(32, [0, 4, 8, 16, 20, 24]), 16],
    [
      'distances made of two relocations',
      'JUMP_STRUCT_SIZE',
      table(32, [0, 0, 4, 4, 8, 8, 16, 16, 20, 20, 24, 24]),
      16,
    ],
    ['faults without a type', 'EX_STRUCT_SIZE', table(16, [0, 4, 8, 12]), 8],
    ['faults with a type', 'EX_STRUCT_SIZE', table(24, [0, 4, 12, 16]), 12],
    ['faults with a handler', 'EX_STRUCT_SIZE', table(24, [0, 4, 8, 12, 16, 20], [], [8, 20]), 12],
    ['a fault with a handler', 'EX_STRUCT_SIZE', table(12, [0, 4, 8], [], [8]), 12],
    ['fixups behind mask and value', 'FIXUP_STRUCT_SIZE', table(96, [16, 24, 32, 40, 64, 72, 80, 88]), 48],
    ['alternatives, one without replacement', 'ALT_STRUCT_SIZE', table(52, [0, 4, 13, 26, 30, 39, 43]), 13],
    ['bugs with a file', 'BUG_STRUCT_SIZE', table(24, [0, 4, 12, 16]), 12],
    ['bugs with a file and a format', 'BUG_STRUCT_SIZE', table(32, [0, 4, 8, 16, 20, 24]), 16],
    ['bugs without', 'BUG_STRUCT_SIZE', table(24, [0, 8, 16]), 8],
    ['a bug', 'BUG_STRUCT_SIZE', table(12, [0, 4]), 12],
    ['sites, the last without its padding', 'PARA_STRUCT_SIZE', table(28, [0, 16]), 16],
    ['pointers', 'PRINTK_INDEX_STRUCT_SIZE', table(16, [0, 8]), 8],
  ] as const)('%s', (_what, setting, section, size) => expect(inferEntrySize(section, setting)).toBe(size));

  test.each([
    ['a call without its key', 'STATIC_CALL_STRUCT_SIZE', table(12, [0, 4, 8])],
    ['calls without their keys', 'STATIC_CALL_STRUCT_SIZE', table(24, [0, 8, 16])],
    ['an entry without code', 'ALT_STRUCT_SIZE', table(39, [0, 4, 17, 26, 30])],
    ['bugs that differ', 'BUG_STRUCT_SIZE', table(36, [0, 4, 12, 24, 28])],
    ['places that are too many for an entry', 'ALT_STRUCT_SIZE', table(24, [0, 4, 8, 12, 20])],
    ['faults of another object', 'EX_STRUCT_SIZE', table(16, [0, 4, 8, 12], [], [8])],
    ['no relocations', 'BUG_STRUCT_SIZE', table(24, [])],
    ['rows without places', 'ORC_STRUCT_SIZE', table(24, [0, 6])],
  ] as const)('not of %s', (_what, setting, section) => expect(inferEntrySize(section, setting)).toBeUndefined());
});

describe('contradictingSize', () => {
  const bugs = table(36, [0, 4, 12, 16, 24, 28]);
  const calls = table(16, [0, 4, 8, 12]);

  test('a size that cuts entries apart', () => {
    expect(contradictingSize(bugs, 'BUG_STRUCT_SIZE', 8)).toBe(12);
    expect(contradictingSize(calls, 'STATIC_CALL_STRUCT_SIZE', 4)).toBe(8);
  });
  test('the same size', () => {
    expect(contradictingSize(bugs, 'BUG_STRUCT_SIZE', 12)).toBeUndefined();
    expect(contradictingSize(calls, 'STATIC_CALL_STRUCT_SIZE', 8)).toBeUndefined();
  });
  test('a table that tells nothing', () =>
    expect(contradictingSize(table(24, [0, 8, 20]), 'STATIC_CALL_STRUCT_SIZE', 8)).toBeUndefined());
});
