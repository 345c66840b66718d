/**
 * Patches damaged at random. Whatever comes of it: a patch or diagnostics, never another exception; and what is accepted
 * lies within the tree and agrees with its own counts.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KptoolError } from '../../../src/diagnostics/diagnostic.js';
import { applyPatches } from '../../../src/patch/apply.js';
import { resolvePatch } from '../../../src/patch/check.js';
import { explainHunk } from '../../../src/patch/explain.js';
import { parsePatch } from '../../../src/patch/parse.js';
import { newLines, oldLines, type Patch } from '../../../src/patch/patch.js';
import { decode } from '../../../src/patch/read.js';
import { unifiedDiff } from '../../../src/patch/unified.js';
import { layTree } from './tree.js';

const seed = 20_261_122;
const runs = 3000;

const patches = [
  `From 0123 Mon Sep 17 00:00:00 2001
Subject: [PATCH] mad: an example

---
 core/mad.c | 2 +-

diff --git a/core/mad.c b/core/mad.c
index 83db48f..bf269f4 100644
--- a/core/mad.c
+++ b/core/mad.c
@@ -1,4 +1,5 @@ int first(void)
 one
-two
+2
+and a half
 three

@@ -10 +11,0 @@
-ten
diff --git a/new.c b/new.c
new file mode 100644
index 0000000..257cc56
--- /dev/null
+++ b/new.c
@@ -0,0 +1,2 @@
+int a;
+int b;
\\ No newline at end of file
diff --git a/gone.c b/gone.c
deleted file mode 100644
--- a/gone.c
+++ /dev/null
@@ -1 +0,0 @@
-gone
-- 
2.39.5
`,
  `diff -Nru "orig/na\\303\\257ve.c" "new/na\\303\\257ve.c"
--- "orig/na\\303\\257ve.c"\t2024-01-02 03:04:05.678901234 +0100
+++ "new/na\\303\\257ve.c"\t2024-01-02 03:04:06.000000000 +0100
@@ -1,3 +1,3 @@
 a
-b
+c
 d
--- orig/core/mad.c\t1970-01-01 00:00:00.000000000 +0000
+++ new/core/mad.c
@@ -0,0 +1 @@
+whole
Binary files orig/fw.bin and new/fw.bin differ
`,
  `diff --git a/old name.c b/new name.c
similarity index 90%
rename from old name.c
rename to new name.c
diff --git a/run b/run
old mode 100644
new mode 100755
diff --git a/link b/link
new file mode 120000
--- /dev/null
+++ b/link
@@ -0,0 +1 @@
+/etc/passwd
\\ No newline at end of file
diff --git a/blob b/blob
index 83db48f..bf269f4 100644
GIT binary patch
literal 3
Kc$~{iU9xw00RI3

`,
];

/** Pieces that mean something in a patch, for insertion in wrong places. */
const pieces = fc.constantFrom(
  ...[
    '\n',
    '\0',
    '\r',
    ' ',
    '+',
    '-',
    '\\',
    '"',
    '@@',
    '@@ -1 +1 @@\n',
    '--- a/x\n',
    '+++ b/x\n',
    '/dev/null',
    '../',
    '/',
  ],
  ...[
    'diff --git a/x b/x\n',
    '\\ No newline at end of file\n',
    'GIT binary patch\n',
    '99999999999999999999',
    '-1',
    '0',
  ],
  ...['\\000', '\\777', 'rename from ', 'new file mode 100644\n', 'deleted file mode 100644\n', '\u{fffd}', '%s', '\t'],
);
type Damage = {
  kind: 'insert' | 'delete' | 'double' | 'swap' | 'cut' | 'byte' | 'path';
  at: number;
  length: number;
  piece: string;
};
const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom('insert', 'delete', 'double', 'swap', 'cut', 'byte', 'path'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.nat(60),
  piece: pieces,
});

