/** Patches applied by GNU patch: to the private copy, and on trial. */
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { KptoolError } from '../../src/diagnostics/diagnostic.js';
import { type ApplyOptions, applyPatches, tryPatches } from '../../src/patch/apply.js';
import { resolvePatches } from '../../src/patch/check.js';
import { parsePatch } from '../../src/patch/parse.js';
import type { PatchEncoding } from '../../src/patch/patch.js';
import { hashTree } from '../../src/system/hash.js';
import { layTree } from '../unit/patch/tree.js';
import { findingsOf } from '../unit/system/findings.js';

const source = `${Array.from({ length: 20 }, (_, index) => `line ${index + 1};`).join('\n')}\n`;
const replaced = (line: number) => source.replace(`line ${line};`, `changed ${line};`);
const hunk = (line: number) =>
  `@@ -${line - 1},3 +${line - 1},3 @@\n line ${line - 1};\n-line ${line};\n+changed ${line};\n line ${line + 1};\n`;
const change = (path: string, ...hunks: string[]) => `--- a/${path}\n+++ b/${path}\n${hunks.join('')}`;

async function resolved(tree: string, ...texts: (string | Buffer)[]) {
  const patches = texts.map((text, index) => {
    const encoding: PatchEncoding = typeof text === 'string' ? 'utf8' : 'latin1';
    return parsePatch(text.toString(encoding), `${index + 1}.patch`, encoding);
  });
  return resolvePatches(patches, tree);
}

const apply = async (tree: string, text: string | Buffer, options: ApplyOptions = {}) =>
  applyPatches(await resolved(tree, text), tree, options);
const read = (tree: string, path: string) => readFile(join(tree, path), 'utf8');

/** Names of all files, so that nothing that patch leaves behind (.orig, .rej) is overlooked. */
const names = async (tree: string) => (await readdir(tree, { recursive: true })).sort();

describe('a patch that fits', () => {
  test('changes, adds and deletes files', async () => {
    const tree = await layTree({ 'core/mad.c': source, 'gone.c': 'a\nb\n', 'other.c': 'other' });
    const text = [
      change('core/mad.c', hunk(3), hunk(17)),
      '--- /dev/null\n+++ b/fresh/new.c\n@@ -0,0 +1,2 @@\n+int a;\n+int b;\n\\ No newline at end of file\n',
      '--- a/gone.c\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n',
      'diff --git a/run.sh b/run.sh\nnew file mode 100755\n--- /dev/null\n+++ b/run.sh\n@@ -0,0 +1 @@\n+#!/bin/sh\n',
      'diff --git a/empty.h b/empty.h\nnew file mode 100644\nindex 0000000..e69de29\n',
    ].join('');
    expect(await apply(tree, text)).toEqual({
      touched: ['core/mad.c', 'empty.h', 'fresh/new.c', 'gone.c', 'run.sh'],
      added: ['empty.h', 'fresh/new.c', 'run.sh'],
      deleted: ['gone.c'],
      findings: [],
    });
    expect(await names(tree)).toEqual(['core', 'core/mad.c', 'empty.h', 'fresh', 'fresh/new.c', 'other.c', 'run.sh']);
    expect(await read(tree, 'core/mad.c')).toBe(replaced(3).replace('line 17;', 'changed 17;'));
    expect(await read(tree, 'fresh/new.c')).toBe('int a;\nint b;');
    expect((await stat(join(tree, 'run.sh'))).mode & 0o111).toBe(0o111);
  });

  test('comes after another that it builds upon', async () => {
    const tree = await layTree({ 'mad.c': source });
    const first = '--- /dev/null\n+++ b/new.c\n@@ -0,0 +1 @@\n+one\n';
    const second = `${change('mad.c', hunk(5))}--- a/new.c\n+++ b/new.c\n@@ -1 +1 @@\n-one\n+two\n`;
    const applied = await applyPatches(await resolved(tree, first, second), tree);
    expect(applied).toMatchObject({ touched: ['mad.c', 'new.c'], added: ['new.c'], deleted: [] });
    expect(await read(tree, 'new.c')).toBe('two\n');
  });

  test('may have odd names, which patch must not take for options or folders', async () => {
    const odd = ['-v', ' lead.c', 'b $(x) `y`.c', "quo'te.c", 'ünï.c', '--dry-run'];
    const tree = await layTree(Object.fromEntries(odd.map((name) => [name, source])));
    await apply(tree, odd.map((name) => change(name, hunk(4))).join(''));
    for (const name of odd) expect(await read(tree, name)).toBe(replaced(4));
    expect(await names(tree)).toEqual([...odd].sort());
  });

  test('that finds its place some lines away is applied with a warning', async () => {
    const tree = await layTree({ 'mad.c': `// new\n// lines\n${source}` });
    const { findings } = await apply(tree, change('mad.c', hunk(8)));
    expect(findings).toMatchObject([{ code: 'patch-offset', severity: 'warning' }]);
    expect(findings[0]?.what).toBe('1.patch:3: hunk 1 for mad.c fits at line 9, 2 lines below its place.');
    expect(await read(tree, 'mad.c')).toBe(`// new\n// lines\n${replaced(8)}`);
  });

  test('keeps bytes that are not UTF-8', async () => {
    const tree = await layTree({});
    const latin = (text: string) => Buffer.from(text, 'latin1');
    await writeFile(join(tree, 'mad.c'), latin('/* J\xfcrgen */\nint a;\n'));
    await apply(tree, latin(change('mad.c', '@@ -1,2 +1,2 @@\n /* J\xfcrgen */\n-int a;\n+int a; /* \xe9 */\n')));
    expect(await readFile(join(tree, 'mad.c'))).toEqual(latin('/* J\xfcrgen */\nint a; /* \xe9 */\n'));
  });

  test.each([
    ['CR LF in both', '\r\n', '\r\n'],
    ['CR LF in the patch', '\r\n', '\n'],
    ['CR LF in the file, and in the lines of the patch', 'lines', '\r\n'],
  ])('with %s', async (_name, ofPatch, ofFile) => {
    const tree = await layTree({ 'mad.c': source.replaceAll('\n', ofFile) });
    const text = change('mad.c', hunk(6));
    const ended = ofPatch === 'lines' ? text.replace(/^([ +-]l.*|[+]c.*)$/gm, '$1\r') : text.replaceAll('\n', ofPatch);
    await apply(tree, ended);
    expect(await read(tree, 'mad.c')).toBe(replaced(6).replaceAll('\n', ofFile));
  });

  test('gives its files a later time than asked for', async () => {
    const tree = await layTree({ 'mad.c': source, 'other.c': source });
    const newerThan = Date.now() + 3_600_000.75;
    await apply(tree, change('mad.c', hunk(3)), { newerThan });
    expect((await stat(join(tree, 'mad.c'))).mtimeMs).toBeGreaterThan(newerThan);
    expect((await stat(join(tree, 'other.c'))).mtimeMs).toBeLessThan(newerThan);
    const past = Date.now() - 3_600_000;
    await apply(tree, change('other.c', hunk(3)), { newerThan: past });
    expect((await stat(join(tree, 'other.c'))).mtimeMs).toBeGreaterThan(past + 3_500_000);
  });

  test('is not turned by the variables of GNU patch', async () => {
    vi.stubEnv('POSIXLY_CORRECT', '1');
    vi.stubEnv('VERSION_CONTROL', 'numbered');
    vi.stubEnv('SIMPLE_BACKUP_SUFFIX', '.bak');
    const tree = await layTree({ 'mad.c': `\n${source}` });
    await apply(tree, change('mad.c', hunk(3)));
    expect(await names(tree)).toEqual(['mad.c']);
    vi.unstubAllEnvs();
  });
});

