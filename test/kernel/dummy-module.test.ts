/**
 * A placeholder in the place of the real module: `ib_mad.ko` that was linked from `ib_mad_dummy.c`. What the user reads, word
 * for word, wherever the placeholder lies.
 */
import { cp, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeFiles } from '../unit/kbuild/tree.js';
import { findTestKernel } from './requirements.js';
import { fixtures } from './scenario.js';

const { kernel, missing } = findTestKernel();
const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;
const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

const dummy = {
  Kbuild: 'obj-m := ib_mad.o\nib_mad-y := ib_mad_dummy.o\n',
  'ib_mad_dummy.c': `#include <linux/module.h>
static int __init dummy_start(void) { return 0; }
static void __exit dummy_stop(void) {}
module_init(dummy_start);
module_exit(dummy_stop);
MODULE_LICENSE("GPL");
`,
};

describe.skipIf(kernel === undefined)(`a dummy in the place of ib_mad.ko${needs}`, () => {
  let folder = '';
  let tree = '';
  let placeholder = '';

  beforeAll(async () => {
    if (kernel === undefined) return;
    folder = await mkdtemp(path.join(tmpdir(), 'kptool-dummy-'));
    tree = path.join(folder, 'tree');
    placeholder = path.join(folder, 'dummy/ib_mad.ko');
    await cp(path.join(fixtures, 'ib_mad'), tree, { recursive: true });
    await writeFiles(path.dirname(placeholder), dummy);
    await execa('make', ['-C', kernel.buildDirectory, `M=${path.dirname(placeholder)}`, 'modules']);
  });
  afterAll(async () => {
    if (folder !== '') await rm(folder, { recursive: true, force: true });
  });

  /** What kptool says to a patch of `cm.c`, with the work folder's name taken out. */
  async function run(command: string, ...words: readonly string[]) {
    const patch = path.join(fixtures, 'patches/namesake-hot.patch');
    const common = ['--oot', tree, '--kernel', kernel?.release ?? '', '--cache', path.join(folder, 'cache')];
    const options = { cwd: folder, reject: false, stdin: 'ignore' } as const;
    const result = await execa('node', [main, command, ...common, ...words, patch], options);
    const work = await readdir(path.join(folder, 'cache/work')).catch(() => []);
    return { status: result.exitCode, text: result.stderr, workFolders: work.length };
  }

  const finding = (file: string, chosenBy: string) => `\
error: cm.o is not part of ib_mad.ko (its files are ib_mad.mod.c, ib_mad_dummy.c)   [object-not-in-target]
  why  ${file} (${chosenBy}) has 0 of the 16 functions of cm.o. It is a placeholder, or another module that is called ib_mad too. \
A livepatch with functions of cm.o would find none of them in it.
  do   The tree links cm.o into ib_mad: pass the ib_mad that runs with --module FILE.ko.
  at   only in cm.o: state_name, ib_cm_state_name, cm_is_live, ib_cm_count, cm_new_id and 11 more
       only in the target: dummy_start, dummy_stop`;

  test.each(['check', 'build'])('kptool %s --module: told before anything is compiled', async (command) => {
    const { status, text, workFolders } = await run(command, '--module', placeholder);
    expect(text).toBe(finding(placeholder, '--module'));
    expect({ status, workFolders }).toEqual({ status: 1, workFolders: 0 });
  });

  test('lying in the tree', async () => {
    const lying = path.join(tree, 'ib_mad.ko');
    await cp(placeholder, lying);
    const { status, text, workFolders } = await run('build');
    await rm(lying);
    expect(text).toBe(finding(lying, 'in the tree'));
    expect({ status, workFolders }).toEqual({ status: 1, workFolders: 0 });
  });

  test('where the makefiles do not tell, the objects do', async () => {
    const kbuild = path.join(tree, 'Kbuild');
    await rename(kbuild, path.join(folder, 'Kbuild'));
    const list = 'mad.o cm.o agent.o smi.o rmpp-window.o trace.o core/agent.o core/template.o';
    await writeFile(
      kbuild,
      `parts := ${list}\nobj-m := ib_mad.o\nib_mad-y := $(parts) attribute.o\nccflags-y := -I$(src)\nasflags-y := -I$(src)\n`,
    );
    expect((await run('check', '--module', placeholder)).status).toBe(0);
    const { status, text, workFolders } = await run('build', '--module', placeholder);
    await rename(path.join(folder, 'Kbuild'), kbuild);
    expect(text).toContain('error: cm.o is not part of ib_mad.ko (its files are ib_mad.mod.c, ib_mad_dummy.c)');
    expect(text).toContain(`${placeholder} (--module) has 0 of the `);
    expect(text).toContain('The tree links cm.o into ib_mad: pass the ib_mad that runs with --module FILE.ko.');
    expect({ status, workFolders }).toEqual({ status: 1, workFolders: 1 });
  });
});
