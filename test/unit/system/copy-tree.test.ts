import { execFileSync } from 'node:child_process';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { copyTree, isWithin } from '../../../src/system/copy-tree.js';
import { hashTree } from '../../../src/system/hash.js';
import { findingsOf } from './findings.js';

let folder: string;
let tree: string;
let copy: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kptool-copy-'));
  tree = join(folder, 'tree');
  copy = join(folder, 'work', 'copy');
  await mkdir(tree);
});
afterEach(() => rm(folder, { recursive: true }));

/** Writes files below the test's folder; a text that starts with "-> " is a symbolic link. */
async function lay(files: Record<string, string>) {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    if (text.startsWith('-> ')) await symlink(text.slice(3), join(folder, path));
    else await writeFile(join(folder, path), text);
  }
}

describe('files', () => {
  test('come with content, time and mode, but writable', async () => {
    await lay({
      'tree/Makefile': 'obj-m := mad.o\n',
      'tree/core/mad.c': 'int mad;\n',
      'tree/core/generate': '#!/bin/sh\n',
    });
    const time = new Date('2021-05-06T07:08:09.123Z');
    await chmod(join(tree, 'core/generate'), 0o555);
    await chmod(join(tree, 'core/mad.c'), 0o444);
    for (const path of ['core/mad.c', 'core/generate', 'core', '.']) await utimes(join(tree, path), time, time);

    expect(await copyTree(tree, copy)).toEqual(['Makefile', 'core/generate', 'core/mad.c']);
    expect(await readFile(join(copy, 'core/mad.c'), 'utf8')).toBe('int mad;\n');
    expect((await stat(join(copy, 'core/mad.c'))).mode & 0o777).toBe(0o644);
    expect((await stat(join(copy, 'core/generate'))).mode & 0o777).toBe(0o755);
    for (const path of ['core/mad.c', 'core/generate', 'core', '.']) {
      expect((await stat(join(copy, path))).mtimeMs).toBeCloseTo(time.getTime(), 1);
    }
  });

  test('of a folder with many', async () => {
    const names = Array.from({ length: 300 }, (_, index) => `tree/file-${String(index).padStart(3, '0')}.c`);
    await lay(Object.fromEntries(names.map((name) => [name, name])));
    expect(await copyTree(tree, copy)).toEqual(names.map((name) => name.slice(5)));
    expect(await readFile(join(copy, 'file-299.c'), 'utf8')).toBe('tree/file-299.c');
  });

  test('stay behind where version control and kbuild made them', async () => {
    const products = {
      'tree/.git/config': '',
      'tree/vendor/.git': 'gitdir: elsewhere',
      'tree/.svn/entries': '',
      'tree/mad.o': 'kbuild',
      'tree/.mad.o.cmd': '',
      'tree/ib_mad.ko': '',
      'tree/ib_mad.mod': '',
      'tree/ib_mad.mod.c': '',
      'tree/ib_mad.mod.o': '',
      'tree/.tmp_versions/ib_mad.mod': '',
      'tree/modules.order': '',
      'tree/sub/Module.symvers': '',
    };
    const sources = {
      'tree/vendor.o': 'shipped',
      'tree/blob.o_shipped': '',
      'tree/.clang-format': '',
      'tree/mod.c': '',
    };
    await lay({ ...products, ...sources });
    expect(await copyTree(tree, copy)).toEqual(['.clang-format', 'blob.o_shipped', 'mod.c', 'vendor.o']);
    await expect(stat(join(copy, '.git'))).rejects.toThrow('ENOENT');
  });

  test('stay behind where the caller says so', async () => {
    await lay({ 'tree/docs/a': '', 'tree/src/docs': '', 'tree/src/a.c': '' });
    expect(await copyTree(tree, copy, { skip: (path) => path === 'docs' })).toEqual(['src/a.c', 'src/docs']);
  });

  test('that are pipes or devices stay behind', async () => {
    execFileSync('mkfifo', [join(tree, 'pipe')]);
    await lay({ 'tree/a.c': '', 'tree/null': '-> /dev/null', 'tree/facts': '-> /proc/self' });
    expect(await copyTree(tree, copy)).toEqual(['a.c']);
  });

  test('with names that are not UTF-8 stay behind', async () => {
    await writeFile(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xe9, 0x2e, 0x63])]), '');
    await lay({ 'tree/é.c': '' });
    expect(await copyTree(tree, copy)).toEqual(['é.c']);
  });
});

