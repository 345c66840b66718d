import { describe, expect, test } from 'vitest';
import { compareSize, describeSize } from '../../../src/lookup/size-agreement.js';
import { FUNC, OBJECT } from '../../builders/symbols.js';

describe('a table that tells sizes', () => {
  test.each([
    [40, 'equal'],
    [36, 'different'],
    [0, 'different'],
  ])('%i bytes for 40', (size, expected) => {
    expect(compareSize({ size, type: FUNC }, { size: 40, type: FUNC })).toBe(expected);
  });
});

describe('a table that tells addresses', () => {
  test.each([
    ['function', FUNC, 40, 'equal'],
    ['function', FUNC, 48, 'equal'],
    ['function', FUNC, 71, 'equal'],
    ['function', FUNC, 72, 'possible'],
    ['function', FUNC, 32, 'possible'],
    ['function', FUNC, 24, 'possible'],
    ['function', FUNC, 23, 'different'],
    ['object', OBJECT, 40, 'possible'],
    ['object', OBJECT, 4096, 'possible'],
    ['object', OBJECT, 39, 'different'],
  ])('a %s of 40 bytes', (_, type, room, expected) => {
    expect(compareSize({ size: 0, room, type }, { size: 40, type })).toBe(expected);
  });
});

test('in words', () => {
  expect(describeSize({ size: 36 })).toBe('36 bytes');
  expect(describeSize({ size: 0, room: 48 })).toBe('at most 48 bytes');
});