describe('a patch that does not fit', () => {
  test('is told by hunk, with what is there instead, and leaves its files as they were', async () => {
    const other = source.replace('line 4;', 'line four;').replace('line 16;', 'line sixteen;');
    const tree = await layTree({ 'mad.c': other, 'cm.c': source });
    const text = change('mad.c', hunk(3), hunk(9), hunk(17)) + change('cm.c', hunk(3).replace(' line 2', ' line two'));
    const findings = await findingsOf(apply(tree, text));
    expect(findings.map(({ code, what }) => [code, what])).toEqual([
      ['patch-does-not-apply', '1.patch:3: hunk 1 of 3 for mad.c does not apply.'],
      ['patch-does-not-apply', '1.patch:13: hunk 3 of 3 for mad.c does not apply.'],
      ['patch-does-not-apply', '1.patch:20: hunk 1 of 1 for cm.c does not apply.'],
    ]);
    expect(findings[0]?.details).toEqual([
      'line 4, the patch expects: line 4;',
      'line 4, the file has:      line four;',
    ]);
    expect(await read(tree, 'mad.c')).toBe(other);
    expect(await names(tree)).toEqual(['cm.c', 'mad.c']);
  });

  test('because one context line differs: no fuzz', async () => {
    const tree = await layTree({ 'mad.c': source.replace('line 2;', 'line two;') });
    const wide = '@@ -2,7 +2,7 @@\n line 2;\n line 3;\n line 4;\n-line 5;\n+x\n line 6;\n line 7;\n line 8;\n';
    expect(await findingsOf(apply(tree, change('mad.c', wide)))).toMatchObject([{ code: 'patch-does-not-apply' }]);
  });

  test('because it is there already', async () => {
    const tree = await layTree({ 'mad.c': replaced(3), 'new.c': 'int a;\n' });
    const text = `${change('mad.c', hunk(3))}--- /dev/null\n+++ b/new.c\n@@ -0,0 +1 @@\n+int a;\n`;
    const findings = await findingsOf(apply(tree, text));
    expect(findings).toMatchObject([
      { code: 'patch-already-applied', what: '1.patch is already applied to this tree.' },
    ]);
    expect(await read(tree, 'mad.c')).toBe(replaced(3));
  });

  test('because a part of it is there already', async () => {
    const tree = await layTree({ 'mad.c': replaced(3), 'cm.c': source });
    const findings = await findingsOf(apply(tree, change('mad.c', hunk(3)) + change('cm.c', hunk(3))));
    expect(findings).toMatchObject([{ code: 'patch-already-applied', details: ['has the change already: mad.c'] }]);
    expect(findings[0]?.what).toContain('in part');
  });

  test('because a file that it makes or deletes is another', async () => {
    const tree = await layTree({ 'new.c': 'int b;\n', 'gone.c': 'int d;\n' });
    const text = [
      '--- /dev/null\n+++ b/new.c\n@@ -0,0 +1 @@\n+int a;\n',
      '--- a/gone.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-int c;\n',
    ].join('');
    const findings = await findingsOf(apply(tree, text));
    expect(findings.map(({ code }) => code)).toEqual(['patch-does-not-apply', 'patch-does-not-apply']);
    expect(await read(tree, 'gone.c')).toBe('int d;\n');
  });

  test('keeps later patches from being judged', async () => {
    const tree = await layTree({ 'mad.c': source });
    const bad = change('mad.c', hunk(3).replace(' line 4', ' line four'));
    const patches = await resolved(tree, bad, change('mad.c', hunk(9).replace('-line', '-nine')));
    const findings = await findingsOf(applyPatches(patches, tree));
    expect(findings.map(({ what }) => what)).toEqual(['1.patch:3: hunk 1 of 1 for mad.c does not apply.']);
  });

  test('according to the check is not tried', async () => {
    const tree = await layTree({ 'mad.c': source });
    const findings = await findingsOf(apply(tree, change('mad.c', hunk(3)) + change('none.c', hunk(3))));
    expect(findings).toMatchObject([{ code: 'patch-file-missing' }]);
    expect(await read(tree, 'mad.c')).toBe(source);
  });
});