describe('links', () => {
  test('within the tree stay, absolute ones become relative', async () => {
    await lay({
      'tree/include/mad.h': 'inside',
      'tree/core/mad.h': '-> ../include/mad.h',
      'tree/core/chain.h': '-> mad.h',
      'tree/core/absolute.h': `-> ${tree}/include/mad.h`,
      'tree/headers': '-> include/',
      'tree/core/top': '-> ..',
      'tree/self': '-> .',
    });
    const files = await copyTree(tree, copy);
    expect(files).toContain('core/absolute.h');
    expect(await readlink(join(copy, 'core/mad.h'))).toBe('../include/mad.h');
    expect(await readlink(join(copy, 'core/chain.h'))).toBe('mad.h');
    expect(await readlink(join(copy, 'core/absolute.h'))).toBe('../include/mad.h');
    expect(await readlink(join(copy, 'headers'))).toBe('include');
    expect(await readlink(join(copy, 'core/top'))).toBe('..');
    expect(await readlink(join(copy, 'self'))).toBe('.');
    await writeFile(join(copy, 'core/absolute.h'), 'changed');
    expect(await readFile(join(tree, 'include/mad.h'), 'utf8')).toBe('inside');
  });

  test('to outside become what they lead to', async () => {
    await lay({
      'shared/trace.h': 'outside',
      'shared/deep/more.h': 'deep',
      'tree/trace.h': '-> ../shared/trace.h',
      'tree/shared': `-> ${folder}/shared`,
      'tree/through': '-> shared/deep/more.h',
    });
    expect(await copyTree(tree, copy)).toEqual(['shared/deep/more.h', 'shared/trace.h', 'through', 'trace.h']);
    const before = await hashTree(join(folder, 'shared'));
    for (const path of ['trace.h', 'shared/trace.h', 'shared/deep/more.h', 'through']) {
      await writeFile(join(copy, path), 'written');
    }
    expect(await hashTree(join(folder, 'shared'))).toBe(before);
  });

  test('between what came from outside lead to the copy', async () => {
    await lay({
      'tree/mad.c': 'mad',
      'shared/mad.c': '-> ../tree/mad.c',
      'shared/self': '-> ../shared',
      'shared/a.h': 'a',
      'shared/b.h': '-> a.h',
      'tree/shared': '-> ../shared',
    });
    await copyTree(tree, copy);
    expect(await readlink(join(copy, 'shared/mad.c'))).toBe('../mad.c');
    expect(await readlink(join(copy, 'shared/self'))).toBe('.');
    expect(await readlink(join(copy, 'shared/b.h'))).toBe('a.h');
  });

  test('that dangle stay where they lead into the tree only', async () => {
    await lay({
      'tree/generated.h': '-> build/generated.h',
      'tree/absolute.h': `-> ${tree}/build/generated.h`,
      'tree/core/away.h': '-> ../../elsewhere.h',
      'tree/gone.h': '-> /nowhere/gone.h',
    });
    expect(await copyTree(tree, copy)).toEqual(['absolute.h', 'generated.h']);
    expect(await readlink(join(copy, 'absolute.h'))).toBe('build/generated.h');
  });

  test('that run in a circle stay links', async () => {
    await lay({ 'tree/a': '-> b', 'tree/b': '-> a', 'tree/c': '-> c', 'tree/d.c': '' });
    expect(await copyTree(tree, copy)).toEqual(['a', 'b', 'c', 'd.c']);
    expect((await lstat(join(copy, 'a'))).isSymbolicLink()).toBe(true);
  });

  test('whose text means another place than it seems to lead there all the same', async () => {
    // The kernel goes to shared/deep first, and from there up: shared/trace.h, not tree/trace.h.
    await lay({
      'shared/deep/x': '',
      'shared/trace.h': 'outside',
      'tree/trace.h': 'inside',
      'tree/deep': '-> ../shared/deep',
      'tree/odd.h': '-> deep/../trace.h',
    });
    // Here both places are in the tree: the link leads to sub/trace.h.
    await lay({
      'tree/sub/inner/x': '',
      'tree/sub/trace.h': 'sub',
      'tree/in': '-> sub/inner',
      'tree/in.h': '-> in/../trace.h',
    });
    await copyTree(tree, copy);
    expect(await readFile(join(copy, 'odd.h'), 'utf8')).toBe('outside');
    expect(await readFile(join(copy, 'in.h'), 'utf8')).toBe('sub');
    expect(await readlink(join(copy, 'in.h'))).toBe('sub/trace.h');
  });

  test('to the folder around the tree come to an end', async () => {
    await lay({ 'tree/a.c': 'a', 'tree/parent': '-> ..', 'beside.c': 'beside' });
    const files = await copyTree(tree, copy);
    expect(files).toContain('parent/beside.c');
    expect(await readFile(join(copy, 'parent/beside.c'), 'utf8')).toBe('beside');
    expect(files.length).toBeLessThan(8);
  });

  test('that bring too much are named', async () => {
    // A hole, which takes no space on the disk.
    await lay({ 'big/include/huge': '', 'tree/linux': '-> ../big' });
    await truncate(join(folder, 'big/include/huge'), 2 ** 40);
    const [finding] = await findingsOf(copyTree(tree, copy));
    expect(finding).toMatchObject({ code: 'input-link-too-large' });
    expect(finding?.what).toContain('The symbolic link linux leads out of the tree');
  });
});

