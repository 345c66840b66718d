import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readInput, requireOutputFolder, writeOutputAtomically } from '../../../src/system/files.js';
import { hashFile, hashTree } from '../../../src/system/hash.js';
import { findingsOf } from './findings.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kptool-files-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('a folder for the result', () => {
  test('that is there passes', async () => {
    await expect(requireOutputFolder(folder)).resolves.toBeUndefined();
  });

  test.each([
    ['none', 'does not exist'],
    ['file', 'not a folder'],
  ])('%s: %s', async (name, reason) => {
    await writeFile(join(folder, 'file'), '');
    const [finding] = await findingsOf(requireOutputFolder(join(folder, name)));
    expect(finding).toMatchObject({ code: 'output-unwritable', exitStatus: 2 });
    expect(finding?.what).toContain(reason);
  });
});

describe('readInput', () => {
  test('gives the bytes', async () => {
    await writeFile(join(folder, 'fix.patch'), Buffer.from([0, 255, 10]));
    expect([...(await readInput(join(folder, 'fix.patch')))]).toEqual([0, 255, 10]);
  });

  test('reads a pipe', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const [content] = await Promise.all([readInput(pipe), writeFile(pipe, 'from a pipe')]);
    expect(content.toString()).toBe('from a pipe');
  });

  test('takes /dev/null for an empty file, as callers of create-diff-object mean it', async () => {
    expect(await readInput('/dev/null')).toHaveLength(0);
  });

  test.each([
    ['/dev/zero', 'input-unreadable'],
    ['/', 'input-is-directory'],
    ['/dev/null/fix.patch', 'input-missing'],
    [`/${'a'.repeat(5000)}`, 'input-unreadable'],
  ])('refuses %.20s: %s', async (path, code) => {
    expect(await findingsOf(readInput(path))).toMatchObject([{ code, exitStatus: 2 }]);
  });
});

describe('writeOutputAtomically', () => {
  test('replaces the file by a new one and leaves nothing beside it', async () => {
    const path = join(folder, 'livepatch.ko');
    await writeFile(path, 'old');
    const old = await stat(path);
    await writeOutputAtomically(path, Buffer.from('new content'));
    expect(await readFile(path, 'utf8')).toBe('new content');
    expect((await stat(path)).ino).not.toBe(old.ino);
    expect(await readdir(folder)).toEqual(['livepatch.ko']);
  });

  test('leaves what was there when it cannot write', async () => {
    const path = join(folder, 'livepatch.ko');
    await mkdir(join(path, 'full'), { recursive: true });
    expect(await findingsOf(writeOutputAtomically(path, 'bytes'))).toMatchObject([{ code: 'output-unwritable' }]);
    expect(await readdir(folder)).toEqual(['livepatch.ko']);
    expect(await readdir(path)).toEqual(['full']);
  });

  test('takes a name of the greatest length', async () => {
    const path = join(folder, 'n'.repeat(255));
    await writeOutputAtomically(path, 'bytes');
    expect(await readFile(path, 'utf8')).toBe('bytes');
  });
});

test('hashFile is SHA-256', async () => {
  await writeFile(join(folder, 'abc'), 'abc');
  const expected = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  expect(await hashFile(join(folder, 'abc'))).toBe(expected);
});

describe('hashTree', () => {
  const time = new Date('2024-02-03T04:05:06Z');
  let tree: string;
  beforeEach(async () => {
    tree = join(folder, 'tree');
    await mkdir(join(tree, 'core'), { recursive: true });
    await writeFile(join(tree, 'core', 'mad.c'), 'int mad;\n');
    await symlink('core/mad.c', join(tree, 'mad.c'));
    for (const path of ['core/mad.c', 'core', '.']) await utimes(join(tree, path), time, time);
  });

  test('stays when nothing happens', async () => {
    const before = await hashTree(tree);
    await readFile(join(tree, 'core', 'mad.c'));
    expect(await hashTree(tree)).toBe(before);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['a content', () => writeFile(join(tree, 'core', 'mad.c'), 'int bad;\n').then(() => restoreTimes())],
    ['a mode', () => chmod(join(tree, 'core', 'mad.c'), 0o755)],
    ['a time', () => utimes(join(tree, 'core', 'mad.c'), time, new Date())],
    ['a new file', () => writeFile(join(tree, 'new'), '').then(() => restoreTimes())],
    ['a file that came and went', () => writeFile(join(tree, 'new'), '').then(() => rm(join(tree, 'new')))],
    [
      'a link',
      () =>
        rm(join(tree, 'mad.c'))
          .then(() => symlink('core', join(tree, 'mad.c')))
          .then(() => restoreTimes()),
    ],
  ])('shows %s', async (_what, change) => {
    const before = await hashTree(tree);
    await change();
    expect(await hashTree(tree)).not.toBe(before);
  });

  test('can ignore times', async () => {
    const before = await hashTree(tree, { ignoreTimes: true });
    await utimes(join(tree, 'core', 'mad.c'), new Date(), new Date());
    expect(await hashTree(tree, { ignoreTimes: true })).toBe(before);
    await writeFile(join(tree, 'core', 'mad.c'), 'int bad;\n');
    expect(await hashTree(tree, { ignoreTimes: true })).not.toBe(before);
  });

  async function restoreTimes() {
    for (const path of ['core/mad.c', 'core', '.']) await utimes(join(tree, path), time, time);
  }
});
