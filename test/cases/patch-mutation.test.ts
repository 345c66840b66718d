/** Files and patches that do not quite go together, through GNU patch: applied, or refused with diagnostics, nothing else. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tryPatches } from '../../src/patch/apply.js';
import { resolvePatch } from '../../src/patch/check.js';
import { parsePatch } from '../../src/patch/parse.js';
import { hashTree } from '../../src/system/hash.js';
import { layTree } from '../unit/patch/tree.js';

const seed = 20_261_122;
const original = Array.from({ length: 12 }, (_, index) => `line ${index};`);
const patch = parsePatch(
  '--- a/mad.c\n+++ b/mad.c\n@@ -3,5 +3,5 @@\n line 2;\n line 3;\n-line 4;\n+changed;\n line 5;\n line 6;\n',
  'fix.patch',
);

test(`one patch to 80 altered files (seed ${seed})`, { timeout: 120_000 }, async () => {
  const tree = await layTree({ 'mad.c': '', 'beside.c': 'beside' });
  const edit = fc.tuple(
    fc.nat(14),
    fc.nat(2),
    fc.array(fc.constantFrom('line 4;', 'changed;', 'other;', ''), { maxLength: 2 }),
  );
  const start = fc.constantFrom(original, original.with(4, 'changed;'));
  const codes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      start,
      fc.array(edit, { maxLength: 2 }),
      fc.constantFrom('\n', '\r\n', ''),
      async (from, edits, end) => {
        const lines = [...from];
        for (const [at, count, added] of edits) lines.splice(at, count, ...added);
        const text = lines.join(end === '\r\n' ? end : '\n') + end;
        await writeFile(join(tree, 'mad.c'), text);
        const before = await hashTree(tree);
        const { findings, texts } = await tryPatches([await resolvePatch(patch, tree)], tree);
        expect(await hashTree(tree)).toBe(before);
        const patched = texts.get('mad.c')?.patched ?? '';
        const errors = findings.filter(({ severity }) => severity === 'error');
        for (const { code } of findings) codes.add(code);
        if (errors.length > 0) expect(patched).toBe(text);
        else expect(patched).toContain('line 2;\nline 3;\nchanged;\nline 5;\nline 6;');
      },
    ),
    { seed, numRuns: 80 },
  );
  expect([...codes].sort()).toEqual(['patch-already-applied', 'patch-does-not-apply', 'patch-offset']);
  expect((await readdir(tree)).sort()).toEqual(['beside.c', 'mad.c']);
  expect(await readFile(join(tree, 'beside.c'), 'utf8')).toBe('beside');
});
