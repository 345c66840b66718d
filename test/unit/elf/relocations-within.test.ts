import { describe, expect, test } from 'vitest';
import type { ElfSection } from '../../../src/elf/object.js';
import { relocationsWithin } from '../../../src/elf/relocations-within.js';
import { countBelow } from '../../../src/elf/sorted.js';
import { ObjectBuilder } from '../../builders/elf.js';

function sectionWith(offsets: readonly number[]): ElfSection {
  const builder = new ObjectBuilder();
  const section = builder.section({ name: '.text', content: new Uint8Array(64), type: 1 });
  const symbol = builder.undefinedSymbol('print');
  section.relocations = offsets.map((offset) => ({ offset, type: 4, symbol, addend: 0 }));
  return section;
}

const offsetsWithin = (section: ElfSection, start: number, end: number) =>
  relocationsWithin(section, start, end).map(({ offset }) => offset);

describe('relocationsWithin', () => {
  test('takes the start in and leaves the end out', () => {
    expect(offsetsWithin(sectionWith([0, 8, 8, 16, 24]), 8, 24)).toEqual([8, 8, 16]);
  });

  test('sorts what is not in order', () => {
    expect(offsetsWithin(sectionWith([24, 0, 16, 8]), 1, 64)).toEqual([8, 16, 24]);
  });

  test('sees relocations that were added to the list, and another list in its place', () => {
    const section = sectionWith([8, 16]);
    expect(offsetsWithin(section, 0, 64)).toEqual([8, 16]);
    section.relocations.push(...sectionWith([4]).relocations);
    expect(offsetsWithin(section, 0, 64)).toEqual([4, 8, 16]);
    section.relocations = sectionWith([12]).relocations;
    expect(offsetsWithin(section, 0, 64)).toEqual([12]);
  });

  test('finds nothing where nothing is', () => {
    expect(offsetsWithin(sectionWith([]), 0, 64)).toEqual([]);
    expect(offsetsWithin(sectionWith([8]), 9, 64)).toEqual([]);
    expect(offsetsWithin(sectionWith([8]), 20, 4)).toEqual([]);
  });
});

test('countBelow finds the place of the first element that is not below', () => {
  const places = [1, 3, 3, 7];
  expect([0, 1, 2, 3, 4, 8].map((limit) => countBelow(places, (place) => place < limit))).toEqual([0, 0, 1, 1, 3, 4]);
});
