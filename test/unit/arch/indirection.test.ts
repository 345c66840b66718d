/** Looking through the table of addresses of ppc64le. */
import { expect, test } from 'vitest';
import { dereference, isIndirect, slotConstant } from '../../../src/arch/indirection.js';
import { ppc64le } from '../../../src/arch/ppc64le.js';
import { x86_64 } from '../../../src/arch/x86-64.js';
import { SHT, STT } from '../../../src/elf/constants.js';
import { ElfSection, ElfSymbol } from '../../../src/elf/object.js';
import { codeSection, relocate } from './code.js';

const TOC16_HA = 50;
const ADDR64 = 38;

/** A table of three slots: `first`, a constant, `third`. */
function makeTable() {
  const content = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
  const table = new ElfSection({ name: '.toc', type: SHT.PROGBITS, content });
  relocate(table, 0, ADDR64, 'first');
  relocate(table, 16, ADDR64, 'third');
  const start = new ElfSymbol({ name: '', place: table, type: STT.SECTION });
  const reference = (addend: number, symbol = start) => ({ offset: 0, type: TOC16_HA, symbol, addend });
  return { table, reference };
}

test('a reference to a slot means what the slot holds', () => {
  const { table, reference } = makeTable();
  expect(isIndirect(ppc64le, reference(0))).toBe(true);
  expect(dereference(ppc64le, reference(0))?.symbol.name).toBe('first');
  expect(dereference(ppc64le, reference(16))?.symbol.name).toBe('third');
  const label = new ElfSymbol({ name: '.LC1', place: table, value: 16 });
  expect(dereference(ppc64le, reference(0, label))?.symbol.name).toBe('third');
});

test('a slot without a relocation holds a constant', () => {
  const { reference } = makeTable();
  expect(dereference(ppc64le, reference(8))).toBeUndefined();
  expect(slotConstant(reference(8))).toBe('0102030405060708');
  expect(dereference(ppc64le, reference(4))).toBeUndefined();
});

test('other references mean themselves', () => {
  const { reference } = makeTable();
  const call = relocate(codeSection([0, 0, 0, 0]), 0, 10);
  expect(dereference(ppc64le, call)).toBe(call);
  // Type 50 is something else on x86-64, and an undefined symbol is in no table.
  const slot = reference(0);
  expect(dereference(x86_64, slot)).toBe(slot);
  const outside = relocate(codeSection([0, 0, 0, 0]), 0, TOC16_HA);
  expect(dereference(ppc64le, outside)).toBe(outside);
});

test('a slot whose relocation was taken out is seen as such', () => {
  const { table, reference } = makeTable();
  expect(dereference(ppc64le, reference(0))?.symbol.name).toBe('first');
  table.relocations = table.relocations.filter(({ offset }) => offset !== 0);
  expect(dereference(ppc64le, reference(0))).toBeUndefined();
  expect(dereference(ppc64le, reference(16))?.symbol.name).toBe('third');
});

test('a slot that was given to another symbol means that one', () => {
  const { table, reference } = makeTable();
  expect(dereference(ppc64le, reference(0))?.symbol.name).toBe('first');
  table.relocations = table.relocations.filter(({ offset }) => offset !== 0);
  relocate(table, 0, ADDR64, 'second');
  expect(dereference(ppc64le, reference(0))?.symbol.name).toBe('second');
});
