/** Prepared kernels, on a kernel in miniature: copied, prepared, shared, repaired, and compiled from. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { affectedKernelSources } from '../../src/kbuild/affected-kernel-sources.js';
import { findPreparedKernels, removePreparedKernel } from '../../src/kbuild/kept-kernels.js';
import { scanIncludes } from '../../src/kbuild/kernel-includes.js';
import { compileKernelObjects } from '../../src/kbuild/kernel-objects.js';
import { askOwners } from '../../src/kbuild/kernel-owners.js';
import { openPreparedKernel, type PreparedKernel } from '../../src/kbuild/prepared-kernel.js';
import { preprocessedDigests } from '../../src/kbuild/preprocessed-digests.js';
import { hashTree } from '../../src/system/hash.js';
import { type MiniKernel, miniKernel as miniKernelFiles, setUpMiniKernel, writeTree } from '../builders/mini-kernel.js';

const kernels: MiniKernel[] = [];

async function miniKernel(...parts: Parameters<typeof setUpMiniKernel>): Promise<MiniKernel> {
  const kernel = await setUpMiniKernel(...parts);
  kernels.push(kernel);
  return kernel;
}

afterEach(async () => {
  for (const kernel of kernels.splice(0)) await kernel.remove();
});

const textIn = ({ tree }: PreparedKernel, file: string) => readFile(path.join(tree, file), 'utf8');
const timesPrepared = async (kernel: PreparedKernel) => (await textIn(kernel, 'prepared-count')).split('\n').length - 1;

test.each(['folder', 'archive'] as const)('a source in a %s is prepared once, and never written to', async (kind) => {
  const { question, source } = await miniKernel(kind);
  const before = await hashTree(source);
  const first = await openPreparedKernel(question);
  expect(await textIn(first, 'configured')).toBe('CONFIG_LIVEPATCH=y\n');
  expect(await textIn(first, 'fs/stat.c')).toContain('stat_show');
  await first.close();
  const second = await openPreparedKernel(question);
  expect(second.tree).toBe(first.tree);
  expect(await timesPrepared(second)).toBe(1);
  await second.close();
  expect(await hashTree(source)).toBe(before);
});

test('another configuration or compiler is another prepared kernel', async () => {
  const { question } = await miniKernel();
  const keys: string[] = [];
  const variants = [{}, { compiler: { command: ['gcc'], versionText: 'gcc 13' } }, { makeArguments: ['X=1'] }];
  for (const variant of variants) {
    const prepared = await openPreparedKernel({ ...question, ...variant });
    keys.push(prepared.key);
    await prepared.close();
  }
  await writeFile(path.join(question.kernel.buildDirectory, '.config'), 'CONFIG_LIVEPATCH=y\nCONFIG_X=y\n');
  const prepared = await openPreparedKernel(question);
  keys.push(prepared.key);
  await prepared.close();
  expect(new Set(keys).size).toBe(4);
});

test('what changed in the user’s folder is copied again, what went goes, and products of a build stay behind', async () => {
  const { question, source } = await miniKernel('folder', {
    'fs/stat.o': 'an object',
    '.config': 'CONFIG_MINE=y\n',
    'include/generated/old.h': '',
    vmlinux: 'large',
  });
  const first = await openPreparedKernel(question);
  await expect(textIn(first, 'fs/stat.o')).rejects.toThrow('ENOENT');
  await expect(textIn(first, 'vmlinux')).rejects.toThrow('ENOENT');
  expect(await textIn(first, '.config')).toBe('CONFIG_LIVEPATCH=y\n');
  await first.close();

  await writeTree(source, { 'fs/stat.c': 'int changed;\n', 'fs/new.c': 'int new;\n' });
  await rm(path.join(source, 'fs/left-out.c'));
  const second = await openPreparedKernel(question);
  expect(await textIn(second, 'fs/stat.c')).toBe('int changed;\n');
  expect(await textIn(second, 'fs/new.c')).toBe('int new;\n');
  await expect(textIn(second, 'fs/left-out.c')).rejects.toThrow('ENOENT');
  expect(await timesPrepared(second)).toBe(2);
  await second.close();
});

test('a planned change is taken back, also by the next run, and its objects go', async () => {
  const { question } = await miniKernel();
  const first = await openPreparedKernel(question);
  const original = await textIn(first, 'fs/stat.c');
  const change = { touched: ['fs/stat.c', 'fs/added.c', 'include/linux/show.h'], objects: ['fs/stat.o'] };
  const patch = async (prepared: PreparedKernel) => {
    await prepared.plan(change);
    await writeTree(prepared.tree, {
      'fs/stat.c': 'patched\n',
      'fs/added.c': 'added\n',
      'include/linux/show.h': '',
      'fs/stat.o': 'patched',
    });
  };
  await patch(first);
  await first.close();
  const expectRestored = async (prepared: PreparedKernel) => {
    expect(await textIn(prepared, 'fs/stat.c')).toBe(original);
    expect(await textIn(prepared, 'include/linux/show.h')).toContain('SHOWN');
    await expect(textIn(prepared, 'fs/added.c')).rejects.toThrow('ENOENT');
    await expect(textIn(prepared, 'fs/stat.o')).rejects.toThrow('ENOENT');
    expect(await timesPrepared(prepared)).toBe(1);
  };
  await expectRestored(first);

  // A run that was killed takes nothing back: here its lock is freed, and nothing else is done.
  const killed = await openPreparedKernel(question);
  await patch(killed);
  await freeLock(killed, question);
  const next = await openPreparedKernel(question);
  await expectRestored(next);
  await next.close();
});

/** Closes with the undo list out of sight, as far as the lock is concerned a death of the process. */
async function freeLock(prepared: PreparedKernel, { cache }: { cache: string }): Promise<void> {
  const list = path.join(prepared.folder, 'undo/list.json');
  const text = await readFile(list, 'utf8');
  const { atime, mtime } = await stat(list);
  await rm(list);
  await prepared.close();
  await writeFile(list, text);
  await utimes(list, atime, mtime);
  expect(prepared.folder.startsWith(cache)).toBe(true);
}

