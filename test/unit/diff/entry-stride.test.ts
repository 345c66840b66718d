import { describe, expect, test } from 'vitest';
import { contradictingSize, inferStride } from '../../../src/diff/entry-stride.js';
import { SHT, STT } from '../../../src/elf/constants.js';
import { ElfSection, ElfSymbol } from '../../../src/elf/object.js';

/** A table of `bytes` bytes with 32-bit references at the offsets. */
function table(bytes: number, offsets: readonly number[], types: readonly number[] = []): ElfSection {
  const section = new ElfSection({ name: '__places', type: SHT.PROGBITS, content: new Uint8Array(bytes) });
  const symbol = new ElfSymbol({ name: 'f', place: section, type: STT.FUNC, size: 100 });
  section.relocations = offsets.map((offset, index) => ({ offset, type: types[index] ?? 2, symbol, addend: 1 }));
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

describe('contradictingSize', () => {
  test('a size that cuts entries apart', () =>
    expect(contradictingSize(table(36, [0, 4, 12, 16, 24, 28]), 8)).toBe(12));
  test('the same size', () => expect(contradictingSize(table(24, [0, 8, 16]), 8)).toBeUndefined());
  test('pairs where all words are references', () =>
    expect(contradictingSize(table(16, [0, 4, 8, 12]), 8)).toBeUndefined());
  test('a table that tells nothing', () => expect(contradictingSize(table(24, [0, 8, 20]), 8)).toBeUndefined());
});
