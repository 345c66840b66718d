/**
 * Patches to the source of a kernel that is built for indirect branch tracking: one that takes effect, and one to a function
 * that holds runtime constants, which no livepatch can. The kernel is prepared once, in a cache that stays.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { boot } from '../boot/boot.js';
import { findTroubles } from '../boot/troubles.js';
import { type CliRun, runBuild } from './command-line.js';
import { kernelSourceFolder, missingForSource } from './linux-source.js';
import { findTestKernel, isRequired, missingForPreparing } from './requirements.js';

/** Its own: the one of 6.1 holds one kernel. */
const cache = fileURLToPath(new URL('../../.build/kernel-cache-ibt', import.meta.url));

const { kernel, missing: missingTools } = findTestKernel('6.12');
const missing = kernel === undefined ? missingTools : [...(await missingForSource(kernel)), ...missingForPreparing()];

test('the machine has the source of its 6.12 kernel, and what prepares it', ({ skip }) => {
  skip(!isRequired && missing.length > 0, `needs ${missing.join(', ')}`);
  expect(missing).toEqual([]);
});

const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;

/** `__d_lookup` is called for every path that is opened; in its code stand the address and the size of a table. */
const edits = {
  meminfo: { file: 'proc/meminfo.c', from: '"VmallocChunk:   "', to: '"VMALLOCCHUNK:   "' },
  dcache: {
    file: 'dcache.c',
    from: 'struct dentry *__d_lookup(const struct dentry *parent, const struct qstr *name)\n{\n',
    to: 'struct dentry *__d_lookup(const struct dentry *parent, const struct qstr *name)\n{\n\tif (name->len == 4242)\n\t\treturn NULL;\n',
  },
} as const;

describe.skipIf(missing.length > 0)(`the kernel itself, with IBT${needs}`, () => {
  let folder = '';
  const runs = new Map<string, CliRun>();

  beforeAll(async () => {
    if (kernel === undefined) return;
    folder = await mkdtemp(path.join(tmpdir(), 'kptool-in-tree-ibt-'));
    // One after the other: the first prepares the kernel.
    for (const name of ['meminfo', 'dcache'] as const) {
      const patch = await writePatch(name);
      const words = ['--kernel', kernel.release, '--cache', cache, '--output', folder, patch];
      runs.set(name, await runBuild(words));
    }
  });

  afterAll(async () => {
    if (folder !== '') await rm(folder, { recursive: true, force: true });
  });

  async function writePatch(name: keyof typeof edits): Promise<string> {
    if (kernel === undefined) throw new Error('there is no kernel');
    const { file, from, to } = edits[name];
    const source = path.join(await kernelSourceFolder(kernel, 'fs'), file);
    const original = await readFile(source, 'utf8');
    expect(original.split(from)).toHaveLength(2);
    const paths = ['a', 'b'].map((side) => path.join(side, 'fs', file));
    const [before = '', after = ''] = paths.map((side) => path.join(folder, name, side));
    for (const side of [before, after]) await mkdir(path.dirname(side), { recursive: true });
    await cp(source, before);
    await writeFile(
      after,
      original.replace(from, () => to),
    );
    const { stdout } = await execa('diff', ['-u', ...paths], { cwd: path.join(folder, name), reject: false });
    const patch = path.join(folder, `${name}.patch`);
    await writeFile(patch, `${stdout}\n`);
    return patch;
  }

  test('takes effect on a booted kernel, and can be taken back', async () => {
    const { document, exitStatus, messages } = runs.get('meminfo') ?? {};
    expect({ exitStatus, outcome: document?.outcome }, messages).toEqual({ exitStatus: 0, outcome: 'built' });
    const read = 'grep -i vmallocchunk /proc/meminfo';
    const { results, dmesg } = await boot({
      image: kernel?.image ?? '',
      files: { 'modules/livepatch_meminfo.ko': document?.file ?? '' },
      commands: [
        read,
        'lp_load livepatch_meminfo && lp_patched livepatch_meminfo vmlinux meminfo_proc_show',
        read,
        'lp_disable livepatch_meminfo',
        read,
      ],
    });
    const [before, loaded, during, disabled, after] = results.map(({ output, status }) => `${output}${status}`);
    expect([loaded, disabled]).toEqual(['0', '0']);
    expect([before, during, after]).toEqual([
      'VmallocChunk:          0 kB\n0',
      'VMALLOCCHUNK:          0 kB\n0',
      'VmallocChunk:          0 kB\n0',
    ]);
    expect(findTroubles(dmesg).map(({ block }) => block)).toEqual([]);
  });

  test('a function with runtime constants is refused, with their names', () => {
    const { document, exitStatus } = runs.get('dcache') ?? {};
    expect(exitStatus).toBe(1);
    const errors = document?.diagnostics.filter(({ severity }) => severity === 'error') ?? [];
    expect([...new Set(errors.map(({ code }) => code))]).toEqual(['runtime-constant']);
    expect(errors.map(({ what }) => /constant (\w+)$/.exec(what)?.[1]).sort()).toEqual([
      'd_hash_shift',
      'dentry_hashtable',
    ]);
  });
});