describe('the tree itself', () => {
  test('is as before', async () => {
    await lay({ 'tree/a.c': 'a', 'tree/core/b.c': 'b', 'tree/link': '-> core', 'tree/x.o': '', 'tree/.x.o.cmd': '' });
    await chmod(join(tree, 'core'), 0o555);
    const before = await hashTree(tree);
    await copyTree(tree, copy);
    await writeFile(join(copy, 'core/b.c'), 'changed');
    await writeFile(join(copy, 'core/new.c'), 'new');
    expect(await hashTree(tree)).toBe(before);
    await chmod(join(tree, 'core'), 0o755);
  });

  test('may be a link, and may hold the copy', async () => {
    await lay({ 'tree/a.c': 'a', alias: '-> tree' });
    const inside = join(tree, 'cache', 'copy');
    expect(await copyTree(join(folder, 'alias'), inside)).toEqual(['a.c']);
    expect(await readdir(inside)).toEqual(['a.c', 'cache']);
  });

  test('that is missing, or a file, is told', async () => {
    expect(await findingsOf(copyTree(join(folder, 'none'), copy))).toMatchObject([{ code: 'input-missing' }]);
    await lay({ file: '' });
    expect(await findingsOf(copyTree(join(folder, 'file'), copy))).toMatchObject([{ code: 'input-unreadable' }]);
  });

  test('cannot be copied to a place that is none', async () => {
    const [finding] = await findingsOf(copyTree(tree, '/dev/null/copy'));
    expect(finding).toMatchObject({ code: 'work-folder-unwritable' });
  });
});

test.each([
  ['/a/b', '/a', true],
  ['/a', '/a', true],
  ['/a/..b', '/a', true],
  ['/ab', '/a', false],
  ['/', '/a', false],
])('%s within %s: %s', (path, folder, expected) => expect(isWithin(path, folder)).toBe(expected));