function damaged(bytes: Buffer, { kind, at, length, piece }: Damage): Buffer {
  const place = Math.floor(at * bytes.length);
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
  if (kind === 'insert') return Buffer.concat([before, Buffer.from(piece), after]);
  if (kind === 'delete') return Buffer.concat([before, after.subarray(length)]);
  if (kind === 'double') return Buffer.concat([before, after.subarray(0, length), after]);
  if (kind === 'swap') return Buffer.concat([before, after.subarray(length), after.subarray(0, length)]);
  if (kind === 'cut') return before;
  if (kind === 'path')
    return Buffer.concat([before, Buffer.from(after.toString('latin1').replace(/[ab]\//, '/../etc/'), 'latin1')]);
  return Buffer.concat([before, Buffer.from([length * 4]), after.subarray(1)]);
}

const anyPatch = fc
  .tuple(fc.constantFrom(...patches), fc.array(damage, { minLength: 1, maxLength: 4 }))
  .map(([text, damages]) => damages.reduce(damaged, Buffer.from(text)));

let empty: string;
beforeAll(async () => {
  empty = await mkdtemp(join(tmpdir(), 'kptool-mutation-'));
});
afterAll(() => rm(empty, { recursive: true }));

function parsed(bytes: Buffer): Patch | readonly string[] {
  const { text, encoding } = decode(bytes);
  expect(Buffer.from(text, encoding).equals(bytes)).toBe(true);
  try {
    return parsePatch(text, 'fix.patch', encoding);
  } catch (error) {
    if (!(error instanceof KptoolError)) throw error;
    return error.diagnostics.map(({ code }) => code);
  }
}

function checkCounts(patch: Patch) {
  for (const file of patch.files) {
    for (const hunk of file.hunks) {
      expect(oldLines(hunk)).toHaveLength(hunk.oldLength);
      expect(newLines(hunk)).toHaveLength(hunk.newLength);
    }
    if (file.isBinary || file.hunks.length === 0) continue;
    // What is handed to GNU patch means the same as what was read.
    const again = parsePatch(
      unifiedDiff(file, patch.encoding, '').toString(patch.encoding),
      'again.patch',
      patch.encoding,
    );
    const plain = (hunks: Patch['files'][number]['hunks'] | undefined) =>
      hunks?.map(({ lineInPatch: _line, heading: _heading, ...rest }) => rest);
    expect(plain(again.files[0]?.hunks)).toEqual(plain(file.hunks));
  }
}

test(`${runs} damaged patches (seed ${seed})`, { timeout: 120_000 }, async () => {
  const tree = await layTree({
    'core/mad.c': 'one\ntwo\nthree\n',
    'gone.c': 'gone\n',
    'naïve.c': 'a\nb\nd\n',
    x: '',
    run: '',
  });
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(anyPatch, async (bytes) => {
      const patch = parsed(bytes);
      const codes = 'files' in patch ? [] : patch;
      for (const code of codes) expect(code).toMatch(/^patch-(malformed|empty)$/);
      if ('files' in patch) {
        checkCounts(patch);
        const resolved = await resolvePatch(patch, tree);
        for (const { path, change } of resolved.files) {
          expect(isAbsolute(path) || path.split('/').includes('..')).toBe(false);
          for (const hunk of change.hunks) expect(explainHunk(hunk, 'one\ntwo\n').length).toBeGreaterThan(0);
        }
        for (const { code } of resolved.findings) seen.set(code, (seen.get(code) ?? 0) + 1);
        if (resolved.findings.length === 0) seen.set('accepted', (seen.get('accepted') ?? 0) + 1);
        // Nothing may be written before all is well.
        const isRefused = resolved.findings.some(({ severity }) => severity === 'error');
        if (isRefused) await expect(applyPatches([resolved], empty)).rejects.toThrow(KptoolError);
      }
      for (const code of codes) seen.set(code, (seen.get(code) ?? 0) + 1);
    }),
    { seed, numRuns: runs },
  );
  // The damage is neither always fatal nor always harmless, or nothing would have been tested.
  expect(seen.get('accepted') ?? 0).toBeGreaterThan(runs / 30);
  expect(seen.get('patch-malformed') ?? 0).toBeGreaterThan(runs / 10);
  expect(seen.get('patch-file-missing') ?? 0).toBeGreaterThan(10);
  expect(seen.get('patch-path-outside') ?? 0).toBeGreaterThan(3);
});
