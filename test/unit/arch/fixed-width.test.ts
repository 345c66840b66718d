/** Instructions of four bytes. */
import { expect, test } from 'vitest';
import { fixedWidthInstructions, wordAt } from '../../../src/arch/fixed-width.js';
import { codeSection } from './code.js';

test('code is split every four bytes', () => {
  expect(fixedWidthInstructions(codeSection([1, 2, 3, 4, 5, 6, 7, 8]))).toEqual([
    { offset: 0, length: 4 },
    { offset: 4, length: 4 },
  ]);
  expect(fixedWidthInstructions(codeSection([]))).toEqual([]);
  expect(fixedWidthInstructions(codeSection([1, 2, 3, 4, 5]))).toBeUndefined();
});

test('words are read low byte first, from anywhere in the section', () => {
  const section = codeSection([1, 2, 3, 4, 5, 6, 7, 0xff]);
  expect(wordAt(section, 0)).toBe(0x04030201);
  expect(wordAt(section, 4)).toBe(0xff070605);
  expect([wordAt(section, 5), wordAt(section, -1)]).toEqual([0, 0]);
});

test('words of a view are those of the view', () => {
  const section = codeSection([0, 0, 0, 0]);
  section.content = Uint8Array.from([9, 9, 9, 9, 1, 0, 0, 0]).subarray(4);
  expect(wordAt(section, 0)).toBe(1);
});
