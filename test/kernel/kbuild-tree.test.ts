/** One side of the patch, built by the kernel's own kbuild: what is compiled, for which module, and in which ways. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readImage } from '../../src/elf/image.js';
import type { TreeBuild } from '../../src/kbuild/build-tree.js';
import type { MakeStep } from '../../src/kbuild/make-step.js';
import { hashTree } from '../../src/system/hash.js';
import { runProgram } from '../../src/system/run.js';
import { buildFiles, type Files, moduleSource, setUpTree, writeFiles } from '../unit/kbuild/tree.js';
import { findTestKernel } from './requirements.js';
import { fixtures } from './scenario.js';

const { kernel, missing } = findTestKernel();
const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;
const fixture = path.join(fixtures, 'ib_mad');

const objectNames = ({ objects }: TreeBuild) => objects.map(({ object }) => object);
const owners = ({ objects }: TreeBuild) => Object.fromEntries(objects.map(({ object, modules }) => [object, modules]));
const moduleNames = ({ modules }: TreeBuild) => modules.map(({ name }) => name).sort();

async function sectionsOf(file: string): Promise<string[]> {
  return readImage(await readFile(file), file).sections.map(({ name }) => name);
}

const replaceIn = async (file: string, before: string, after: string) => {
  const text = await readFile(file, 'utf8');
  expect(text).toContain(before);
  await writeFile(file, text.replaceAll(before, after));
};

describe.skipIf(kernel === undefined)(`the fixture${needs}`, () => {
  test('single sources: one object each, with sections, of the right module, without the path of the copy', async () => {
    const { build, copy } = await setUpTree(fixture);
    const built = await build({ sources: ['cm.c', 'core/agent.c'] });
    expect(owners(built)).toEqual({ 'cm.o': ['ib_mad'], 'core/agent.o': ['ib_mad'] });
    expect(built.modules).toEqual([]);
    for (const { file, object } of built.objects) {
      expect(file).toBe(path.join(copy, object));
      expect((await sectionsOf(file)).filter((name) => name.startsWith('.text.')).length).toBeGreaterThan(3);
      expect((await readFile(file)).includes(copy)).toBe(false);
    }
  });

  test('both sides: what the patch does not change is the same to the byte, also from another folder', async () => {
    const [first, second] = await Promise.all([setUpTree(fixture), setUpTree(fixture)]);
    const sources = ['cm.c', 'core/agent.c'];
    const read = (copy: string, object: string) => readFile(path.join(copy, object));
    await first.build({ sources });
    await second.build({ sources });
    const [cm, agent] = [await read(first.copy, 'cm.o'), await read(first.copy, 'core/agent.o')];
    expect(await read(second.copy, 'cm.o')).toEqual(cm);
    await replaceIn(path.join(first.copy, 'core/agent.c'), 'define PORT_CREDITS\t32', 'define PORT_CREDITS\t33');
    expect(objectNames(await first.build({ side: 'patched', sources }))).toEqual(['cm.o', 'core/agent.o']);
    expect(await read(first.copy, 'cm.o')).toEqual(cm);
    expect(await read(first.copy, 'core/agent.o')).not.toEqual(agent);
  });

  test('whole: every C object, both modules, and a header change compiles what includes the header', async () => {
    const { build, copy, original, target } = await setUpTree(fixture);
    const before = await hashTree(original);
    // A part beforehand, as when the pipeline finds out late that it needs the modules.
    await build({ sources: ['cm.c'] });
    const whole = await build();
    expect(owners(whole)).toEqual({
      'agent.o': ['ib_mad'],
      'attribute.o': ['ib_mad', 'ib_mad_loopback'],
      'cm.o': ['ib_mad'],
      'core/agent.o': ['ib_mad'],
      'ib_cm_stats.o': ['ib_cm_stats'],
      'loopback.o': ['ib_mad_loopback'],
      'mad.o': ['ib_mad'],
      'rmpp-window.o': ['ib_mad'],
      'smi.o': ['ib_mad'],
      'trace.o': ['ib_mad'],
    });
    expect(moduleNames(whole)).toEqual(['ib_cm_stats', 'ib_mad', 'ib_mad_loopback']);
    expect(whole.modules.every(({ release }) => release === target.kernel.release)).toBe(true);

    await writeFile(path.join(copy, 'mad_trace.h'), `${await readFile(path.join(copy, 'mad_trace.h'), 'utf8')}\n`);
    const patched = objectNames(await build({ side: 'patched' }));
    expect(patched).toContain('trace.o');
    expect(patched).not.toContain('smi.o');
    expect(await hashTree(original)).toBe(before);
  });

  test('what the user built before is compiled again, with sections', async () => {
    const { build, copy, target } = await setUpTree(fixture);
    const words = ['-C', target.kernel.buildDirectory, `M=${copy}`, 'modules'];
    expect((await runProgram({ program: 'make', arguments: words, directory: copy })).exitStatus).toBe(0);
    expect(await sectionsOf(path.join(copy, 'cm.o'))).not.toContain('.text.cm_init');
    const built = await build();
    expect(objectNames(built)).toHaveLength(10);
    expect(moduleNames(built)).toEqual(['ib_cm_stats', 'ib_mad', 'ib_mad_loopback']);
  });
});

/** Two modules; the second, in a folder of its own, uses what the first exports. */
const twoModules: Files = {
  'first/Kbuild': 'obj-m := first.o\nccflags-$(WITH_EXTRA) += -DEXTRA=7\n',
  'first/first.c': moduleSource(
    'int first_value(int a);\nint first_value(int a)\n{\n#ifdef EXTRA\n\treturn a * EXTRA;\n#endif\n\treturn a;\n}\nEXPORT_SYMBOL_GPL(first_value);',
  ),
  'second/Kbuild': 'obj-m := second.o\n',
  'second/second.c': moduleSource(
    'int first_value(int a);\nint use(void);\nint use(void)\n{\n\treturn first_value(2);\n}',
  ),
};

