import { describe, expect, test } from 'vitest';
import { compileAgain } from '../../../src/kbuild/preprocess.js';

const again = (words: readonly string[], command: readonly string[] = ['gcc-12']) =>
  compileAgain(command, words, '-', '/private/0.o');

describe('of the arguments in a bundle', () => {
  test('those pass that change code', () => {
    const kept = [
      ...['-nostdinc', '-std=gnu11', '-O2', '-m64', '-mcmodel=kernel', '-fno-strict-aliasing', '-pg', '-mfentry'],
      ...['-fpatchable-function-entry=16,16', '-Wall', '-Werror=return-type', '-Wframe-larger-than=2048', '-g'],
      ...['-ffunction-sections', '--param', 'asan-globals=0', '--param=allow-store-data-races=0'],
    ];
    expect(again(kept)?.arguments.slice(0, kept.length)).toEqual(kept);
  });

  test.each([
    ['-I/etc'],
    ['-include', '/etc/passwd'],
    ['-o', '/etc/passwd'],
    ['-o/etc/passwd'],
    ['-fplugin=evil'],
    ['-fplugin-arg-evil-x=1'],
    ['-wrapper', 'sh,-c,evil'],
    ['-specs=evil'],
    ['-B/evil'],
    ['-Wp,-MMD,/etc/passwd'],
    ['-Wa,-o,/etc/passwd'],
    ['-Wl,-T,evil'],
    ['@evil'],
    ['-fdump-tree-all=/etc/passwd'],
    ['-fdump-tree-all'],
    ['-fprofile-use=/etc/passwd'],
    ['-save-temps'],
    ['-fauxbase=../../x/y'],
    ['--param', '@evil'],
    ['-x', 'assembler'],
    ['evil.c'],
    ['-D__KERNEL__', '-DX=/etc'],
    ['-MD', '-MF', '/etc/passwd'],
  ])('those do not that name files or programs: %s', (...words) => {
    expect(again(words)?.arguments).toEqual(again([])?.arguments);
  });

  test('the source comes from standard input, and the object goes to the private folder', () => {
    expect(again(['-c'])?.arguments).toEqual([
      ...['-fpreprocessed', '-fdirectives-only', '-x', 'c', '-c', '-', '-o', '/private/0.o'],
    ]);
  });
});

test.each([
  [['gcc'], 'gcc'],
  [['ccache', 'gcc-12'], 'gcc-12'],
  [['aarch64-linux-gnu-gcc-12'], 'aarch64-linux-gnu-gcc-12'],
  [['clang-14'], 'clang-14'],
  [['/tmp/evil/gcc'], undefined],
  [['sh', '-c', 'evil'], undefined],
  [['../gcc'], undefined],
  [['gcc;evil'], undefined],
])('of the compiler %s only a known name is run', (command, program) => {
  expect(again([], command)?.program).toBe(program);
});
