import { describe, expect, test } from 'vitest';
import { KptoolError } from '../../../src/diagnostics/diagnostic.js';
import { parsePatch } from '../../../src/patch/parse.js';
import { growth, inProportion } from '../../builders/growth.js';

/** The only file of a patch. */
function only(text: string) {
  const { files } = parsePatch(text, 'fix.patch');
  const [file] = files;
  if (file === undefined || files.length !== 1) throw new Error(`${files.length} files`);
  return file;
}

/** `code line` of the finding that the text is refused with, and its words. */
function refusal(text: string): { at: string; what: string } {
  try {
    parsePatch(text, 'fix.patch');
  } catch (error) {
    const [finding] = error instanceof KptoolError ? error.diagnostics : [];
    if (finding === undefined) throw error;
    return { at: `${finding.code} ${/fix\.patch:(\d+)/.exec(finding.what)?.[1] ?? ''}`.trim(), what: finding.what };
  }
  throw new Error('the text was accepted');
}

const gitPatch = `\
From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001
From: A. Developer <dev@example.org>
Subject: [PATCH] mad: take the lock

--- is no header when +++ does not follow
---
 core/mad.c | 3 ++-
 1 file changed, 2 insertions(+), 1 deletion(-)

diff --git a/core/mad.c b/core/mad.c
index 83db48f..bf269f4 100644
--- a/core/mad.c
+++ b/core/mad.c
@@ -10,4 +10,5 @@ static int mad_state(void)
 {
-\treturn state;
+\tlock();
+\treturn state + 1;
 }

-- 
2.39.5

`;

