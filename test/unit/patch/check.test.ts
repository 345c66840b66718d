import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { resolvePatch, resolvePatches } from '../../../src/patch/check.js';
import { parsePatch } from '../../../src/patch/parse.js';
import { layTree } from './tree.js';

const change = (oldPath: string, newPath = oldPath) => `--- ${oldPath}\n+++ ${newPath}\n@@ -1 +1 @@\n-a\n+b\n`;
const addition = (path: string) => `--- /dev/null\n+++ ${path}\n@@ -0,0 +1 @@\n+new\n`;
const deletion = (path: string) => `--- ${path}\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n`;
const patchOf = (...parts: string[]) => parsePatch(parts.join(''), 'fix.patch');

/** What a patch means in a tree: level, paths, codes. */
async function resolved(tree: string, ...parts: string[]) {
  const { strip, files, findings } = await resolvePatch(patchOf(...parts), tree);
  return { strip, paths: files.map(({ path }) => path), codes: findings.map(({ code }) => code), findings };
}

describe('the level', () => {
  const files = { 'mad.c': 'a\n', 'core/agent.c': 'a\n', 'core/mad.h': 'a\n' };

  test.each<[string, string[], number, string[]]>([
    [
      'git in the tree',
      [change('a/mad.c', 'b/mad.c'), change('a/core/agent.c', 'b/core/agent.c')],
      1,
      ['mad.c', 'core/agent.c'],
    ],
    ['no prefix', [change('mad.c'), change('core/agent.c')], 0, ['mad.c', 'core/agent.c']],
    [
      'the root of the kernel',
      [change('a/drivers/infiniband/mad.c'), change('a/drivers/infiniband/core/agent.c')],
      3,
      ['mad.c', 'core/agent.c'],
    ],
    ['a name with .orig', [change('mad.c.orig', 'mad.c')], 0, ['mad.c']],
    ['odd but harmless paths', [change('a/./core//agent.c')], 1, ['core/agent.c']],
    ['".." that stays in the tree', [change('a/core/../core/agent.c')], 1, ['core/agent.c']],
    ['only new files', [addition('b/fresh/new.c')], 1, ['fresh/new.c']],
    ['only new files without prefix', [addition('new.c')], 0, ['new.c']],
    [
      'new files beside changed ones',
      [addition('b/x/core/new.c'), change('a/x/core/agent.c')],
      2,
      ['core/new.c', 'core/agent.c'],
    ],
    ['deleted files', [deletion('a/core/mad.h')], 1, ['core/mad.h']],
  ])('of %s', async (_name, parts, strip, paths) => {
    expect(await resolved(await layTree(files), ...parts)).toMatchObject({ strip, paths, codes: [] });
  });

  test('is that at which most files are, when some are missing', async () => {
    const parts = [change('a/x/core/agent.c'), change('a/x/mad.c'), change('a/y/other.c')];
    const found = await resolved(await layTree(files), ...parts);
    expect(found).toMatchObject({ strip: 2, paths: ['core/agent.c', 'mad.c'], codes: ['patch-file-missing'] });
  });

  test('can be given', async () => {
    const tree = await layTree(files);
    const given = await resolvePatch(patchOf(change('a/mad.c')), tree, { strip: 0 });
    expect(given).toMatchObject({ strip: 0, isStripGiven: true, findings: [{ code: 'patch-file-missing' }] });
    expect(await resolvePatch(patchOf(change('a/mad.c')), tree)).toMatchObject({ strip: 1, isStripGiven: false });
  });

  test('of a patch that only adds is that of the patch before', async () => {
    const tree = await layTree(files);
    const patches = [patchOf(change('a/drivers/ib/core/agent.c')), patchOf(addition('b/drivers/ib/core/new.c'))];
    const [, second] = await resolvePatches(patches, tree);
    expect(second).toMatchObject({ strip: 3, files: [{ path: 'core/new.c' }] });
  });
});

describe('a path that leaves the tree is refused:', () => {
  test.each([
    ['../../etc/x'],
    ['a/../../etc/x'],
    ['a/../x'],
    ['/etc/x'],
    ['//etc/x'],
    ['a/core/../../../x'],
    ['./../x'],
  ])('%s', async (path) => {
    // A file of that name is in the tree, so that taking off enough folders would find it.
    const tree = await layTree({ x: 'a\n', 'etc/x': 'a\n' });
    for (const part of [change(path), addition(path), deletion(path), change('a/x', path), change(path, 'b/x')]) {
      const found = await resolved(tree, part);
      expect(found).toMatchObject({ codes: ['patch-path-outside'], paths: [] });
      expect(found.findings[0]?.what).toContain(path);
    }
  });

  test.each([
    ['a file link', 'a/link.c'],
    ['a folder link', 'a/outside/target.c'],
    ['a folder link, for a new file', 'a/outside/new.c'],
    ['a dangling link', 'a/dangling.c'],
    ['a circle', 'a/circle/x.c'],
  ])('%s', async (_name, path) => {
    const other = await layTree({ 'target.c': 'a\n' });
    const links = { 'link.c': `-> ${other}/target.c`, outside: `-> ${other}`, 'dangling.c': `-> ${other}/new.c` };
    const tree = await layTree({ 'mad.c': 'a\n', ...links, circle: '-> circle' });
    expect((await resolved(tree, change('a/mad.c'), addition(path))).codes).toEqual(['patch-path-outside']);
  });

  test('a link within the tree is followed to the file', async () => {
    const tree = await layTree({ 'include/mad.h': 'a\n', 'core/mad.h': '-> ../include/mad.h', headers: '-> include' });
    expect((await resolved(tree, change('a/core/mad.h'))).paths).toEqual(['include/mad.h']);
    expect((await resolved(tree, change('a/headers/mad.h'))).paths).toEqual(['include/mad.h']);
    expect((await resolved(tree, change('a/core/mad.h'), addition('b/headers/new.h'))).paths).toContain(
      'include/new.h',
    );
  });

  test('a tree that is itself named by a link is not outside itself', async () => {
    const folder = await layTree({ 'tree/mad.c': 'a\n', alias: '-> tree' });
    expect(await resolved(join(folder, 'alias'), change('a/mad.c'))).toMatchObject({ paths: ['mad.c'], codes: [] });
  });
});