test('a copy that somebody changed is made anew, and so is one that was not finished', async () => {
  const { question } = await miniKernel('archive');
  const first = await openPreparedKernel(question);
  await first.close();
  await writeFile(path.join(first.tree, 'fs/stat.c'), 'int tampered;\n');
  await utimes(path.join(first.tree, 'fs/meminfo.c'), 1, 1);
  const second = await openPreparedKernel(question);
  expect(await textIn(second, 'fs/stat.c')).toContain('stat_show');
  await second.close();
  await rm(path.join(first.folder, 'ready.json'));
  await writeFile(path.join(first.tree, 'prepared-count'), '');
  const third = await openPreparedKernel(question);
  expect(await timesPrepared(third)).toBe(1);
  await third.close();
});

test('an edited file is found also where it got its size and its old time back, and so is another configuration', async () => {
  const { question } = await miniKernel('archive');
  const first = await openPreparedKernel(question);
  await first.close();
  const file = path.join(first.tree, 'fs/stat.c');
  const { atime, mtime } = await stat(file);
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('3', '4'));
  await utimes(file, atime, mtime);
  const second = await openPreparedKernel(question);
  expect(await textIn(second, 'fs/stat.c')).toBe(text);
  await second.close();
  await writeFile(path.join(first.tree, '.config'), 'CONFIG_LIVEPATCH=n\n');
  const third = await openPreparedKernel(question);
  expect(await textIn(third, '.config')).toBe('CONFIG_LIVEPATCH=y\n');
  await third.close();
});

test('what kbuild makes again is no reason to prepare the kernel anew', async () => {
  const { question } = await miniKernel('folder', { 'prepared-count': 'of the user\n', configured: 'too\n' });
  const first = await openPreparedKernel(question);
  await writeTree(first.tree, { configured: 'CONFIG_LIVEPATCH=y\n', 'include/generated/prepared.h': '/* again */\n' });
  await first.close();
  const second = await openPreparedKernel(question);
  expect(await timesPrepared(second)).toBe(2);
  expect(second.id).toBe(first.id);
  await second.close();
});

test('half of a header that a killed run was making is made again', async () => {
  const { question } = await miniKernel();
  const first = await openPreparedKernel(question);
  await first.plan({ touched: ['include/linux/show.h'], objects: [] });
  // Times of files come in steps of some milliseconds.
  await pause(20);
  await writeTree(first.tree, { 'include/generated/prepared.h': '#define PREP', 'fs/half.tmp': '' });
  await freeLock(first, question);
  const second = await openPreparedKernel(question);
  expect(await textIn(second, 'include/generated/prepared.h')).toBe('#define PREPARED 1\n');
  await expect(textIn(second, 'fs/half.tmp')).rejects.toThrow('ENOENT');
  expect(await timesPrepared(second)).toBe(2);
  await second.close();
  const third = await openPreparedKernel(question);
  expect(await timesPrepared(third)).toBe(2);
  await third.close();
});