describe('git', () => {
  test('a mail with one hunk', () => {
    expect(only(gitPatch)).toEqual({
      oldPath: 'a/core/mad.c',
      newPath: 'b/core/mad.c',
      kind: 'modified',
      isBinary: false,
      mode: '100644',
      lineInPatch: 10,
      hunks: [
        {
          oldStart: 10,
          oldLength: 4,
          newStart: 10,
          newLength: 5,
          heading: 'static int mad_state(void)',
          lineInPatch: 14,
          lines: [
            { kind: ' ', text: '{', hasNewline: true },
            { kind: '-', text: '\treturn state;', hasNewline: true },
            { kind: '+', text: '\tlock();', hasNewline: true },
            { kind: '+', text: '\treturn state + 1;', hasNewline: true },
            { kind: ' ', text: '}', hasNewline: true },
            // The space of an empty context line was lost.
            { kind: ' ', text: '', hasNewline: true },
          ],
        },
      ],
    });
  });

  test('an added and a deleted file', () => {
    const text = `\
diff --git a/new.c b/new.c
new file mode 100755
index 0000000..257cc56
--- /dev/null
+++ b/new.c
@@ -0,0 +1 @@
+int new;
diff --git a/gone.c b/gone.c
deleted file mode 100644
index 257cc56..0000000
--- a/gone.c
+++ /dev/null
@@ -1 +0,0 @@
-int gone;
`;
    expect(parsePatch(text, 'fix.patch').files).toMatchObject([
      {
        kind: 'added',
        oldPath: '/dev/null',
        newPath: 'b/new.c',
        mode: '100755',
        hunks: [{ oldLength: 0, newLength: 1 }],
      },
      {
        kind: 'deleted',
        oldPath: 'a/gone.c',
        newPath: '/dev/null',
        hunks: [{ oldStart: 1, oldLength: 1, newLength: 0 }],
      },
    ]);
  });

  test('empty files, modes, renames, copies, links and submodules', () => {
    const text = `\
diff --git a/empty.h b/empty.h
new file mode 100644
index 0000000..e69de29
diff --git a/run b/run
old mode 100644
new mode 100755
diff --git a/old name.c b/new.c
similarity index 100%
rename from old name.c
rename to new.c
diff --git a/one.c b/two.c
similarity index 90%
copy from one.c
copy to two.c
index 83db48f..bf269f4 100644
--- a/one.c
+++ b/two.c
@@ -1 +1 @@
-int a;
+int b;
diff --git a/link b/link
index 83db48f..bf269f4 120000
--- a/link
+++ b/link
@@ -1 +1 @@
-old
\\ No newline at end of file
+new
\\ No newline at end of file
diff --git a/module b/module
index 83db48f..bf269f4 160000
--- a/module
+++ b/module
@@ -1 +1 @@
-Subproject commit 83db48f
+Subproject commit bf269f4
`;
    expect(parsePatch(text, 'fix.patch').files).toMatchObject([
      { kind: 'added', newPath: 'b/empty.h', hunks: [] },
      { kind: 'mode', newPath: 'b/run', mode: '100755' },
      { kind: 'renamed', oldPath: 'old name.c', newPath: 'new.c' },
      { kind: 'copied', oldPath: 'a/one.c', newPath: 'b/two.c', hunks: [{ lines: { length: 2 } }] },
      { kind: 'modified', mode: '120000', hunks: [{ lines: [{ hasNewline: false }, { hasNewline: false }] }] },
      { kind: 'modified', mode: '160000' },
    ]);
  });

  test('binary files, with and without their content', () => {
    const text = `\
diff --git a/firmware.bin b/firmware.bin
index 83db48f..bf269f4 100644
Binary files a/firmware.bin and b/firmware.bin differ
diff --git a/blob.o b/blob.o
index 83db48f..bf269f4 100644
GIT binary patch
literal 3
Kc$~{--- a/x

literal 3
Kc$~{iU9xw00RI3

diff --git a/mad.c b/mad.c
--- a/mad.c
+++ b/mad.c
@@ -1 +1 @@
-a
+b
`;
    expect(parsePatch(text, 'fix.patch').files).toMatchObject([
      { newPath: 'b/firmware.bin', isBinary: true, hunks: [] },
      { newPath: 'b/blob.o', isBinary: true, hunks: [] },
      { newPath: 'b/mad.c', isBinary: false },
    ]);
  });

  test('quoted names', () => {
    const text = String.raw`diff --git "a/na\303\257ve \"q\".c" "b/na\303\257ve \"q\".c"
index 83db48f..bf269f4 100644
--- "a/na\303\257ve \"q\".c"
+++ "b/na\303\257ve \"q\".c"
@@ -1 +1 @@
-a
+b
diff --git "a/tab\\.c" b/plain.c
old mode 100644
new mode 100755
diff --git a/with space.c b/with space.c
old mode 100644
new mode 100755
`;
    expect(parsePatch(text, 'fix.patch').files).toMatchObject([
      { oldPath: 'a/naïve "q".c', newPath: 'b/naïve "q".c' },
      { oldPath: 'a/tab\\.c', newPath: 'b/plain.c' },
      { oldPath: 'a/with space.c', newPath: 'b/with space.c' },
    ]);
  });

  test('octal escapes of a Latin-1 patch are Latin-1', () => {
    const text = '--- "a/na\\357ve.c"\n+++ "b/na\\357ve.c"\n@@ -1 +1 @@\n-a\n+b\n';
    expect(parsePatch(text, 'fix.patch', 'latin1').files[0]?.newPath).toBe('b/naïve.c');
  });
});

