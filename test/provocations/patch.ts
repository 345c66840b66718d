/** Bad patches, and trees that they do not fit, for every code of `patch`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { patchMessages } from '../../src/diagnostics/patch-messages.js';
import { applyPatches, tryPatches } from '../../src/patch/apply.js';
import { resolvePatch } from '../../src/patch/check.js';
import { parsePatch } from '../../src/patch/parse.js';
import type { Provocations } from './provocation.js';

const source = '#include "mad.h"\n\nint mad_state(void)\n{\n\treturn 1;\n}\n';
const hunk = '@@ -3,4 +3,4 @@\n int mad_state(void)\n {\n-\treturn 1;\n+\treturn 2;\n }\n';
const fix = `--- a/mad.c\n+++ b/mad.c\n${hunk}`;

async function tree(text = source): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kptool-provocation-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'mad.c'), text);
  return folder;
}

/** The findings of the check of a patch. */
const check = async (text: string) => (await resolvePatch(parsePatch(text, 'fix.patch'), await tree())).findings;

/** The findings of a trial of the fix on a tree with this text. */
async function tryOn(text: string) {
  const folder = await tree(text);
  return (await tryPatches([await resolvePatch(parsePatch(fix, 'fix.patch'), folder)], folder)).findings;
}

/** patch cannot work without a folder for its temporary files. */
async function applyWithoutTemporaryFolder() {
  const folder = await tree();
  const resolved = await resolvePatch(parsePatch(fix, 'fix.patch'), folder);
  const before = process.env.TMPDIR;
  process.env.TMPDIR = '/dev/null/no-folder';
  try {
    return await applyPatches([resolved], folder);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}

export const patchProvocations = {
  'patch-malformed': () => parsePatch(fix.replace('-3,4', '-3,9'), 'fix.patch'),
  'patch-empty': () => parsePatch('A mail without its attachment.\n', 'fix.patch'),
  'patch-binary': () => check('diff --git a/fw.bin b/fw.bin\nBinary files a/fw.bin and b/fw.bin differ\n'),
  'patch-path-outside': () => check('--- /dev/null\n+++ b/../../etc/x\n@@ -0,0 +1 @@\n+x\n'),
  'patch-file-missing': () => check(fix.replaceAll('mad.c', 'cm.c')),
  'patch-assembly': () => check(fix.replaceAll('mad.c', 'entry.S')),
  'patch-unsupported-change': () => check('diff --git a/mad.c b/x.c\nrename from mad.c\nrename to x.c\n'),
  'patch-mode-ignored': () => check('diff --git a/mad.c b/mad.c\nold mode 100644\nnew mode 100755\n'),
  'patch-does-not-apply': { needs: ['gcc'], run: () => tryOn(source.replace('return 1', 'return 7')) },
  'patch-already-applied': { needs: ['gcc'], run: () => tryOn(source.replace('return 1', 'return 2')) },
  'patch-offset': { needs: ['gcc'], run: () => tryOn(`/* new first line */\n${source}`) },
  'patch-program-failed': { needs: ['gcc'], run: applyWithoutTemporaryFolder },
} satisfies Provocations<typeof patchMessages>;
