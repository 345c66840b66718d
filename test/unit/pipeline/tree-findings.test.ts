import { expect, test } from 'vitest';
import type { MakefileTexts } from '../../../src/kbuild/makefile-change.js';
import { parseKernelConfig } from '../../../src/kernel/config.js';
import { checkKernelTree } from '../../../src/pipeline/tree-findings.js';
import { layTree } from '../patch/tree.js';

const config = parseKernelConfig('CONFIG_FUNCTION_TRACER=y\n');

/** `library-object-touched lib/a.c` for a kernel of which kbuild would compile the sources. */
async function found(
  touched: readonly string[],
  sources: Readonly<Record<string, readonly string[]>>,
  makefiles: Readonly<Record<string, MakefileTexts>> = {},
) {
  const tree = await layTree({
    Makefile: 'subdir-ccflags-y := -Wall\n',
    'lib/Makefile': 'lib-y := a.o\nobj-y := b.o\nCFLAGS_REMOVE_b.o = $(CC_FLAGS_FTRACE)\n',
    'fs/Makefile': 'obj-y := c.o\n',
  });
  const affected = {
    kind: 'some' as const,
    sources: Object.entries(sources).map(([source, because]) => ({ source, because })),
  };
  const findings = await checkKernelTree(tree, touched, {
    ...{ affected, config },
    makefiles: new Map(Object.entries(makefiles)),
  });
  return findings.map(({ code, place }) => `${code} ${place?.file}`);
}

test('of a kernel tree the makefiles above the touched files are read', async () => {
  const touched = ['lib/a.c', 'lib/b.c', 'fs/c.c'];
  const sources = Object.fromEntries(touched.map((file) => [file, [file]]));
  expect(await found(touched, sources)).toEqual(['library-object-touched lib/a.c', 'untraceable-file-touched lib/b.c']);
});

test('makefiles are read as the patch makes them', async () => {
  const makefile = { original: 'obj-y := c.o\n', patched: 'obj-y := c.o\nCFLAGS_REMOVE_c.o := -pg\n' };
  const touched = ['fs/c.c', 'fs/Makefile'];
  const said = await found(touched, { 'fs/c.c': ['fs/c.c'] }, { 'fs/Makefile': makefile });
  expect(said).toEqual(['untraceable-file-touched fs/c.c']);
});

test('what is built kbuild has said, also of a source that no makefile seems to list', async () => {
  expect(await found(['fs/d.c'], { 'fs/d.c': ['fs/d.c'] })).toEqual([]);
});

test('the sources that a header makes compile are counted', async () => {
  const sources = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, number) => [`fs/f${number}.c`, ['include/mad.h']]));
  expect(await found(['include/mad.h'], sources(21))).toEqual(['header-included-widely include/mad.h']);
  expect(await found(['include/mad.h'], sources(20))).toEqual([]);
});