describe('diff', () => {
  test('names end before the time', () => {
    const text = `\
diff -Nru orig/mad.c new/mad.c
--- orig/mad.c\t2024-01-02 03:04:05.678901234 +0100
+++ new/my mad.c  2024-01-02 03:04:06.000000000 +0100
@@ -1,2 +1,2 @@
 a
-b
+c
Only in new: other.c
`;
    expect(only(text)).toMatchObject({
      oldPath: 'orig/mad.c',
      newPath: 'new/my mad.c',
      kind: 'modified',
      mode: undefined,
    });
  });

  test.each([
    ['1970-01-01 00:00:00.000000000 +0000', 'added'],
    ['1970-01-01 01:00:00.000000000 +0100', 'added'],
    ['1969-12-31 19:00:00.000000000 -0500', 'added'],
    ['2024-01-01 00:00:00.000000000 +0000', 'modified'],
  ])('a file that was not there at %s is %s', (time, kind) => {
    expect(only(`--- orig/a.c\t${time}\n+++ new/a.c\t2024-01-01 00:00:00\n@@ -0,0 +1 @@\n+a\n`).kind).toBe(kind);
    if (kind === 'modified') return;
    expect(only(`--- new/a.c\t2024-01-01 00:00:00\n+++ orig/a.c\t${time}\n@@ -1 +0,0 @@\n-a\n`).kind).toBe('deleted');
  });

  test('lines that look like headers are lines', () => {
    const text = '--- a/x.sql\n+++ b/x.sql\n@@ -1,2 +1,2 @@\n--- a/comment\n+++ b/comment\n @@ -1 +1 @@\n';
    expect(only(text).hunks[0]?.lines).toEqual([
      { kind: '-', text: '-- a/comment', hasNewline: true },
      { kind: '+', text: '++ b/comment', hasNewline: true },
      { kind: ' ', text: '@@ -1 +1 @@', hasNewline: true },
    ]);
  });

  test('several hunks, and several files without any line between', () => {
    const file = (name: string) => `--- a/${name}\n+++ b/${name}\n@@ -1 +1 @@\n-a\n+b\n@@ -9,0 +10 @@\n+c\n`;
    const { files } = parsePatch(file('x.c') + file('y.c'), 'fix.patch');
    expect(files.map(({ newPath, hunks, lineInPatch }) => [newPath, hunks.length, lineInPatch])).toEqual([
      ['b/x.c', 2, 1],
      ['b/y.c', 2, 8],
    ]);
  });

  test('the last line may lack its newline, and so may the patch', () => {
    const text = '--- a/x.c\n+++ b/x.c\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c';
    expect(only(text).hunks[0]?.lines).toEqual([
      { kind: ' ', text: 'a', hasNewline: true },
      { kind: '-', text: 'b', hasNewline: false },
      { kind: '+', text: 'c', hasNewline: true },
    ]);
  });
});

describe('carriage returns', () => {
  const patch = '--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-a\r\n+b\r\n';
  test('of the patched file belong to its lines', () => {
    const { hasCarriageReturns, files } = parsePatch(patch, 'fix.patch');
    expect(hasCarriageReturns).toBe(false);
    expect(files[0]?.hunks[0]?.lines.map(({ text }) => text)).toEqual(['a\r', 'b\r']);
  });

  test('of the patch do not', () => {
    const { hasCarriageReturns, files } = parsePatch(patch.replaceAll(/\r?\n/g, '\r\n'), 'fix.patch');
    expect(hasCarriageReturns).toBe(true);
    expect(files[0]?.newPath).toBe('b/x.c');
    expect(files[0]?.hunks[0]?.lines.map(({ text }) => text)).toEqual(['a', 'b']);
  });
});

