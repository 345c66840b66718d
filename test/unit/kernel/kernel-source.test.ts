import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { checkSourceVersion, findKernelSource, versionOfTree } from '../../../src/kernel/kernel-source.js';
import { temporaryFolder } from './target.js';

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
  return folder;
}

const makefile = 'VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 192\n';
const source = { Kbuild: '', Kconfig: '', 'scripts/Makefile.build': '', 'init/main.c': '', Makefile: makefile };

test.each([
  ['6.1.0-56-amd64', 'linux-source-6.1.tar.xz'],
  ['6.12.8-1-amd64', 'linux-source-6.12.tar.xz'],
  ['5.15.0-91-generic', 'linux-source-5.15.0/linux-source-5.15.0.tar.bz2'],
])('the package for %s is %s', async (release, expected) => {
  const packages = await folderWith({
    'linux-source-6.1.tar.xz': '',
    'linux-source-6.12.tar.xz': '',
    'linux-source-5.15.0/linux-source-5.15.0.tar.bz2': '',
    'linux-source-6.tar.xz.asc': '',
    'linux-headers-6.1.0-56-amd64/Makefile': '',
  });
  expect(await findKernelSource({ cache: '/no-such-folder', release, packages })).toMatchObject({
    kind: 'archive',
    path: path.join(packages, expected),
  });
});

test('the source of another series is none', async () => {
  const packages = await folderWith({ 'linux-source-6.1.tar.xz': '' });
  await expect(
    findKernelSource({ cache: '/no-such-folder', release: '6.12.8-1-amd64', packages }),
  ).rejects.toMatchObject({
    diagnostics: [{ code: 'kernel-source-missing', fix: expect.stringContaining('linux-source-6.12') }],
  });
});

test('a folder is the source itself, or one that make O= built in', async () => {
  const tree = await folderWith(source);
  const release = '6.1.0-56-amd64';
  expect((await findKernelSource({ cache: '/no-such-folder', release, folder: tree })).path).toBe(tree);
  const linked = await temporaryFolder();
  await symlink(tree, path.join(linked, 'source'));
  expect((await findKernelSource({ cache: '/no-such-folder', release, folder: linked })).path).toBe(tree);
  const including = await folderWith({ Makefile: `# Automatically generated\ninclude ${tree}/Makefile\n` });
  expect((await findKernelSource({ cache: '/no-such-folder', release, folder: including })).path).toBe(tree);
});

test('the version stands in the top Makefile, also of headers that include it', async () => {
  const tree = await folderWith(source);
  expect(await versionOfTree(tree)).toBe('6.1.192');
  const headers = await folderWith({ Makefile: `include ${tree}/Makefile\n` });
  expect(await versionOfTree(headers)).toBe('6.1.192');
  expect(await versionOfTree(await temporaryFolder())).toBeUndefined();
  const release = '6.1.0-56-amd64';
  expect(await checkSourceVersion({ tree, source: tree, buildDirectory: headers, release })).toBeUndefined();
  const older = await folderWith({ Makefile: makefile.replace('192', '176') });
  expect(await checkSourceVersion({ tree: older, source: older, buildDirectory: headers, release })).toMatchObject({
    code: 'kernel-source-differs',
    what: expect.stringMatching(/6\.1\.176.*6\.1\.192/),
  });
});
