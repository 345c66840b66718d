import { describe, expect, test } from 'vitest';
import { explainHunk } from '../../../src/patch/explain.js';
import { parsePatch } from '../../../src/patch/parse.js';
import { growth, inProportion } from '../../builders/growth.js';

function explain(hunk: string, file: string): string[] {
  const [first] = parsePatch(`--- a/mad.c\n+++ b/mad.c\n${hunk}`, 'fix.patch').files[0]?.hunks ?? [];
  if (first === undefined) throw new Error('no hunk');
  return explainHunk(first, file);
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1} of mad`);
const hunk = '@@ -3,4 +3,4 @@\n line 3 of mad\n-line 4 of mad\n+other\n line 5 of mad\n line 6 of mad\n';

describe('explainHunk', () => {
  test('shows the lines that differ', () => {
    const file = numbered(9).map((line) => line.replace('line 4', 'LINE 4'));
    expect(explain(hunk, `${file.join('\n')}\n`)).toEqual([
      'line 4, the patch expects: line 4 of mad',
      'line 4, the file has:      LINE 4 of mad',
    ]);
  });

  test('finds the place where it has moved to', () => {
    const file = [...numbered(40).map((_, index) => `int x${index};`), ...numbered(9)];
    file[43] = 'changed';
    expect(explain(hunk, file.join('\n'))).toEqual([
      'line 44, the patch expects: line 4 of mad',
      'line 44, the file has:      changed',
    ]);
  });

  test('prefers the nearest of equal places', () => {
    const some = ['a1', 'b', 'a1', 'c', 'a1', 'd'];
    expect(explain('@@ -3,2 +3 @@\n a1\n-x\n', some.join('\n'))[1]).toBe('line 4, the file has:      c');
  });

  test('says when only white space differs, and shows it', () => {
    const file = `${numbered(9).join('\n')}\n`.replace('line 4 of', 'line 4\tof');
    expect(explain(hunk, file)).toEqual([
      'line 4, the patch expects: line 4 of mad',
      'line 4, the file has:      line 4\\tof mad',
      'they differ in white space only: an editor or a mail program may have changed the patch',
    ]);
  });

  test('says when the file ends', () => {
    expect(explain(hunk, `${numbered(5).join('\n')}\n`)).toEqual([
      'line 6, the patch expects: line 6 of mad',
      'line 6, the file ends before it',
    ]);
  });

  test('names the lines that are nowhere', () => {
    expect(explain(hunk, 'int a;\nline 5 of mad\nint c;\n}\n\n')).toEqual([
      'nowhere in the file: line 3 of mad',
      'nowhere in the file: line 4 of mad',
      'nowhere in the file: line 6 of mad',
    ]);
    const long = `@@ -1,6 +1 @@\n${[1, 2, 3, 4, 5].map((number) => `-x${number}\n`).join('')} x6\n`;
    expect(explain(long, 'int a;\n').at(-1)).toBe('and 2 more');
  });

  test('says when the lines are there, but nowhere together', () => {
    const scattered = [6, 5, 4, 3].map((number) => `line ${number} of mad\n`).join('int between;\n');
    const [first, second, third] = explain(hunk, scattered);
    expect(first).toBe('nothing like the lines of the hunk is in the file');
    expect(second).toBe('line 3, the patch expects: line 3 of mad');
    expect(third).toBe('line 3, the file has:      line 5 of mad');
  });

  test('braces and empty lines are no place', () => {
    const found = explain('@@ -1,4 +1,3 @@\n {\n \n-foo();\n }\n', '{\n\nbar();\n}\n');
    expect(found).toEqual(['nowhere in the file: foo();']);
  });

  test('says when only the last newline differs', () => {
    const atEnd = '@@ -2,2 +2,2 @@\n line 2 of mad\n-line 3 of mad\n+x\n';
    expect(explain(atEnd, numbered(3).join('\n')).join('\n')).toContain('lacks a newline');
    const without = atEnd.replace('-line 3 of mad\n', '-line 3 of mad\n\\ No newline at end of file\n');
    expect(explain(without, `${numbered(3).join('\n')}\n`).join('\n')).toContain('has a newline');
  });

  test('says when the lines are there at another place of the file', () => {
    expect(explain(hunk, `${numbered(9).join('\n')}\n`)[0]).toBe('all 4 lines are in the file from line 3 on');
  });

  test('names the length when nothing is expected', () => {
    expect(explain('@@ -90,0 +91 @@\n+x\n', 'a\nb\n')).toEqual([
      'the hunk inserts after line 90; the file has 2 lines',
    ]);
  });

  test('searches near the line that a long hunk names, not all of a long file', () => {
    const lines = numbered(400);
    const long = `@@ -1,400 +0,0 @@\n${lines.map((line) => `-${line}\n`).join('')}`;
    const fileWith = (linesBefore: number) => [...Array<string>(linesBefore).fill('int x;'), ...lines].join('\n');
    expect(explain(long, fileWith(20_000))[0]).toBe('all 400 lines are in the file from line 20001 on');
    expect(explain(long, fileWith(30_000))[0]).toBe('nothing like the lines of the hunk is in the file');
  });

  test('takes time in proportion to the file and the hunk', () => {
    const explainLines = (count: number) => {
      const removed = count / 4;
      const long = `@@ -1,${removed + 1} +1 @@\n${'-same x\n'.repeat(removed)} same 1\n`;
      const text = Array.from({ length: count }, (_, index) => `same ${index % 7}`).join('\n');
      return () => explain(long, text);
    };
    expect(growth(explainLines, 4000, 16)).toBeLessThan(inProportion(16));
  });
});
