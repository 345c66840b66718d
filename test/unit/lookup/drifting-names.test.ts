import { expect, test } from 'vitest';
import { isDrifting, mayDrift, stemOf } from '../../../src/lookup/drifting-names.js';

test.each([
  ['__func__.3', '__func__.#'],
  ['_entry_ptr.2', '_entry_ptr.#'],
  ['CSWTCH.118', 'CSWTCH.#'],
  ['cm_send.isra.0', 'cm_send.isra.#'],
  ['cm_destroy.constprop.0.isra.1', 'cm_destroy.constprop.#.isra.#'],
  ['cm_destroy.part.0.cold', 'cm_destroy.part.#.cold'],
  ['cm_destroy.cold.7', 'cm_destroy.cold'],
  ['__UNIQUE_ID_license195', '__UNIQUE_ID_license#'],
])('%s may have another number', (name, stem) => {
  expect(stemOf(name)).toBe(stem);
  expect(isDrifting(name)).toBe(true);
});

test.each(['cm_listen', 'sha256', 'crc32c.table', 'state', 'v4l2.5g_mode'])('%s is a name', (name) => {
  expect(stemOf(name)).toBe(name);
  expect(isDrifting(name)).toBe(false);
});

test('a plain name and a numbered one are no kin', () => {
  expect(stemOf('state')).not.toBe(stemOf('state.0'));
});

test('a cold part may get a number, though it has none', () => {
  expect(isDrifting('cm_destroy.cold')).toBe(false);
  expect(mayDrift('cm_destroy.cold')).toBe(true);
  expect(mayDrift('cm_destroy')).toBe(false);
});