describe('a missing file', () => {
  test.each([
    ['a/mad.c', ['core/mad.c', 'old/mad.c']],
    ['a/core/agnet.c', ['core/agent.c']],
    ['a/core/cm_stats.c', ['core/cm-stats.c']],
    ['a/entirely/different.c', []],
  ])('%s is told with what is like it', async (path, similar) => {
    const tree = await layTree({
      'core/mad.c': '',
      'old/mad.c': '',
      'core/agent.c': '',
      'core/cm-stats.c': '',
      Makefile: '',
    });
    const { findings } = await resolvePatch(patchOf(change(path)), tree, { strip: 1 });
    expect(findings).toMatchObject([
      { code: 'patch-file-missing', details: similar.map((file) => `the tree has ${file}`) },
    ]);
    expect(findings[0]?.what).toContain(path.slice(2));
  });

  test('may be one that an earlier patch adds, or takes away', async () => {
    const tree = await layTree({ 'mad.c': 'a\n' });
    const added = await resolvePatches([patchOf(addition('b/new.c')), patchOf(change('a/new.c'))], tree);
    expect(added.flatMap(({ findings }) => findings)).toEqual([]);
    const deleted = await resolvePatches([patchOf(deletion('a/mad.c')), patchOf(change('a/mad.c'))], tree);
    expect(deleted.map(({ findings }) => findings.length)).toEqual([0, 1]);
    expect((await resolved(tree, addition('b/new.c'), change('b/new.c'))).codes).toEqual([]);
  });

  test('may be one that diff -N takes for empty', async () => {
    const tree = await layTree({ 'mad.c': 'a\n' });
    const part = '--- orig/new.c\t2024-01-01 00:00:00\n+++ new/new.c\t2024-01-01 00:00:00\n@@ -0,0 +1 @@\n+a\n';
    expect(await resolved(tree, part)).toMatchObject({ paths: ['new.c'], codes: [] });
  });

  test('is no folder, and not below a file', async () => {
    const tree = await layTree({ 'core/mad.c': 'a\n' });
    expect((await resolved(tree, change('a/core'))).codes).toEqual(['patch-unsupported-change']);
    expect((await resolved(tree, change('a/core/mad.c'), addition('b/core/mad.c/x'))).codes).toEqual([
      'patch-unsupported-change',
    ]);
  });
});

describe('a change that cannot be made', () => {
  const git = (...lines: string[]) => `diff --git ${lines.join('\n')}\n`;
  test.each<[string, string, string, string]>([
    ['assembly', change('a/entry.S'), 'patch-assembly', 'entry.S'],
    ['assembly without preprocessor', change('a/entry.s'), 'patch-assembly', 'entry.s'],
    ['new assembly', addition('b/new.S'), 'patch-assembly', 'new.S'],
    ['a binary file', git('a/fw.bin b/fw.bin', 'Binary files a/fw.bin and b/fw.bin differ'), 'patch-binary', 'fw.bin'],
    ['a binary file of diff', 'Binary files a/fw.bin and b/fw.bin differ\n', 'patch-binary', 'fw.bin'],
    [
      'a rename',
      git('a/mad.c b/x.c', 'rename from mad.c', 'rename to x.c'),
      'patch-unsupported-change',
      'renames mad.c to x.c',
    ],
    [
      'a copy',
      git('a/mad.c b/x.c', 'copy from mad.c', 'copy to x.c'),
      'patch-unsupported-change',
      'as a copy of mad.c',
    ],
    ['a link', git('a/l b/l', 'new file mode 120000', addition('b/l')), 'patch-unsupported-change', 'symbolic link l'],
    [
      'a submodule',
      git('a/s b/s', 'index 12..34 160000', change('a/s', 'b/s')),
      'patch-unsupported-change',
      'submodule s',
    ],
  ])('%s', async (_name, part, code, words) => {
    const tree = await layTree({ 'mad.c': 'a\n', 'entry.S': 'a\n', 'entry.s': 'a\n' });
    const { codes, findings, paths } = await resolved(tree, part);
    expect(codes).toEqual([code]);
    expect(findings[0]?.what).toContain(words);
    expect(paths).toEqual([]);
  });

  test('only permissions: a warning', async () => {
    const tree = await layTree({ 'mad.c': 'a\n' });
    const { findings, paths } = await resolved(tree, git('a/mad.c b/mad.c', 'old mode 100644', 'new mode 100755'));
    expect(findings).toMatchObject([{ code: 'patch-mode-ignored', severity: 'warning' }]);
    expect(paths).toEqual([]);
  });

  test('all findings come at once, of all patches', async () => {
    const tree = await layTree({ 'mad.c': 'a\n' });
    const first = patchOf(change('a/entry.S'), addition('/etc/x'), change('a/mad.c'), change('a/none.c'));
    const second = patchOf('Binary files a/fw.s and b/fw.s differ\n');
    const found = await resolvePatches([first, second], tree);
    expect(found.map(({ findings }) => findings.map(({ code }) => code))).toEqual([
      ['patch-assembly', 'patch-path-outside', 'patch-file-missing'],
      ['patch-binary', 'patch-assembly'],
    ]);
  });
});
