import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createWorkFolder, isPathForKbuild, isWorkFolderInUse } from '../../../src/system/work-folder.js';
import { findingsOf } from './findings.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kptool-work-'));
});
afterEach(() => rm(root, { recursive: true }));

describe('a work folder', () => {
  test('is private, and new each time', async () => {
    const cache = join(root, 'cache', 'work');
    const folders = await Promise.all(Array.from({ length: 8 }, () => createWorkFolder(cache, 'livepatch-fix')));
    expect(new Set(folders.map(({ path }) => path)).size).toBe(8);
    for (const { path } of folders) {
      expect(path.startsWith(`${cache}/livepatch-fix-`)).toBe(true);
      expect((await stat(path)).mode & 0o777).toBe(0o700);
    }
    expect((await stat(cache)).mode & 0o777).toBe(0o700);
  });

  test('has numbered steps', async () => {
    const folder = await createWorkFolder(root, 'fix');
    const step = await folder.step(1, 'original');
    expect(step).toBe(join(folder.path, '1-original'));
    await writeFile(join(step, 'mad.c'), '');
    expect(await folder.step(1, 'original')).toBe(step);
    expect(await readdir(step)).toEqual(['mad.c']);
  });

  test('is gone after remove, also with folders that may not be written', async () => {
    const folder = await createWorkFolder(root, 'fix');
    const step = await folder.step(2, 'patched');
    await writeFile(join(step, 'mad.o'), '');
    await chmod(step, 0o500);
    await folder.remove();
    expect(await readdir(root)).toEqual([]);
  });

  test('stays after keep', async () => {
    const folder = await createWorkFolder(root, 'fix');
    await folder.step(1, 'original');
    await folder.keep();
    await folder.remove();
    expect(await readdir(folder.path)).toEqual(['1-original']);
  });

  test('that somebody else has removed can be removed', async () => {
    const folder = await createWorkFolder(root, 'fix');
    await rm(folder.path, { recursive: true });
    await folder.remove();
    expect(await readdir(root)).toEqual([]);
  });
});

describe('the path', () => {
  test.each(['/home/zoe/.cache/kptool/work', '/home/user@example.org/kptool+1_2-3'])('%s is for kbuild', (path) =>
    expect(isPathForKbuild(path)).toBe(true),
  );

  test.each([...' :#$%\'"\\,;&|<>()[]{}*?!~^=`\n\té'])('with %j is not', (character) => {
    expect(isPathForKbuild(`/home/a${character}b`)).toBe(false);
  });

  test('lies elsewhere when the root has a name that is not for kbuild', async () => {
    const folder = await createWorkFolder(join(root, 'Zoë Smith'), 'fix');
    try {
      expect(isPathForKbuild(folder.path)).toBe(true);
      expect(folder.path.startsWith(root)).toBe(false);
      expect((await stat(folder.path)).mode & 0o777).toBe(0o700);
    } finally {
      await folder.remove();
    }
  });

  test('is judged where links lead', async () => {
    await mkdir(join(root, 'with space'));
    await symlink('with space', join(root, 'plain'));
    const folder = await createWorkFolder(join(root, 'plain'), 'fix');
    await folder.remove();
    expect(folder.path).not.toContain(' ');
    expect(folder.path.startsWith(root)).toBe(false);
  });

  test.each([
    ['a fix: für mad', 'a-fix--f-r-mad-'],
    ['../../etc', 'etc-'],
    ['', 'build-'],
  ])('of the build %j starts with %j', async (name, prefix) => {
    const folder = await createWorkFolder(root, name);
    expect(basename(folder.path).startsWith(prefix)).toBe(true);
    expect(await readdir(root)).toEqual([basename(folder.path)]);
  });

  test('is told where none can be made', async () => {
    await writeFile(join(root, 'file'), '');
    const [finding] = await findingsOf(createWorkFolder(join(root, 'file', 'work'), 'fix'));
    expect(finding).toMatchObject({ code: 'work-folder-unwritable', exitStatus: 2 });
    expect(finding?.what).toContain(join(root, 'file', 'work'));
  });

  test('is told where an existing folder answers that it does not exist', { timeout: 10_000 }, async () => {
    expect(await findingsOf(createWorkFolder('/proc/kptool/work', 'fix'))).toMatchObject([
      { code: 'work-folder-unwritable', exitStatus: 2 },
    ]);
  });

  test('may need several new folders', async () => {
    const folder = await createWorkFolder(join(root, 'a', 'b', 'work'), 'fix');
    expect(folder.path.startsWith(join(root, 'a', 'b', 'work'))).toBe(true);
    await folder.remove();
  });
});

describe('in use', () => {
  const lockOf = async (path: string) => JSON.parse(await readFile(join(path, '.in-use'), 'utf8'));
  const changeLock = async (path: string, change: object) =>
    writeFile(join(path, '.in-use'), JSON.stringify({ ...(await lockOf(path)), ...change }));

  test('is a folder of this run, until it is kept', async () => {
    const folder = await createWorkFolder(root, 'fix');
    expect(await isWorkFolderInUse(folder.path)).toBe(true);
    await folder.step(1, 'original');
    await folder.keep();
    expect(await isWorkFolderInUse(folder.path)).toBe(false);
  });

  test('is not a folder of a process that has ended', async () => {
    const { path } = await createWorkFolder(root, 'fix');
    const child = spawn('true');
    await once(child, 'exit');
    await changeLock(path, { process: child.pid });
    expect(await isWorkFolderInUse(path)).toBe(false);
  });

  test('is not a folder whose process number now belongs to another process', async () => {
    const { path } = await createWorkFolder(root, 'fix');
    await changeLock(path, { start: '1' });
    expect(await isWorkFolderInUse(path)).toBe(false);
  });

  test('is not a folder of an earlier boot', async () => {
    const { path } = await createWorkFolder(root, 'fix');
    await changeLock(path, { boot: '00000000-0000-4000-8000-000000000000' });
    expect(await isWorkFolderInUse(path)).toBe(false);
  });

  test('is not a folder with half a lock file', async () => {
    const { path } = await createWorkFolder(root, 'fix');
    await writeFile(join(path, '.in-use'), '{"process":1');
    expect(await isWorkFolderInUse(path)).toBe(false);
  });

  test('is a folder that is just being made', async () => {
    await mkdir(join(root, 'new'));
    expect(await isWorkFolderInUse(join(root, 'new'))).toBe(true);
    expect(await isWorkFolderInUse(join(root, 'none'))).toBe(false);
  });
});