describe.skipIf(kernel === undefined)(`ways of building${needs}`, () => {
  const functionsHaveSections = async (built: TreeBuild, object: string, name: string) => {
    const found = built.objects.find((candidate) => candidate.object === object);
    expect(await sectionsOf(found?.file ?? object)).toContain(`.text.${name}`);
  };

  test('several calls in order, with the symbols of the first given to the second', async () => {
    const steps: MakeStep[] = [
      { kind: 'make', directory: 'first', arguments: ['WITH_EXTRA=y'] },
      { kind: 'make', directory: 'second', arguments: ['KBUILD_EXTRA_SYMBOLS={tree}/first/Module.symvers'] },
    ];
    const built = await buildFiles(twoModules, {}, steps);
    expect(owners(built)).toEqual({ 'first/first.o': ['first'], 'second/second.o': ['second'] });
    expect(moduleNames(built)).toEqual(['first', 'second']);
    expect(built.objects[0]?.arguments).toContain('-DEXTRA=7');
    await functionsHaveSections(built, 'second/second.o', 'use');
  });

  test('single sources of a folder that is built with variables', async () => {
    const steps: MakeStep[] = [{ kind: 'make', directory: 'first', arguments: ['WITH_EXTRA=y'] }];
    const built = await buildFiles(twoModules, { sources: ['first/first.c'] }, steps);
    expect(owners(built)).toEqual({ 'first/first.o': ['first'] });
    expect(built.objects[0]?.arguments).toContain('-DEXTRA=7');
  });

  /** A package as they come: a script, a generated header, a program for the host, a Makefile that finds the kernel itself. */
  const wrapped: Files = {
    Kbuild: 'obj-m := toy.o\ntoy-y := main.o sub/part.o\nccflags-y := -I$(src)\nccflags-$(WITH_EXTRA) += -DEXTRA=7\n',
    Makefile:
      'KDIR ?= /lib/modules/0.0.0/build\nall: table.h\n\t$(MAKE) -C $(KDIR) M=$(CURDIR) modules\ntable.h: generate\n\t./generate > $@\ngenerate: generate.o\n\t$(CC) -o $@ $<\ngenerate.o: generate.c\n\t$(CC) -c -o $@ $<\n',
    'generate.c': '#include <stdio.h>\nint main(void) { puts("#define TABLE 5"); return 0; }\n',
    'main.c': moduleSource(
      '#include "table.h"\nint part(int);\nint whole(void);\nint whole(void)\n{\n\treturn part(TABLE);\n}',
    ),
    'sub/part.c': 'int part(int a);\nint part(int a)\n{\n\treturn a + 1;\n}\n',
    'build.sh': '#!/bin/sh\nset -e\nexec make KDIR="$1" all\n',
  };

  test.each<[string, MakeStep]>([
    ['a Makefile of its own', { kind: 'command', directory: '.', command: ['make', 'KDIR={build}'] }],
    ['a script', { kind: 'command', directory: '.', command: ['./build.sh', '{build}'] }],
  ])('%s: wrapper, variables and the copy reach it', async (_, step) => {
    const built = await buildFiles(wrapped, { makeArguments: ['WITH_EXTRA=y'] }, [step]);
    expect(owners(built)).toEqual({ 'main.o': ['toy'], 'sub/part.o': ['toy'] });
    expect(moduleNames(built)).toEqual(['toy']);
    expect(built.objects[1]?.arguments).toContain('-DEXTRA=7');
    await functionsHaveSections(built, 'sub/part.o', 'part');
  });

  test('dkms.conf', async () => {
    const dkms = `PACKAGE_NAME=toy
PACKAGE_VERSION=1.0
BUILT_MODULE_NAME[0]=toy
PRE_BUILD="prepare.sh \${kernelver}"
MAKE[0]="'make' -C \${dkms_tree}/\${PACKAGE_NAME}/\${PACKAGE_VERSION}/build KDIR=/lib/modules/\${kernelver}/build all"
`;
    const files = { ...wrapped, 'dkms.conf': dkms, 'prepare.sh': '#!/bin/sh\necho "$1" > prepared\n' };
    const { build, copy, target } = await setUpTree(files);
    const built = await build();
    expect(owners(built)).toEqual({ 'main.o': ['toy'], 'sub/part.o': ['toy'] });
    expect(await readFile(path.join(copy, 'prepared'), 'utf8')).toBe(`${target.kernel.release}\n`);
  });

  test('a Makefile that finds no kernel says so', async () => {
    const step: MakeStep = { kind: 'command', directory: '.', command: ['make'] };
    await expect(buildFiles(wrapped, {}, [step])).rejects.toThrow(/make failed in the unpatched tree.*make-failed/);
  });

  test('an argument that names the user’s tree means the copy', async () => {
    const { build, copy, original } = await setUpTree({
      Kbuild: 'obj-m := toy.o\nccflags-y := -I$(INCLUDED)\n',
      'toy.c': moduleSource('#include "only.h"'),
    });
    await writeFiles(copy, { 'include/only.h': '' });
    expect(moduleNames(await build({ makeArguments: [`INCLUDED=${original}/include`] }))).toEqual(['toy']);
  });

  test('an object that two modules link', async () => {
    const files = {
      Kbuild: 'obj-m := left.o right.o\nleft-y := left-main.o shared.o\nright-y := right-main.o shared.o\n',
      'left-main.c': moduleSource(),
      'right-main.c': moduleSource(),
      'shared.c': 'static int shared;\nint value(void);\nint value(void)\n{\n\treturn shared++;\n}\n',
    };
    const built = await buildFiles(files, { sources: ['shared.c'] });
    expect(owners(built)).toEqual({ 'shared.o': ['left', 'right'] });
  });
});