test('what a killed run left running in the tree is ended before the next one works there, or takes it away', async () => {
  const { question } = await miniKernel();
  const prepared = await openPreparedKernel(question);
  const left = (word: string) => {
    const child = spawn('sh', ['-c', 'sleep 100; true', 'make', word], { detached: true, stdio: 'ignore' });
    return once(child, 'exit').then(([, signal]) => signal as string);
  };
  const words = [`CC=${prepared.folder}/kbuild/cc`, `--directory=${prepared.tree}`];
  const forsaken = words.map(left);
  const other = spawn('sleep', ['100'], { cwd: prepared.tree, stdio: 'ignore' });
  await prepared.close();
  await (await openPreparedKernel(question)).close();
  expect(await Promise.all(forsaken)).toEqual(['SIGTERM', 'SIGTERM']);
  expect(other.exitCode ?? other.signalCode).toBe(null);
  other.kill();
  const again = left(words[0] ?? '');
  await removePreparedKernel(prepared.folder);
  expect(await again).toBe('SIGTERM');
});

test('the second run waits for the first one', async () => {
  const { question } = await miniKernel();
  const first = await openPreparedKernel(question);
  const told: string[] = [];
  let isOpen = false;
  const second = openPreparedKernel({ ...question, onLine: (line) => told.push(line) }).then((prepared) => {
    isOpen = true;
    return prepared;
  });
  await expect.poll(() => told).toContain('waiting for another run that uses the same kernel');
  expect(isOpen).toBe(false);
  await first.close();
  await (await second).close();
});

test('prepared kernels are listed and taken away, but for those that a run works in', async () => {
  const { question } = await miniKernel();
  expect(await findPreparedKernels(question.cache)).toEqual([]);
  const prepared = await openPreparedKernel(question);
  expect(await findPreparedKernels(question.cache)).toEqual([{ path: prepared.folder, isInUse: true }]);
  await prepared.close();
  expect(await findPreparedKernels(question.cache)).toEqual([{ path: prepared.folder, isInUse: false }]);
  await removePreparedKernel(prepared.folder);
  expect(await findPreparedKernels(question.cache)).toEqual([]);
});

test('a source that does not prepare is told with what make said', async () => {
  const { question } = await miniKernel('folder', { broken: '' });
  await expect(openPreparedKernel(question)).rejects.toMatchObject({
    diagnostics: [{ code: 'kernel-prepare-failed', details: expect.arrayContaining(['no flex here']) }],
  });
});

test('kbuild says which objects there are and what links them; a header leads to those that include it', async () => {
  const { question } = await miniKernel();
  const prepared = await openPreparedKernel(question);
  const affected = async (touched: readonly string[], more = {}) =>
    affectedKernelSources(question, prepared, { touched, added: [], maxObjects: 200, ...more });
  const some = (...sources: [string, string[], string[]][]) => ({
    kind: 'some',
    sources: sources.map(([source, because, modules]) => ({ source, because, modules })),
  });
  expect(await affected(['fs/stat.c'])).toEqual(some(['fs/stat.c', ['fs/stat.c'], ['vmlinux']]));
  expect(await affected(['drivers/two.c'])).toEqual(some(['drivers/two.c', ['drivers/two.c'], ['mini']]));
  const header = 'include/linux/show.h';
  expect(await affected([header, 'fs/stat.c'])).toEqual(
    some(['fs/meminfo.c', [header], ['vmlinux']], ['fs/stat.c', [header, 'fs/stat.c'], ['vmlinux']]),
  );
  await expect(affected([header], { maxObjects: 1 })).rejects.toMatchObject({
    diagnostics: [{ code: 'too-many-objects', details: [header] }],
  });
  for (const source of ['fs/left-out.c', 'net/included.c']) {
    await expect(affected([source])).rejects.toMatchObject({ diagnostics: [{ code: 'source-not-in-kernel' }] });
  }
  expect(await affected(['fs/left-out.c', 'fs/stat.c'])).toEqual({
    ...some(['fs/stat.c', ['fs/stat.c'], ['vmlinux']]),
    leftOut: ['fs/left-out.c'],
  });
  const added = 'fs/new.c';
  expect(await affected([added], { added: [added] })).toEqual(some([added, [added], []]));
  await prepared.close();
});

test('a makefile leads to the objects that it may give other flags, or that it lists anew', async () => {
  const { question } = await miniKernel();
  const prepared = await openPreparedKernel(question);
  const original = miniKernelFiles['fs/Makefile'] ?? '';
  const affected = async (more: string) => {
    const makefiles = new Map([['fs/Makefile', { original, patched: `${original}${more}` }]]);
    const found = await affectedKernelSources(question, prepared, {
      ...{ touched: ['fs/Makefile'], added: [], makefiles, maxObjects: 2 },
    });
    return found.kind === 'some' ? found.sources : [];
  };
  const because = ['fs/Makefile'];
  expect(await affected('ccflags-y := -DMORE\n')).toEqual([
    { source: 'fs/meminfo.c', because, modules: ['vmlinux'] },
    { source: 'fs/stat.c', because, modules: ['vmlinux'] },
  ]);
  expect(await affected('obj-y += left-out.o\n')).toEqual([
    { source: 'fs/left-out.c', because, modules: [], isUnlisted: true },
  ]);
  expect(await affected('obj-y += kptool/\n')).toEqual([]);
  await prepared.close();
});

