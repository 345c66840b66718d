/** Which modules each object of fixtures/ownership belongs to, told by kbuild itself, and what a build makes of it. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TreeBuild } from '../../src/kbuild/build-tree.js';
import { moduleSource, setUpTree } from '../unit/kbuild/tree.js';
import { runBuild } from './command-line.js';
import { findTestKernel } from './requirements.js';
import { fixtures } from './scenario.js';

const { kernel, missing } = findTestKernel();
const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;
const fixture = path.join(fixtures, 'ownership');
const allModules = 'modules: deep, lone, own_left, own_right, twice';

const ownersOf = ({ objects }: TreeBuild, object: string) =>
  objects.find((candidate) => candidate.object === object)?.modules.toSorted();

const otherRules = [
  'Kbuild: own-left-y := left.o shared.o parts/part.o',
  'Kbuild: own-right-y := right.o shared.o twice.o',
  'Kbuild: obj-$(CONFIG_OWNERSHIP_NEVER) += never.o',
  'Kbuild: never-y := left-out.o shared.o',
  'deep/Kbuild: obj-m := deep.o',
  'deep/Kbuild: deep-y := main.o ../outer.o',
  expect.stringMatching(/^log: /),
];

describe.skipIf(kernel === undefined)(`the modules of an object${needs}`, () => {
  test.each([
    ['a module of a single object', 'lone.c', ['lone'], false],
    ['a module name with a dash', 'left.c', ['own_left'], false],
    ['in a folder without a makefile', 'parts/part.c', ['own_left'], false],
    ['in a subdirectory with a makefile', 'deep/main.c', ['deep'], false],
    ['shared by two modules, and by a third that is not built', 'shared.c', ['own_left', 'own_right'], true],
    ['a module by itself and part of another one', 'twice.c', ['own_right', 'twice'], true],
    ['listed by the makefile of another folder', 'outer.c', ['deep'], true],
  ])('%s', async (_, source, modules, isWhole) => {
    const { build } = await setUpTree(fixture);
    const built = await build({ sources: [source] });
    expect(ownersOf(built, source.replace('.c', '.o'))).toEqual(modules);
    expect(built.isWhole).toBe(isWhole);
  });

  test.each([
    ['part of a module that is not built', 'left-out.c'],
    ['named by no makefile', 'lost.c'],
  ])('%s: refused, with the modules that exist', async (_, source) => {
    const { build } = await setUpTree(fixture);
    const refused = {
      diagnostics: [
        {
          code: 'source-not-built',
          what: `${source} is in none of the modules that the tree builds.`,
          details: [allModules, 'Kbuild: obj-m := lone.o own-left.o own-right.o twice.o deep/', ...otherRules],
        },
      ],
    };
    await expect(build({ sources: [source] })).rejects.toMatchObject(refused);
  });

  test('a member of an archive that the tree makes in its own way', async () => {
    const { build } = await setUpTree({
      Kbuild: `obj-m := boxed.o
boxed-y := main.o box.a

cmd_box = rm -f $@; $(AR) rcs $@ $(real-prereqs)
$(obj)/box.a: $(obj)/parts/part.o FORCE
	$(call if_changed,box)
targets += box.a
`,
      'main.c': moduleSource('int part(int a);\nint use(void);\nint use(void) { return part(2); }'),
      'parts/part.c': 'int part(int a);\nint part(int a) { return a * 3; }\n',
    });
    expect(ownersOf(await build({ sources: ['parts/part.c'] }), 'parts/part.o')).toEqual(['boxed']);
  });

  test('listed by the makefiles of two folders, which would compile it at the same time', async () => {
    const folder = (name: string) => ({
      [`${name}/Kbuild`]: `obj-m := ${name}.o\n${name}-y := main.o ../shared.o\n`,
      [`${name}/main.c`]: moduleSource(),
    });
    const shared = '#include "shared.h"\nint shared(void);\nint shared(void) { return SHARED; }\n';
    const files = { ...folder('left'), ...folder('right'), Kbuild: 'obj-m := left/ right/\n', 'shared.c': shared };
    const { build, copy } = await setUpTree({ ...files, 'shared.h': '#define SHARED 1\n' });
    const original = await build({ jobs: 8 });
    const before = await readFile(path.join(copy, 'shared.o'));
    await writeFile(path.join(copy, 'shared.h'), '#define SHARED 1\n\n');
    const patched = await build({ side: 'patched', jobs: 8 });
    for (const built of [original, patched]) {
      expect(ownersOf(built, 'shared.o')).toEqual(['left', 'right']);
      expect(built.warnings.map(({ code }) => code)).toEqual(['object-compiled-per-module']);
    }
    expect(await readFile(path.join(copy, 'shared.o'))).toEqual(before);
  });

  test('a `.mod` file that an earlier configuration left behind owns nothing', async () => {
    const { build, copy } = await setUpTree(fixture);
    await writeFile(path.join(copy, 'never.mod'), `${copy}/left-out.o\n${copy}/shared.o\n`);
    expect(ownersOf(await build({ sources: ['shared.c'] }), 'shared.o')).toEqual(['own_left', 'own_right']);
  });
});

describe.skipIf(kernel === undefined)(`a patch to the tree${needs}`, () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'kptool-ownership-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Builds with a patch that gives each of the sources another function body. */
  async function buildWith(sources: readonly string[], tree = fixture, options: readonly string[] = []) {
    const patch = path.join(folder, 'patch');
    const hunks = sources.map(async (source) => {
      const lines = (await readFile(path.join(fixture, source), 'utf8')).split('\n');
      const at = lines.findIndex((line) => line.startsWith('VALUE'));
      const name = /\((\w+)\)/.exec(lines[at] ?? '')?.[1] ?? '';
      const text = `+int ${name}(int a);\n+int ${name}(int a)\n+{\n+\treturn a * 5 + 2;\n+}`;
      return `--- a/${source}\n+++ b/${source}\n@@ -${at + 1},1 +${at + 1},5 @@\n-${lines[at]}\n${text}\n`;
    });
    await writeFile(patch, (await Promise.all(hunks)).join(''));
    const words = ['--oot', tree, '--kernel', kernel?.release ?? '', '--output', folder, '--cache', folder];
    return runBuild([...words, ...options, '--name', 'livepatch-ownership', patch]);
  }

  test('one livepatch for several modules, with a klp object for each', async () => {
    const { document, messages } = await buildWith(['twice.c', 'shared.c', 'outer.c', 'parts/part.c']);
    expect(document.outcome, messages).toBe('built');
    expect(
      document.objects.map(({ object, module, changedFunctions }) => [module, object, ...changedFunctions]),
    ).toEqual([
      ['deep', 'outer.o', 'outer_value'],
      ['own_left', 'parts/part.o', 'part_value'],
      ['own_left', 'shared.o', 'shared_value'],
      ['own_right', 'shared.o', 'shared_value'],
      ['own_right', 'twice.o', 'twice_value'],
      ['twice', 'twice.o', 'twice_value'],
    ]);
  });

  test('single objects first, where the modules are at hand', async () => {
    const tree = path.join(folder, 'built');
    await cp(fixture, tree, { recursive: true });
    await execa('make', ['-C', kernel?.buildDirectory ?? '', `M=${tree}`, 'modules']);
    const { document, messages } = await buildWith(['lone.c', 'outer.c'], tree);
    expect(document.outcome, messages).toBe('built');
    expect(document.objects.map(({ object, module }) => [module, object])).toEqual([
      ['lone', 'lone.o'],
      ['deep', 'outer.o'],
    ]);
    expect(document.diagnostics).toEqual([]);
  });

  test('a source of no module stops it, also beside one of a module', async () => {
    const foreseen = await buildWith(['shared.c', 'lost.c']);
    expect(foreseen.document.diagnostics.map(({ code, what }) => `${code}: ${what}`)).toEqual([
      'object-not-built: The patch changes lost.c, which is not built: no makefile lists it',
    ]);
    // Where the makefiles say too little for that, the build finds it.
    const off = ['--rule', 'object-not-built=off'];
    const { document, exitStatus } = await buildWith(['shared.c', 'lost.c'], fixture, off);
    expect(exitStatus).toBe(1);
    expect(document.diagnostics.map(({ code, details }) => [code, (details as string[])[0]])).toEqual([
      ['source-not-built', allModules],
    ]);
  });
});
