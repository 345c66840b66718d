import { describe, expect, test } from 'vitest';
import { isPlainPath } from '../../../src/kbuild/plain-path.js';

describe('isPlainPath', () => {
  test.each([
    'fs/proc/meminfo.c',
    'drivers/net/ethernet/chelsio/cxgb3/t3_hw.c',
    'arch/x86/lib/csum-copy_64.S',
    'a,b+c@d.c',
    'größe.c',
  ])('%s is', (file) => {
    expect(isPlainPath(file)).toBe(true);
  });

  test.each([
    '',
    '-Cx.c',
    '--eval=x.c',
    'fs/$(shell id)/a.c',
    'fs/`id`/a.c',
    'a b.c',
    'a\nb.c',
    'a;b.c',
    'a:b.c',
    'a=b.c',
    'a#b.c',
    'a%b.c',
    '~root/a.c',
    'a*.c',
    "a'b.c",
    'a"b.c',
    'a\\b.c',
    'a|b.c',
    'a&b.c',
    'a\u007fb.c',
  ])('%j is not', (file) => {
    expect(isPlainPath(file)).toBe(false);
  });
});
