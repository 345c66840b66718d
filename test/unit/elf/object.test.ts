import { expect, test } from 'vitest';
import { deferRelocations, ElfSection, noSymbol, type Relocation } from '../../../src/elf/object.js';

const relocation = (offset: number): Relocation => ({ offset, type: 1, symbol: noSymbol, addend: 0 });

function deferred(list: readonly Relocation[]) {
  const section = new ElfSection({ name: '.debug_info', type: 1 });
  let times = 0;
  deferRelocations(section, () => {
    times += 1;
    return [...list];
  });
  return { section, times: () => times };
}

test('relocations that were put off are made once, when they are asked for', () => {
  const { section, times } = deferred([relocation(8)]);
  expect(times()).toBe(0);
  section.relocations.push(relocation(16));
  expect(section.relocations.map(({ offset }) => offset)).toEqual([8, 16]);
  expect(times()).toBe(1);
});

test('they can be replaced unread', () => {
  const { section, times } = deferred([relocation(8)]);
  section.relocations = [relocation(24)];
  expect(section.relocations).toEqual([relocation(24)]);
  expect(times()).toBe(0);
});

test('comparing sections compares them', () => {
  expect(deferred([relocation(8)]).section).toEqual(deferred([relocation(8)]).section);
  expect(deferred([relocation(8)]).section).not.toEqual(deferred([relocation(9)]).section);
});
