/** The index of an object's local symbols answers as a search through the table would. */
import { expect, test } from 'vitest';
import { indexLocals } from '../../../src/lookup/local-index.js';
import { FUNC, GLOBAL, OBJECT, objectOf } from '../../builders/symbols.js';

const original = objectOf('cm.c', [
  { name: 'helper', bind: GLOBAL, size: 8 },
  { name: 'helper', size: 16 },
  { name: 'helper', size: 32 },
  { name: 'helper', size: 4, type: OBJECT },
  { name: 'send.isra.0' },
  { name: 'send.isra.1' },
  { name: 'send.isra.2', bind: GLOBAL },
]);

test('finds the first local symbol of a name and type', () => {
  const index = indexLocals(original);
  expect(index.named('helper', FUNC)?.size).toBe(16);
  expect(index.named('helper', OBJECT)?.size).toBe(4);
  expect(index.named('send', FUNC)).toBeUndefined();
});

test('counts local symbols by stem', () => {
  const index = indexLocals(original);
  expect(index.ofStem('send.isra.#', FUNC)).toHaveLength(2);
  expect(index.ofStem('helper', FUNC)).toHaveLength(2);
  expect(index.ofStem('send.isra.#', OBJECT)).toEqual([]);
});
