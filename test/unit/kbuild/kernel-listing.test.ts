import { expect, test } from 'vitest';
import { compareListings, isKernelProduct, recordsOf } from '../../../src/kbuild/kernel-listing.js';

const listing = (...records: string[]) => records.map((record) => `${record}\0`).join('');
const five = ['Kbuild\t1 2', 'fs/a.c\t1 2', 'fs/b.c\t1 2', 'fs/c.c\t1 2', 'net/d.c\t1 2'];

test.each<[string, string[], string[], string[], string[]]>([
  ['the same', five, five, [], []],
  ['a change', five, five.with(2, 'fs/b.c\t9 9'), ['fs/b.c'], []],
  ['changes at both ends', five, five.with(0, 'Kbuild\t9 2').with(4, 'net/d.c\t1 22'), ['Kbuild', 'net/d.c'], []],
  ['one that went', five, five.toSpliced(1, 1), [], ['fs/a.c']],
  ['the first and the last that went', five, five.slice(1, 4), [], ['Kbuild', 'net/d.c']],
  ['one that came', five, five.toSpliced(3, 0, 'fs/bb.c\t1 2'), ['fs/bb.c'], []],
  ['a name that begins as another one ends', five, five.with(4, 'net/d.c\t1 2222'), ['net/d.c'], []],
  ['another order', five, [...five].reverse(), [], []],
  ['one for another', five, five.with(3, 'fs/x.c\t1 2'), ['fs/x.c'], ['fs/c.c']],
  ['nothing before', [], five, ['Kbuild', 'fs/a.c', 'fs/b.c', 'fs/c.c', 'net/d.c'], []],
  ['nothing now', five, [], [], ['Kbuild', 'fs/a.c', 'fs/b.c', 'fs/c.c', 'net/d.c']],
])('two listings of a tree are compared: %s', (_, before, now, changed, gone) => {
  const difference = compareListings(listing(...before), listing(...now));
  expect([...difference.changed.keys()]).toEqual(changed);
  expect(difference.gone).toEqual(gone);
});

test('what changed is told with its facts, also of a name with a tab', () => {
  expect([...recordsOf(listing('a\tb.c\t1 2', 'c.c\t3 4'))]).toEqual([
    ['a\tb.c', '1 2'],
    ['c.c', '3 4'],
  ]);
});

test.each([
  ['fs/stat.o', true],
  ['fs/.stat.o.cmd', true],
  ['include/generated/autoconf.h', true],
  ['arch/x86/include/generated/asm/a.h', true],
  ['.git/config', true],
  ['fs/stat.c', false],
  ['include/generated.h', false],
  ['drivers/.github', false],
])('%s is made by a build: %s', (file, isProduct) => {
  expect(isKernelProduct(file)).toBe(isProduct);
});
