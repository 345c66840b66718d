import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readModuleObjects } from '../../../src/kbuild/module-objects.js';
import { readModuleFile } from '../../../src/kernel/module-file.js';
import { findForeignSources } from '../../../src/pipeline/foreign-sources.js';
import { type ModuleSources, TargetModules } from '../../../src/pipeline/target-modules.js';
import { writeFiles } from '../kbuild/tree.js';
import { moduleBytes, moduleFile, temporaryFolder, vermagicOf } from '../kernel/target.js';

const release = '6.1.0-13-no-such-kernel';

/** A module of this name that was linked from mad.c. */
const partsOf = (name: string) => ({ information: [`name=${name}`, vermagicOf(release)], hasFileSymbol: true });
const moduleOf = async (name: string) => readModuleFile(await moduleFile(partsOf(name)));

async function find(kbuild: string, sources: Partial<ModuleSources>, files: Readonly<Record<string, string>> = {}) {
  const tree = await temporaryFolder();
  const text = 'int cm_show(void)\n{\n\treturn 1;\n}\n';
  await writeFiles(tree, { Kbuild: kbuild, 'cm.c': text, 'mad.c': text, ...files });
  const modules = new TargetModules({ given: [], inTree: [], release, kernelModules: new Set(), ...sources });
  const findings = await findForeignSources(
    tree,
    ['cm.c', 'mad.c', 'gone.c', 'README'],
    modules,
    await readModuleObjects(tree),
  );
  return findings.map(({ code, what, why, fix }) => ({ code, what, why, fix }));
}

const what = 'cm.o is not part of target.ko (its file is mad.c)';
const composite = 'obj-m := ib_mad.o\nib_mad-y := mad.o cm.o\n';

describe('findForeignSources', () => {
  test('a module that was given', async () => {
    const given = [await moduleOf('ib_mad')];
    expect(await find(composite, { given })).toMatchObject([
      {
        code: 'object-not-in-target',
        what,
        why: expect.stringContaining('target.ko (--module) has 0 of the 1 functions'),
      },
    ]);
  });

  test('another module at hand has a source of that name', async () => {
    const given = [await moduleOf('ib_mad')];
    const real = await readModuleFile(await moduleFile({ ...partsOf('ib_cm'), sources: ['cm.c'] }));
    expect(await find(composite, { given, inTree: [real] })).toMatchObject([
      { what, fix: expect.stringMatching(new RegExp(` A source of that name is in ${real.path}\\.$`)) },
    ]);
  });

  test('the installed module', async () => {
    const modulesFolder = await temporaryFolder();
    const updates = path.join(modulesFolder, release, 'updates');
    await mkdir(updates, { recursive: true });
    await writeFile(path.join(updates, 'ib_mad.ko'), moduleBytes(partsOf('ib_mad')));
    await writeFile(path.join(modulesFolder, release, 'modules.dep'), 'updates/ib_mad.ko:\n');
    expect(await find(composite, { modulesFolder })).toMatchObject([
      {
        what: 'cm.o is not part of ib_mad.ko (its file is mad.c)',
        why: expect.stringContaining(`${updates}/ib_mad.ko (installed) has 0 of the 1 functions of cm.o.`),
        fix: 'The tree links cm.o into ib_mad: pass the ib_mad that runs with --module FILE.ko.',
      },
    ]);
  });

  test('a `.mod` file says where the makefile does not', async () => {
    const inTree = [await moduleOf('ib_mad')];
    const kbuild = 'obj-m := ib_mad.o\nib_mad-y := $(parts)\n';
    expect(await find(kbuild, { inTree })).toEqual([]);
    expect(await find(kbuild, { inTree }, { 'ib_mad.mod': 'mad.o\ncm.o\n' })).toMatchObject([{ what }]);
  });

  test('a module that is not at hand may be the one', async () => {
    const given = [await moduleOf('ib_mad')];
    const shared = `${composite}obj-m += ib_cm.o\nib_cm-y := cm.o\n`;
    expect(await find(shared, { given })).toEqual([]);
    expect(await find(shared, { given: [...given, await moduleOf('ib_cm')] })).toMatchObject([{ what }, { what }]);
  });
});
