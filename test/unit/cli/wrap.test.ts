import { describe, expect, test } from 'vitest';
import { visible, wrap } from '../../../src/cli/wrap.js';

describe('wrap', () => {
  test('breaks between words and counts the indents', () => {
    expect(wrap('one two three four', 11, 4, 2)).toEqual(['one two', 'three', 'four']);
  });

  test('keeps a word that is longer than the line whole', () => {
    expect(wrap('see /a/very/long/path/to/a/file now', 12, 0, 0)).toEqual([
      'see',
      '/a/very/long/path/to/a/file',
      'now',
    ]);
  });

  test('leaves text for a file or pipe in one line', () => {
    expect(wrap('one two three', undefined, 0, 0)).toEqual(['one two three']);
  });
});

describe('visible', () => {
  test('shows what a terminal would obey', () => {
    expect(visible('a\u001b[2Jb\u0007')).toBe('a\\u001b[2Jb\\u0007');
    expect(visible('safe\u202egnp.c')).toBe('safe\\u202egnp.c');
  });

  test('leaves other text as it is', () => {
    expect(visible('größe – ok')).toBe('größe – ok');
    expect(visible('two\nlines\tand tab')).toBe('two lines and tab');
  });
});