describe('hostile patches', () => {
  test('an ed script in the text is text', async () => {
    const tree = await layTree({ 'mad.c': source });
    const script = `--- a/mad.c\n+++ b/mad.c\n1c\n!touch ${tree}/pwned\n.\n`;
    await apply(tree, `0a\n!touch ${tree}/pwned\n.\nw\n${change('mad.c', hunk(3))}`);
    await expect(apply(tree, script)).rejects.toThrow(KptoolError);
    expect(await names(tree)).toEqual(['mad.c']);
  });

  test('names for patch alone (Index:, Prereq:) are not used', async () => {
    const tree = await layTree({ 'mad.c': source, 'secret.c': source });
    await apply(tree, `Index: secret.c\nPrereq: 1.2\n${change('mad.c', hunk(3))}`);
    expect(await read(tree, 'secret.c')).toBe(source);
  });

  test('a link that came into the copy later is not written through', async () => {
    const outside = await layTree({ 'target.c': source });
    const tree = await layTree({ 'mad.c': source });
    const copy = await layTree({ 'mad.c': `-> ${outside}/target.c` });
    const findings = await findingsOf(applyPatches(await resolved(tree, change('mad.c', hunk(3))), copy));
    expect(findings).toMatchObject([{ code: 'patch-path-outside' }]);
    expect(await read(outside, 'target.c')).toBe(source);
  });
});

describe('a trial', () => {
  test('gives the texts and writes nothing to the tree', async () => {
    const tree = await layTree({ 'core/mad.c': source, 'gone.c': 'a\n', 'cm.c': source });
    await chmod(join(tree, 'core/mad.c'), 0o444);
    const before = await hashTree(tree);
    const text = [
      change('core/mad.c', hunk(3)),
      '--- /dev/null\n+++ b/new.c\n@@ -0,0 +1 @@\n+int a;\n',
      '--- a/gone.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n',
    ].join('');
    const tried = await tryPatches(await resolved(tree, text), tree);
    expect(tried).toMatchObject({ touched: ['core/mad.c', 'gone.c', 'new.c'], findings: [] });
    expect(Object.fromEntries(tried.texts)).toEqual({
      'core/mad.c': { original: source, patched: replaced(3) },
      'gone.c': { original: 'a\n', patched: undefined },
      'new.c': { original: undefined, patched: 'int a;\n' },
    });
    expect(await hashTree(tree)).toBe(before);
  });

  test('returns what does not fit', async () => {
    const tree = await layTree({ 'mad.c': source });
    const tried = await tryPatches(await resolved(tree, change('mad.c', hunk(3).replace('-line', '-lime'))), tree);
    expect(tried.findings).toMatchObject([{ code: 'patch-does-not-apply' }]);
    expect(tried.texts.get('mad.c')).toEqual({ original: source, patched: source });
  });

  test('can be interrupted', async () => {
    const tree = await layTree({ 'mad.c': source });
    const patches = await resolved(tree, change('mad.c', hunk(3)));
    const findings = await findingsOf(tryPatches(patches, tree, { signal: AbortSignal.abort() }));
    expect(findings).toMatchObject([{ code: 'interrupted' }]);
  });
});
