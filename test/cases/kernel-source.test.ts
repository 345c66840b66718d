/** The user's source of a kernel, named with --sourcedir: whatever state it is in, builds take it as it is and leave it so. */
import { chmod, cp, lstat, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa, type Options } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeTree } from '../builders/mini-kernel.js';
import { type MiniMachine, setUpMiniMachine } from '../builders/mini-machine.js';
import { otherUser, stateOf } from '../untouched.js';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const git = (folder: string, ...words: string[]) =>
  execa('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@b', ...words]);
const hasGit = !(await execa('git', ['--version'], { reject: false })).failed;

let machine: MiniMachine;
/** A patch whose original and patched sources compile, and which changes what a livepatch cannot. */
let patch = '';
beforeEach(async () => {
  machine = await setUpMiniMachine('it\'s a "tree" ü $x');
  patch = await machine.patch('data', { from: 'int stat_value = 7;', to: 'int stat_value = 8;' });
});
afterEach(() => machine.remove());

interface Run {
  readonly status: number | undefined;
  readonly codes: readonly string[];
  readonly bundle: string | null;
  readonly stderr: string;
}

/** Builds. */
async function kptool(words: readonly string[], options: Options = {}): Promise<Run> {
  const all = [program, 'build', '--json', ...machine.words(...words)];
  const run = await execa(process.execPath, all, { cwd: machine.folder, reject: false, stdin: 'ignore', ...options });
  const { diagnostics, bundle } = JSON.parse(String(run.stdout));
  const errors = diagnostics.filter(({ severity }: { severity: string }) => severity === 'error');
  return {
    status: run.exitCode,
    codes: errors.map(({ code }: { code: string }) => code),
    bundle,
    stderr: String(run.stderr),
  };
}

/** Both sides were compiled, and compared. */
const compared = { status: 1, codes: ['data-changed'] };

async function preparedTree(): Promise<string> {
  const [kernel = ''] = (await readdir(path.join(machine.cache, 'kernels'))).filter((name) => !name.endsWith('.lock'));
  return path.join(machine.cache, 'kernels', kernel, 'tree');
}
const timesPrepared = async () =>
  (await readFile(path.join(await preparedTree(), 'prepared-count'), 'utf8')).split('\n').length - 1;

describe.skipIf(!hasGit)(`a git checkout with changes${hasGit ? '' : ' (skipped: needs git)'}`, () => {
  beforeEach(async () => {
    const { source } = machine;
    await git(source, 'init', '--quiet');
    await git(source, 'add', '.');
    await git(source, 'commit', '--quiet', '--message', 'as it was');
    // What is compiled needs all three.
    await writeTree(source, { 'include/linux/staged.h': '#include "untracked.h"\n' });
    await git(source, 'add', 'include/linux/staged.h');
    await writeTree(source, {
      'include/linux/untracked.h': '#define UNTRACKED 1\n',
      'fs/stat.c':
        'int stat_value = 7;\n#include <linux/staged.h>\nint stat_show(void) { return stat_value + UNTRACKED; }\n',
    });
    patch = await machine.patch('data', {
      from: 'int stat_value = 7;',
      to: 'int stat_value = 8;',
      after: '#include <linux/staged.h>',
    });
  });

  test('is built as it lies there, and stays so, also as the working directory', async () => {
    const { source, folder } = machine;
    const before = await stateOf(source);
    const elsewhere = ['--output', folder, '--bundle', folder];
    expect(await kptool(['--sourcedir', '.', ...elsewhere, patch], { cwd: source })).toMatchObject(compared);
    expect(await stateOf(source)).toEqual(before);
    await expect(readdir(path.join(await preparedTree(), '.git'))).rejects.toThrow('ENOENT');

    // What the user and kptool put there is no source, which the kernel would have to be prepared for again.
    const own = path.join(source, 'own.patch');
    await cp(patch, own);
    const { bundle } = await kptool(['--sourcedir', '.', 'own.patch'], { cwd: source });
    await writeFile(own, `A word about it.\n${await readFile(own, 'utf8')}`);
    expect(await kptool(['--sourcedir', '.', 'own.patch'], { cwd: source })).toMatchObject(compared);
    expect(await timesPrepared()).toBe(1);
    await Promise.all([rm(own), rm(bundle ?? '')]);
    const left = (await readdir(source)).filter((name) => name.startsWith('kptool-failure-'));
    await Promise.all(left.map((name) => rm(path.join(source, name))));
    const isOfTop = (line: string) => line.startsWith('. ');
    expect((await stateOf(source)).filter((line) => !isOfTop(line))).toEqual(before.filter((line) => !isOfTop(line)));
  });
});

