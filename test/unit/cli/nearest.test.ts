import { describe, expect, test } from 'vitest';
import { nearest } from '../../../src/cli/nearest.js';

const words = ['jobs', 'json', 'kernel', 'skip-compiler-check', 'output'];

describe('nearest', () => {
  test.each([
    ['jbos', 'jobs'],
    ['Kernel', 'kernel'],
    ['kernal', 'kernel'],
    ['skip-compilercheck', 'skip-compiler-check'],
    ['outptu', 'output'],
    ['jso', 'json'],
  ])('%s is a slip of %s', (word, expected) => {
    expect(nearest(word, words)).toBe(expected);
  });

  test.each(['verbose', 'x', '', 'target'])('%s is no slip of any', (word) => {
    expect(nearest(word, words)).toBeUndefined();
  });
});