describe.skipIf(kernel === undefined)(`a build that makes nothing${needs}`, () => {
  test('a module that lay in the tree before did not come out of the build', async () => {
    const files = { Kbuild: 'obj-$(WITH_TOY) := toy.o\n', 'toy.c': moduleSource(), 'toy.ko': 'left over' };
    await expect(buildFiles(files)).rejects.toThrow('no-modules-built');
    expect(moduleNames(await buildFiles(files, { makeArguments: ['WITH_TOY=m'] }))).toEqual(['toy']);
  });
});

describe.skipIf(kernel === undefined)(`the patched side${needs}`, () => {
  test('may use symbols that nobody exports', async () => {
    const { build, copy } = await setUpTree({ Kbuild: 'obj-m := toy.o\n', 'toy.c': moduleSource() });
    await build();
    await writeFiles(copy, {
      'toy.c': moduleSource('int nowhere(void);\nint use(void);\nint use(void)\n{\n\treturn nowhere();\n}'),
    });
    expect(objectNames(await build({ side: 'patched' }))).toEqual(['toy.o']);
  });

  test('a compile error is told with its place in the tree and its side', async () => {
    const { build, copy } = await setUpTree({ Kbuild: 'obj-m := toy.o\n', 'toy.c': moduleSource() });
    await build({ sources: ['toy.c'] });
    await writeFiles(copy, { 'toy.c': moduleSource('int value = nothing;') });
    await expect(build({ side: 'patched', sources: ['toy.c'] })).rejects.toMatchObject({
      diagnostics: [
        {
          code: 'compile-failed',
          what: 'The patched source does not compile.',
          details: [
            expect.stringMatching(/^toy\.c:2:13: error: .nothing. undeclared/),
            expect.stringMatching(/^log: /),
          ],
        },
      ],
    });
  });

  test('a source of no module is refused, with what the tree links', async () => {
    const files = { Kbuild: 'obj-m := toy.o\n', 'toy.c': moduleSource(), 'lost.c': 'int lost;\n' };
    await expect(buildFiles(files, { sources: ['lost.c'] })).rejects.toMatchObject({
      diagnostics: [
        {
          code: 'source-not-built',
          details: ['modules: toy', 'Kbuild: obj-m := toy.o', expect.stringMatching(/^log: /)],
        },
      ],
    });
  });
});
