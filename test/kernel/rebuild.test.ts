/**
 * Two sources of one base name whose static functions have one name and one size: what tells them apart is the link order
 * or a rebuild of the whole module, and without either the build is refused. The guest shows that the right one changes.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { boot } from '../boot/boot.js';
import { type CliRun, runBuild } from './command-line.js';
import { findTestKernel } from './requirements.js';
import { fixtures } from './scenario.js';

const { kernel, missing } = findTestKernel();
const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;

const patch = `--- a/back/gate.c
+++ b/back/gate.c
@@ -5,7 +5,7 @@
 static int gate_open(int visitors)
 {
 	pr_notice("gate\\n");
-	return visitors * 5;
+	return visitors * 7;
 }
 
 int (*const back_gate)(int visitors) = gate_open;
`;

describe.skipIf(kernel === undefined)(`namesakes that only the whole module tells apart${needs}`, () => {
  let folder = '';
  /** As a user has it before and after building it. */
  let fresh = '';
  let built = '';
  let stripped = '';

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'kptool-twins-'));
    [fresh, built, stripped] = [
      path.join(folder, 'fresh'),
      path.join(folder, 'built'),
      path.join(folder, 'stripped.ko'),
    ];
    await cp(path.join(fixtures, 'twins'), fresh, { recursive: true });
    await buildModule(built, []);
    await execa('strip', ['--strip-debug', '-o', stripped, path.join(built, 'twins.ko')]);
    await writeFile(path.join(folder, 'gates.patch'), patch);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** A copy of the fixture with its module, after the replacements in front/gate.c. */
  async function buildModule(tree: string, replacements: readonly (readonly [string, string])[]): Promise<void> {
    await cp(path.join(fixtures, 'twins'), tree, { recursive: true });
    const file = path.join(tree, 'front/gate.c');
    for (const [before, after] of replacements) {
      const text = await readFile(file, 'utf8');
      expect(text).toContain(before);
      await writeFile(file, text.replace(before, after));
    }
    await execa('make', ['-j2', '-C', kernel?.buildDirectory ?? '', `M=${tree}`, 'modules']);
  }

  async function build(place: string, tree: string, module: string): Promise<CliRun> {
    const output = path.join(folder, place);
    await mkdir(output);
    return runBuild([
      ...['--oot', tree, '--module', module, '--output', output, '--cache', path.join(folder, 'cache')],
      ...['--kernel', kernel?.release ?? '', path.join(folder, 'gates.patch')],
    ]);
  }

  async function livepatchOf(run: CliRun): Promise<Buffer> {
    expect(run.exitStatus, run.messages).toBe(0);
    return readFile(run.document.file ?? '');
  }

  const rebuilding = 'Rebuilding the unpatched modules';

  test('decided alike by the link order of the last build and by a rebuild, and the right one changes', async () => {
    const module = path.join(built, 'twins.ko');
    const byLinkOrder = await build('link-order', built, module);
    expect(byLinkOrder.messages).not.toContain(rebuilding);
    const byOrderOfRebuild = await build('rebuilt-order', fresh, module);
    expect(byOrderOfRebuild.messages).toContain(rebuilding);
    const byRebuild = await build('rebuilt', fresh, stripped);
    expect(byRebuild.messages).toContain(rebuilding);

    const livepatch = await livepatchOf(byRebuild);
    expect(livepatch.equals(await livepatchOf(byLinkOrder))).toBe(true);
    expect(livepatch.equals(await livepatchOf(byOrderOfRebuild))).toBe(true);

    const show = 'cat /sys/module/twins/parameters/gates';
    const name = path.basename(byRebuild.document.file ?? '', '.ko').replaceAll('-', '_');
    const { results } = await boot({
      image: kernel?.image ?? '',
      files: { 'modules/twins.ko': stripped, [`modules/${name}.ko`]: byRebuild.document.file ?? '' },
      commands: ['insmod /modules/twins.ko', show, `lp_load ${name}`, show, `lp_disable ${name}`, show],
    });
    const [loaded, before, enabled, during, disabled, after] = results;
    const done = [loaded, enabled, disabled].map((result) => `${result?.output}${result?.status}`);
    expect(done).toEqual(['0', '0', '0']);
    expect(before?.output).toBe('front 30 back 50\n');
    expect(during?.output).toBe('front 30 back 70\n');
    expect(after?.output).toBe('front 30 back 50\n');
  });

  test('refused where the rebuild differs from the target', async () => {
    const other = path.join(folder, 'other');
    const extra = '#include <linux/printk.h>\nvoid front_lock(void);\nvoid front_lock(void) { pr_notice("locked"); }';
    await buildModule(other, [['#include <linux/printk.h>', extra]]);
    const target = path.join(folder, 'other.ko');
    await execa('strip', ['--strip-debug', '-o', target, path.join(other, 'twins.ko')]);
    const run = await build('refused', fresh, target);
    expect(run.messages).toContain(rebuilding);
    expect(run.document).toMatchObject({ outcome: 'refused', exitStatus: 1, file: null });
    expect(run.document.diagnostics.map(({ code }) => code)).toEqual(['symbol-ambiguous']);
  });

  test('refused, and said why, where the tree does not build whole', async () => {
    const broken = path.join(folder, 'broken');
    await cp(fresh, broken, { recursive: true });
    await writeFile(path.join(broken, 'other.c'), '#error not for this kernel\n');
    await writeFile(
      path.join(broken, 'Kbuild'),
      `${await readFile(path.join(broken, 'Kbuild'), 'utf8')}obj-m += other.o\n`,
    );
    const run = await build('not-rebuilt', broken, stripped);
    expect(run.messages).toContain('the unpatched modules could not be rebuilt');
    expect(run.document).toMatchObject({ outcome: 'refused', exitStatus: 1, file: null });
    expect(run.document.diagnostics.map(({ code }) => code)).toEqual(['symbol-ambiguous']);
  });
});