test('of one makefile nothing is left for the next one, and one that make cannot read costs the others nothing', async () => {
  const leaving = 'obj-m += shared.o\nshared-y := part.o\nobj := elsewhere\nshared := m\n';
  const { question } = await miniKernel('folder', {
    Makefile: `export KBUILD_CPPFLAGS := of-all\n${miniKernelFiles.Makefile}`,
    Kbuild: 'obj-y += fs/ aa/ ab/ bad/ zz/\n',
    'aa/Makefile': `${leaving}KBUILD_CPPFLAGS := of-aa\n`,
    // In one make with the one above.
    'ab/Makefile':
      'obj-m += shared.o\nobj-$(shared) += left.o\nobj-$(if $(filter of-aa,$(KBUILD_CPPFLAGS)),m) += flags.o\n',
    'bad/Makefile': 'obj-y += bad.o\nno line of a makefile\n',
    'zz/Makefile': 'obj-m += behind.o\n',
  });
  const prepared = await openPreparedKernel(question);
  const sources = ['aa/part.c', 'ab/left.c', 'ab/flags.c', 'ab/shared.c', 'bad/bad.c', 'fs/stat.c', 'zz/behind.c'];
  const expected = [['shared'], [], [], ['shared'], [], ['vmlinux'], ['behind']];
  for (const options of [{}, {}, { isPatched: true }]) {
    const owners = await askOwners(question, prepared, sources, options);
    expect(sources.map(owners.of)).toEqual(expected);
  }
  await prepared.close();
});

test('a makefile that changed is asked again', async () => {
  const { question, source } = await miniKernel();
  const first = await openPreparedKernel(question);
  expect((await askOwners(question, first, ['fs/stat.c'])).of('fs/stat.c')).toEqual(['vmlinux']);
  await first.close();
  await writeTree(source, { 'fs/Makefile': 'obj-m += stat.o\n' });
  const second = await openPreparedKernel(question);
  expect((await askOwners(question, second, ['fs/stat.c'])).of('fs/stat.c')).toEqual(['stat']);
  await second.close();
});

test('a source that changed is read again for what it includes', async () => {
  const { question, source } = await miniKernel();
  const sourcesNow = async () => {
    const prepared = await openPreparedKernel(question);
    const includes = await scanIncludes(prepared, 'x86');
    await prepared.close();
    return [...includes.sourcesOf(['include/linux/show.h'])].sort();
  };
  expect(await sourcesNow()).toEqual(['fs/meminfo.c', 'fs/stat.c']);
  expect(await sourcesNow()).toEqual(['fs/meminfo.c', 'fs/stat.c']);
  await writeTree(source, { 'fs/stat.c': 'int none;\n', 'drivers/two.c': '#include <linux/list.h>\n' });
  expect(await sourcesNow()).toEqual(['drivers/two.c', 'fs/meminfo.c']);
});

test('objects are compiled with a section for each function, for vmlinux and for a module', async () => {
  const { question, folder } = await miniKernel();
  const prepared = await openPreparedKernel(question);
  const sources = ['fs/stat.c', 'drivers/one.c'];
  const asked = { ...question, prepared, side: 'original', sources, log: path.join(folder, 'log') } as const;
  const objects = await compileKernelObjects(asked);
  expect(objects.map(({ object, modules }) => [object, modules])).toEqual([
    ['drivers/one.o', ['mini']],
    ['fs/stat.o', ['vmlinux']],
  ]);
  expect(objects[0]?.arguments).toContain('-ffunction-sections');

  const before = await preprocessedDigests(asked);
  await writeTree(prepared.tree, { 'fs/stat.c': '\n\n#include <linux/show.h>\nint stat_show(void) { return 3; }\n' });
  expect(await preprocessedDigests(asked)).toEqual(before);
  await writeTree(prepared.tree, { 'fs/stat.c': '#include <linux/show.h>\nint stat_show(void) { return 4; }\n' });
  const after = await preprocessedDigests(asked);
  expect(after.get('fs/stat.c')).not.toBe(before.get('fs/stat.c'));
  expect(after.get('drivers/one.c')).toBe(before.get('drivers/one.c'));
  // What the text does not show: a flag alone.
  await writeTree(prepared.tree, { 'drivers/Makefile': 'ccflags-y := -fno-inline\nobj-m += mini.o\n' });
  expect((await preprocessedDigests(asked)).get('drivers/one.c')).not.toBe(before.get('drivers/one.c'));
  await prepared.close();
});
