import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tokenize } from '../../../src/patch/c-tokens.js';

const texts = (source: string) => tokenize(source).map(({ text }) => text);

describe('tokenize', () => {
  test('leaves comments and white space out, and counts their lines', () => {
    const tokens = tokenize('int /* a\nb */ count; // = 2\nlong x;');
    expect(tokens.map(({ text, line }) => `${line} ${text}`)).toEqual([
      '1 int',
      '2 count',
      '2 ;',
      '3 long',
      '3 x',
      '3 ;',
    ]);
  });

  test('takes what looks like a comment, a brace or a directive in a literal as text', () => {
    expect(texts("p = \"/* { \\\" #if */\"; c = '\"'; d = '\\'';")).toEqual([
      ...['p', '=', '"/* { \\" #if */"', ';'],
      ...['c', '=', "'\"'", ';'],
      ...['d', '=', "'\\''", ';'],
    ]);
  });

  test('ends a literal that is not closed with its line', () => {
    expect(texts('p = "open\nint x;')).toEqual(['p', '=', '"open', 'int', 'x', ';']);
  });

  test('reads a directive with its joined lines and without its comments', () => {
    const [directive, word] = tokenize('# define MAD(a) /* one\ntwo */ \\\n  use("/*", a)  // last\nint');
    expect(directive).toEqual({ kind: 'directive', text: '#define MAD(a) use("/*", a)', line: 1, lastLine: 3 });
    expect(word?.line).toBe(4);
  });

  test('knows a directive at the start of a line only', () => {
    expect(tokenize('a # b\n  #if X').map(({ kind }) => kind)).toEqual(['word', 'punctuator', 'word', 'directive']);
  });

  test('keeps operators and numbers whole', () => {
    expect(texts('a==b<<=0x1fUL+1e+5-.5;p->q...')).toEqual([
      ...['a', '==', 'b', '<<=', '0x1fUL', '+', '1e+5', '-', '.5', ';'],
      ...['p', '->', 'q', '...'],
    ]);
  });

  test('sees a joined line as white space, and lines that end with CR LF as others', () => {
    expect(tokenize('a\\\r\nb\r\nc').map(({ text, line }) => `${line} ${text}`)).toEqual(['1 a', '2 b', '3 c']);
  });

  test('reads every text to its end, whatever it is', () => {
    const pieces = fc.constantFrom(
      '"',
      "'",
      '/*',
      '*/',
      '//',
      '#',
      '\\',
      '\n',
      '{',
      '}',
      '(',
      'a',
      '1',
      ' ',
      '#if',
      '.',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (list) => {
        const source = list.join('');
        const lines = tokenize(source).map(({ line, lastLine }) => [line, lastLine]);
        const last = source.split('\n').length;
        expect(lines.flat().every((line) => line >= 1 && line <= last)).toBe(true);
        expect(lines.flat()).toEqual([...lines.flat()].sort((a, b) => a - b));
      }),
      { seed: 20261122, numRuns: 2000 },
    );
  });
});