describe('refused:', () => {
  const head = '--- a/x.c\n+++ b/x.c\n';
  test.each<[string, string, string, RegExp]>([
    ['nothing', '', 'patch-empty', /changes no file/],
    ['only text', 'Dear maintainer,\n+ please apply\n', 'patch-empty', /changes no file/],
    ['no hunk', `${head}`, 'patch-malformed 3', /must follow/],
    ['a head that is none', `${head}@@ -1 1 @@\n`, 'patch-malformed 3', /must read/],
    ['a count of digits without end', `${head}@@ -${'9'.repeat(400)} +1 @@\n-a\n`, 'patch-malformed 3', /must read/],
    ['too few lines', `${head}@@ -1,3 +1,3 @@\n a\n-b\n+c\n`, 'patch-malformed 7', /1 of 3 old and 1 of 3 new lines/],
    [
      'another file too early',
      `${head}@@ -1,3 +1 @@\n-a\ndiff --git`,
      'patch-malformed 5',
      /hunk of line 3 ends too early/,
    ],
    ['too many lines', `${head}@@ -1 +1 @@\n-a\n+b\n+c\n`, 'patch-malformed 6', /more lines than the 1 old and 1 new/],
    ['too many context lines', `${head}@@ -1 +1 @@\n-a\n+b\n c\n`, 'patch-malformed 6', /more lines/],
    ['too many of one side', `${head}@@ -1,2 +1 @@\n+a\n+b\n`, 'patch-malformed 5', /more lines/],
    ['a hunk without lines', `${head}@@ -1,0 +1,0 @@\n`, 'patch-malformed 3', /no lines/],
    ['line 0', `${head}@@ -0,1 +1 @@\n-a\n+b\n`, 'patch-malformed 3', /line 0/],
    ['hunks out of order', `${head}@@ -9 +9 @@\n-a\n+b\n@@ -1 +1 @@\n-a\n+b\n`, 'patch-malformed 6', /before the end/],
    [
      'hunks that overlap',
      `${head}@@ -1,2 +1 @@\n-a\n b\n@@ -2 +1 @@\n-b\n+c\n`,
      'patch-malformed 6',
      /before the end/,
    ],
    ['a hunk without a file', '@@ -1 +1 @@\n-a\n+b\n', 'patch-malformed 1', /without the names/],
    ['a combined diff', 'diff --cc mad.c\nindex 1,2..3\n', 'patch-malformed 1', /merge/],
    ['a context diff', '*** a/x\n--- b/x\n***************\n*** 1,2 ****\n', 'patch-malformed 3', /diff -u/],
    ['a git part without changes', 'diff --git a/x.c b/x.c\nindex 1..2 100644\n', 'patch-malformed 1', /missing/],
    ['a git part without +++', 'diff --git a/x b/x\n--- a/x\n@@ -1 +1 @@\n', 'patch-malformed 3', /must follow/],
    ['a name without an end', '--- "a/x\n+++ "b/x\n@@ -1 +1 @@\n-a\n+b\n', 'patch-malformed 1', /name/],
    ['a name with NUL', '--- "a/x\\000"\n+++ "b/x"\n@@ -1 +1 @@\n-a\n+b\n', 'patch-malformed 1', /control/],
    ['a name with a newline', '--- "a/x\\ny"\n+++ "b/x"\n@@ -1 +1 @@\n-a\n+b\n', 'patch-malformed 1', /control/],
    ['NUL', `${head}@@ -1 +1 @@\n-a\0\n+b\n`, 'patch-malformed 4', /NUL/],
    ['no file on both sides', '--- /dev/null\n+++ /dev/null\n@@ -0,0 +1 @@\n+a\n', 'patch-malformed 1', /both names/],
    ['old lines in a new file', '--- /dev/null\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n', 'patch-malformed 3', /is new/],
    ['lines left in a deleted file', '--- a/x\n+++ /dev/null\n@@ -1,2 +1 @@\n-a\n b\n', 'patch-malformed 3', /deleted/],
    [
      'lines after the last one',
      `${head}@@ -1,2 +1,2 @@\n-a\n\\ No newline at end of file\n+b\n c\n`,
      'patch-malformed 8',
      /without a newline/,
    ],
  ])('%s', (_name, text, at, words) => {
    const found = refusal(text);
    expect(found.at).toBe(at);
    expect(found.what).toMatch(words);
  });

  test('the line is shown', () => {
    expect(() => parsePatch(`${head}@@ oops @@\n`, 'fix.patch')).toThrow(KptoolError);
    try {
      parsePatch(`${head}@@ oops @@\n`, 'fix.patch');
    } catch (error) {
      expect((error as KptoolError).diagnostics[0]?.details).toEqual(['line 3: @@ oops @@']);
    }
  });
});

test('a patch of many files takes time in proportion to their number', () => {
  const patchOf = (files: number) => {
    const text = '--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n'.repeat(files);
    return () => expect(parsePatch(text, 'fix.patch').files).toHaveLength(files);
  };
  expect(growth(patchOf, 2000, 16)).toBeLessThan(inProportion(16));
});
