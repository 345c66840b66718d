import { beforeEach, describe, expect, test } from 'vitest';
import { Pairing } from '../../../src/diff/pairing.js';

describe('a pairing', () => {
  let pairing: Pairing<string>;
  beforeEach(() => {
    pairing = new Pairing();
    pairing.link('count.2', 'count.5');
  });

  test('knows both directions', () => {
    expect(pairing.patchedOf('count.2')).toBe('count.5');
    expect(pairing.originalOf('count.5')).toBe('count.2');
  });

  test('keeps the two sides apart', () => {
    expect(pairing.patchedOf('count.5')).toBeUndefined();
    expect(pairing.originalOf('count.2')).toBeUndefined();
  });

  test('a new twin frees the old one', () => {
    pairing.link('count.2', 'count.6');
    expect(pairing.patchedOf('count.2')).toBe('count.6');
    expect(pairing.originalOf('count.5')).toBeUndefined();
  });

  test('a twin that is taken away leaves its original alone', () => {
    pairing.link('count.3', 'count.5');
    expect(pairing.originalOf('count.5')).toBe('count.3');
    expect(pairing.patchedOf('count.2')).toBeUndefined();
  });

  test('the same link twice is one link', () => {
    pairing.link('count.2', 'count.5');
    expect(pairing.patchedOf('count.2')).toBe('count.5');
    expect(pairing.originalOf('count.5')).toBe('count.2');
  });

  test('unlinking frees both', () => {
    pairing.unlink('count.2');
    expect(pairing.patchedOf('count.2')).toBeUndefined();
    expect(pairing.originalOf('count.5')).toBeUndefined();
  });

  test('unlinking what has no twin is nothing', () => {
    pairing.unlink('count.5');
    expect(pairing.patchedOf('count.2')).toBe('count.5');
  });

  test('a chain of links stays one to one', () => {
    pairing.link('a', 'b');
    pairing.link('b', 'a');
    pairing.link('a', 'a');
    expect(pairing.patchedOf('a')).toBe('a');
    expect(pairing.originalOf('a')).toBe('a');
    expect(pairing.patchedOf('b')).toBeUndefined();
    expect(pairing.originalOf('b')).toBeUndefined();
  });
});
