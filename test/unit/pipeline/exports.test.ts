/** What other trees export, how checksums are compared, and which modules a livepatch imports from. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ExportTypes } from '../../../src/diff/type-changes.js';
import { readModuleFile } from '../../../src/kernel/module-file.js';
import { parseSymvers } from '../../../src/kernel/symvers.js';
import { indexExports } from '../../../src/lookup/exports.js';
import { resolvePatch } from '../../../src/patch/check.js';
import { parsePatch } from '../../../src/patch/parse.js';
import { compareVersions, readVersions } from '../../../src/pipeline/export-versions.js';
import { knownExports, readExtraSymvers, writeSymversForModule } from '../../../src/pipeline/known-exports.js';
import { importedBy } from '../../../src/pipeline/ordinary-imports.js';
import { TargetModules } from '../../../src/pipeline/target-modules.js';
import { moduleBytes, moduleFile, temporaryFolder, vermagicOf } from '../kernel/target.js';

const line = (name: string, module: string, crc = 1) => `0x0000000${crc}\t${name}\t${module}\tEXPORT_SYMBOL\t\n`;

describe('readExtraSymvers', () => {
  async function read(texts: readonly string[], kernel = '') {
    const folder = await temporaryFolder();
    const files = texts.map((_, index) => path.join(folder, `${index}`));
    for (const [index, file] of files.entries()) await writeFile(file, texts[index] ?? '');
    const places = {
      ...{ tree: path.join(folder, 'tree'), buildDirectory: folder, release: 'x', chosenBy: 'nobody' },
      ...{ steps: [], makeArguments: [], environment: files.join(' ') },
    };
    await mkdir(places.tree);
    const { entries, warnings } = await readExtraSymvers(files.slice(0, 1), places, parseSymvers(kernel, 'kernel'));
    const conflicts = warnings.flatMap(({ details }) => details);
    return { entries: entries.map(({ name, module }) => `${name} ${module}`), conflicts };
  }

  test('the same symbol of the same module, twice: once, without a word', async () => {
    const text = line('mad_key', '/src/mad_keys');
    expect(await read([text + text, text])).toEqual({ entries: ['mad_key /src/mad_keys'], conflicts: [] });
  });

  test('of two modules the first counts, and it is said', async () => {
    const read1 = await read([line('mad_key', '/src/a'), line('mad_key', '/src/b') + line('mad_step', '/src/b')]);
    expect(read1).toEqual({
      entries: ['mad_key /src/a', 'mad_step /src/b'],
      conflicts: ['mad_key: by /src/a, not /src/b'],
    });
  });

  test('what a module of the kernel exports too stays, what vmlinux exports goes', async () => {
    const kernel = line('ib_open', 'drivers/ib_core') + line('printk', 'vmlinux');
    const { entries } = await read([line('ib_open', '/ofed/ib_core', 2) + line('printk', '/x/y')], kernel);
    expect(entries).toEqual(['ib_open /ofed/ib_core']);
  });
});

test('exports of this tree count before those of other trees, and those before the kernel', async () => {
  const folder = await temporaryFolder();
  const module = async (name: string, release: string, exports: readonly string[]) =>
    readModuleFile(await moduleFile({ information: [`name=${name}`, vermagicOf(release)], exports }));
  const lying = await module('mad', '6.1', ['mad_post', 'printk']);
  const built = [await module('mad', '6.1', ['mad_built']), await module('cm', '6.1', ['cm_open'])];
  const old = await module('old', '5.10', ['gone']);
  const kernel = line('printk', 'vmlinux') + line('mad_post', 'drivers/mad') + line('ib_open', 'drivers/ib_core');
  const symvers = parseSymvers(kernel, 'kernel');
  const extra = path.join(folder, 'extra');
  await writeFile(extra, line('ib_open', '/ofed/ib_core', 2) + line('cm_open', '/ofed/cm', 2));
  const places = {
    ...{ tree: folder, buildDirectory: folder, release: 'x', chosenBy: 'nobody', environment: '' },
    ...{ steps: [], makeArguments: [] },
  };
  const extraSymvers = await readExtraSymvers([extra], places, symvers);
  const kernelModules = new Set<string>();
  const modules = new TargetModules({ given: [], inTree: [lying, old], release: '6.1', kernelModules });
  const exports = knownExports({ modules, extraSymvers, symvers }, [], built);
  const { find } = indexExports(exports);
  const from = ['mad_post', 'cm_open', 'ib_open', 'printk', 'gone', 'mad_built'].map((name) => find(name)?.module);
  expect(from).toEqual(['mad', 'cm', '/ofed/ib_core', 'vmlinux', undefined, undefined]);

  // kbuild reads the kernel's by itself, and of the rest each name once.
  const file = await writeSymversForModule({ symvers, symversLayout: 'namespace last' }, exports, `${folder}/known`);
  const written = parseSymvers(await readFile(file, 'utf8'), file);
  expect(written.map(({ name, module: by }) => `${name} ${by}`)).toEqual([
    'mad_post mad',
    'cm_open cm',
    'ib_open /ofed/ib_core',
  ]);
});

describe('compareVersions', () => {
  const patchText = `--- a/mad.c
+++ b/mad.c
@@ -1,3 +1,3 @@
-#include <linux/moved.h>
 #include <linux/module.h>
-int x;
+#include <linux/moved.h>
+# include "table.h"
--- a/cm.c
+++ b/cm.c
@@ -1 +1,2 @@
 int y;
+#include <linux/other.h>
`;

  async function compare(
    running: Readonly<Record<string, number>>,
    original: number | undefined,
    patched: number,
    types?: ExportTypes,
  ) {
    const tree = await temporaryFolder();
    await writeFile(path.join(tree, 'mad.c'), '#include <linux/moved.h>\n#include <linux/module.h>\nint x;\n');
    await writeFile(path.join(tree, 'cm.c'), 'int y;\n');
    const patches = [await resolvePatch(parsePatch(patchText, 'x.patch'), tree)];
    const version = (crc: number | undefined) =>
      new Map(crc === undefined ? [] : [['ib_mad_post', { crc, object: 'mad.o', modules: ['ib_mad'] }]]);
    const module = await readModuleFile(await moduleFile({ checksums: running }));
    const versions = { original: version(original), patched: version(patched) };
    const targets = [{ name: 'ib_mad', module }];
    const relocations = [{ symbol: { object: 'ib_mad', name: 'ib_mad_post' } }];
    const findings = (used: typeof relocations) =>
      compareVersions({
        ...{ versions, targets, patches, contributions: [{ parts: { functions: [], relocations: used } }] },
        exportTypes: new Map(types === undefined ? [] : [['mad.o:ib_mad_post', types]]),
      });
    return { used: findings(relocations), unused: findings([]) };
  }

  test('a change: with the added #include of the source, but none that moved or that is of another source', async () => {
    const { used, unused } = await compare({ ib_mad_post: 1 }, 1, 2);
    expect(used).toMatchObject([{ code: 'export-version-changed', severity: 'error' }]);
    expect(unused).toMatchObject([{ code: 'export-version-changed-unused', severity: 'warning' }]);
    expect(used[0]?.details.slice(1)).toEqual(['mad.c: # include "table.h"']);
  });

  test('a change of no layout: the include is told to have shown a type', async () => {
    const { used } = await compare({ ib_mad_post: 1 }, 1, 2, { changed: [], completed: ['struct table'] });
    expect(used[0]?.why).toContain('No layout changes: the patch only shows the members of struct table');
    expect(used[0]?.fix).toMatch(/^The #include changes no type: put it between #ifndef __GENKSYMS__/);
  });

  test('a change of a layout: the type is named, and the include is not to blame', async () => {
    const { used } = await compare({ ib_mad_post: 1 }, 1, 2, { changed: ['struct mad'], completed: ['struct table'] });
    expect(used[0]?.why).toContain('Another layout has struct mad.');
    expect(used[0]?.fix).not.toContain('__GENKSYMS__');
  });

  test('no change: nothing to say', async () => {
    expect(await compare({ ib_mad_post: 2 }, 2, 2)).toEqual({ used: [], unused: [] });
  });

  test('the target differs before the patch already', async () => {
    const { used } = await compare({ ib_mad_post: 1 }, 2, 2);
    expect(used).toMatchObject([{ code: 'export-version-foreign', severity: 'warning' }]);
  });

  test('a target that has no checksums: the original side stands in', async () => {
    expect((await compare({}, 1, 2)).used).toMatchObject([{ code: 'export-version-changed' }]);
    expect((await compare({}, undefined, 2)).used).toEqual([]);
  });
});

test('checksums come from the .cmd file, else from the object', async () => {
  const folder = await temporaryFolder();
  const object = (name: string) => ({
    ...{ object: name, file: path.join(folder, name), source: 'x.c', modules: ['m'], directory: folder, arguments: [] },
  });
  await writeFile(path.join(folder, 'new.o'), moduleBytes({ checksums: { a: 7 } }));
  await writeFile(path.join(folder, '.new.o.cmd'), 'savedcmd := x\n\n#SYMVER a 0xD0b34d1f\n#SYMVER b 0x00000002\n');
  await writeFile(path.join(folder, 'old.o'), moduleBytes({ checksums: { c: 3 } }));
  const versions = await readVersions([object('new.o'), object('old.o')]);
  expect([...versions].map(([name, { crc, object: from }]) => [name, crc, from])).toEqual([
    ['a', 0xd0b34d1f, 'new.o'],
    ['b', 2, 'new.o'],
    ['c', 3, 'old.o'],
  ]);
});

test('imported are modules that nobody else would load', async () => {
  const target = async (name: string, depends: string) => ({
    ...{ name, chosenBy: 'x', wasSeen: true },
    module: await readModuleFile(
      await moduleFile({ information: [`name=${name}`, `depends=${depends}`, vermagicOf('x')] }),
    ),
  });
  const targets = [await target('stats', 'mad,ib_core'), await target('mad', 'keys')];
  const isImported = importedBy('stats', targets, new Set(['cm']));
  const imported = ['stats', 'mad', 'ib_core', 'keys', 'cm', 'other'].filter(isImported);
  expect(imported).toEqual(['other']);
});
