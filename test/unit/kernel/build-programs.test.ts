import { expect, test } from 'vitest';
import { buildPrograms } from '../../../src/kernel/build-programs.js';

const names = (...makeArguments: string[]) => buildPrograms(makeArguments).map(({ name }) => name);

test('what every build runs', () => {
  expect(names('V=1')).toEqual(['make', 'patch', 'ld', 'as', 'nm', 'awk']);
});

test('a prefix for another CPU is that of binutils', () => {
  const cross = names('CROSS_COMPILE=powerpc-', 'CROSS_COMPILE=aarch64-linux-gnu-');
  expect(cross).toEqual([
    'make',
    'patch',
    'aarch64-linux-gnu-ld',
    'aarch64-linux-gnu-as',
    'aarch64-linux-gnu-nm',
    'awk',
  ]);
});

test('clang brings its own binutils, and a linker may be named', () => {
  expect(names('LLVM=1')).toEqual(['make', 'patch', 'ld.lld', 'awk']);
  expect(names('LD=ld.gold')).toEqual(['make', 'patch', 'ld.gold', 'as', 'nm', 'awk']);
});