test('a tree in which its user has built, with another configuration, and a folder of make O= beside it', async () => {
  const { source, folder } = machine;
  // kbuild would take the user's product for its own: its command is the same, and no source is newer.
  expect(await kptool(['--sourcedir', source, patch])).toMatchObject(compared);
  await writeTree(source, { 'kernel/limits.s': 'of CONFIG_OTHER\n', 'kernel/.limits.s.cmd': 'cmd := the same\n' });
  await writeTree(source, { 'fs/meminfo.c': 'int edited;\n' });
  const poison = '#error a header of another build\n';
  await writeTree(source, {
    ...{ '.config': 'CONFIG_OTHER=y\n', vmlinux: 'large', 'fs/stat.o': 'old', 'fs/.stat.o.cmd': 'cmd := old\n' },
    ...{ 'include/generated/prepared.h': poison, 'include/config/auto.conf': 'CONFIG_OTHER=y\n' },
    ...{ 'arch/x86/include/generated/asm/show.h': poison, 'Module.symvers': 'old' },
  });
  const build = path.join(folder, 'build of it');
  await writeTree(build, { Makefile: '# Automatically generated\n', '.config': 'CONFIG_OTHER=y\n' });
  await symlink(source, path.join(build, 'source'));
  const before = [await stateOf(source), await stateOf(build)];
  expect(await kptool(['--sourcedir', build, patch])).toMatchObject(compared);
  expect([await stateOf(source), await stateOf(build)]).toEqual(before);
  expect(await readFile(path.join(await preparedTree(), 'include/generated/prepared.h'), 'utf8')).toContain('PREPARED');
  expect(await readFile(path.join(await preparedTree(), 'fs/meminfo.c'), 'utf8')).toBe('int edited;\n');
  expect(await readFile(path.join(await preparedTree(), 'kernel/limits.s'), 'utf8')).toContain('CONFIG_LIVEPATCH=y');
  expect(await timesPrepared()).toBe(2);
});

test('a tree that cannot be written to, behind a link, with a link that leads out of it', async () => {
  const { source, folder, cache } = machine;
  const as = otherUser(program);
  const [outside, link] = [path.join(folder, 'elsewhere'), path.join(folder, 'link to it')];
  await writeTree(outside, { 'shared.h': '#define SHARED 1\n' });
  await symlink(path.join(outside, 'shared.h'), path.join(source, 'include/linux/shared.h'));
  await symlink(source, link);
  await execa('chmod', ['-R', 'a-w,a+rX', source, outside]);
  for (const place of [folder, tmpdir()]) await chmod(place, 0o755);
  if (as.uid !== undefined) await execa('chown', ['-R', `${as.uid}:${as.gid}`, cache]);
  const before = [await stateOf(source), await stateOf(outside)];
  const words = ['--sourcedir', link, '--output', cache, '--bundle', cache, patch];
  const run = await kptool(words, { ...as, env: { HOME: cache, TMPDIR: cache }, cwd: link });
  expect(run, run.stderr).toMatchObject(compared);
  expect([await stateOf(source), await stateOf(outside)]).toEqual(before);
  // What is copied can be written to, and nothing is written through the link.
  const copied = path.join(await preparedTree(), 'include/linux/shared.h');
  expect((await lstat(copied)).isFile()).toBe(true);
  await execa('chmod', ['-R', 'u+w', source]);
});
