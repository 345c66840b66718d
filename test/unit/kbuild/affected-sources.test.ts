import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { affectedSources, namesInMakefiles } from '../../../src/kbuild/affected-sources.js';
import type { MakeStep } from '../../../src/kbuild/make-step.js';
import { temporaryFolder } from '../kernel/target.js';

const files: Readonly<Record<string, string>> = {
  Kbuild: 'obj-m := ib_mad.o # mad.h is everywhere\nib_mad-y := mad.o cm.o core/agent.o\nccflags-y := -I$(src)\n',
  'mad.c': '#include <linux/module.h>\n#include "mad.h"\n',
  'cm.c': '#include "ib/cm.h"\n',
  'agent.c': 'int other;\n',
  'core/agent.c': '  #  include <mad.h>\n#include "table.inc.c"\n',
  'core/table.inc.c': '1, 2, 3\n',
  'mad.h': '#include "types.h"\n',
  'types.h': 'typedef int mad_t;\n',
  'ib/cm.h': '#include \\\n "../types.h"\n',
  'lonely.h': '\n',
};

const ordinary: MakeStep = { kind: 'make', directory: '.', arguments: [] };

async function affected(touched: string[], more: Record<string, string> = {}, step: MakeStep = ordinary) {
  const tree = await temporaryFolder();
  for (const [name, text] of Object.entries({ ...files, ...more })) {
    await mkdir(path.dirname(path.join(tree, name)), { recursive: true });
    await writeFile(path.join(tree, name), text);
  }
  return affectedSources(tree, touched, { steps: [step], chosenBy: 'a test', expectedModules: [] });
}

/** The sources alone; `undefined` for the whole tree. */
async function sourcesFor(...question: Parameters<typeof affected>) {
  const found = await affected(...question);
  return found.kind === 'all' ? undefined : found.sources.map(({ source }) => source);
}

describe('only these', () => {
  test.each([
    ['a source', ['cm.c'], ['cm.c']],
    ['two sources with one base name are two', ['core/agent.c'], ['core/agent.c']],
    ['a header that sources include', ['mad.h'], ['core/agent.c', 'mad.c']],
    ['a header that headers include', ['types.h'], ['cm.c', 'core/agent.c', 'mad.c']],
    ['a source and a header', ['ib/cm.h', 'mad.c'], ['cm.c', 'mad.c']],
    ['a header that is not there and that nobody includes', ['new.h', 'cm.c'], ['cm.c']],
  ])('%s', async (_, touched, sources) => {
    expect(await sourcesFor(touched)).toEqual(sources);
  });

  test('a header that is not there, but included', async () => {
    expect(await sourcesFor(['gone.h'], { 'smi.c': '#include "gone.h"\n' })).toEqual(['smi.c']);
  });

  test('the folder that kbuild is called for', async () => {
    const step: MakeStep = { kind: 'make', directory: 'core/', arguments: ['A=1'] };
    expect(await sourcesFor(['core/agent.c'], {}, step)).toEqual(['core/agent.c']);
    expect(await sourcesFor(['cm.c'], {}, step)).toBeUndefined();
  });
});

describe('everything', () => {
  test.each([
    ['a makefile', ['Kbuild', 'cm.c'], {}],
    ['assembly', ['core/entry.S'], {}],
    ['a file of no known kind', ['firmware.bin'], {}],
    ['a source that another includes', ['core/table.inc.c'], {}],
    ['a header that nobody includes', ['lonely.h'], {}],
    ['a header that assembly includes', ['mad.h'], { 'entry.S': '#include "mad.h"\n' }],
    ['a header that an included source includes', ['mad.h'], { 'core/table.inc.c': '#include "mad.h"\n' }],
    ['a header that the compiler is told to include', ['mad.h'], { 'core/Makefile': 'ccflags-y += -include mad.h\n' }],
    ['a computed include elsewhere', ['mad.h'], { 'smi.c': '#include CONFIGURED_HEADER\n' }],
    ['makefiles that build programs', ['cm.c'], { Kbuild: 'hostprogs := generate\n' }],
    [
      'makefiles that generate files',
      ['cm.c'],
      { Kbuild: 'obj-m := ib_mad.o\n$(obj)/table.h: $(src)/table.txt\n\tcp $< $@\n' },
    ],
    ['a source whose name make would evaluate', ['$(shell id).c'], { '$(shell id).c': '' }],
    ['a source whose name make would take for an option', ['--eval.c'], { '--eval.c': '' }],
    ['makefiles that generate files always', ['cm.c'], { Kbuild: 'always-y += table.h\n' }],
  ])('%s', async (_, touched, more) => {
    expect(await sourcesFor(touched, more)).toBeUndefined();
  });

  test('a tree with symbolic links', async () => {
    const tree = await temporaryFolder();
    await writeFile(path.join(tree, 'cm.c'), '');
    await symlink('cm.c', path.join(tree, 'cm-old.c'));
    const plan = { steps: [ordinary], chosenBy: '', expectedModules: [] };
    expect((await affectedSources(tree, ['cm.c'], plan)).kind).toBe('all');
  });

  test('a tree that is built in a way of its own', async () => {
    expect(await sourcesFor(['cm.c'], {}, { kind: 'command', directory: '.', command: ['make'] })).toBeUndefined();
  });
});

describe('the reasons', () => {
  test('of a source are the touched files that reach it', async () => {
    const found = await affected(['types.h', 'mad.c']);
    expect(found).toEqual({
      kind: 'some',
      sources: [
        { source: 'cm.c', because: ['types.h'] },
        { source: 'core/agent.c', because: ['types.h'] },
        { source: 'mad.c', because: ['types.h', 'mad.c'] },
      ],
    });
  });

  test.each([
    [['Kbuild'], {}, 'Kbuild is neither C source nor header'],
    [['lonely.h'], {}, 'what includes lonely.h cannot be told from the sources alone'],
    [['cm.c'], { Kbuild: 'hostprogs := generate\n' }, 'the makefiles generate files or build programs for themselves'],
  ])('of the whole tree for %j', async (touched, more, because) => {
    expect(await affected(touched, more)).toEqual({ kind: 'all', because });
  });
});

describe('namesInMakefiles', () => {
  test('lists objects and modules as the kernel would call them, comments left out', async () => {
    const tree = await temporaryFolder();
    await writeFile(path.join(tree, 'Kbuild'), 'obj-m := ib-mad.o # old.o\nib-mad-y := cm.o core/agent.o\n');
    expect([...(await namesInMakefiles(tree))].sort()).toEqual(['agent', 'cm', 'ib_mad']);
  });
});
