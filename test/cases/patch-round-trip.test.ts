/**
 * What diff and git write, kptool reads: two made-up versions of a tree, the diff between them by the real program,
 * applied to the first, must give the second.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyPatches } from '../../src/patch/apply.js';
import { resolvePatch } from '../../src/patch/check.js';
import { parsePatch } from '../../src/patch/parse.js';

const seed = 20_261_122;
const run = promisify(execFile);

/** Lines that repeat, look like a diff, are empty or end oddly: what a parser of diffs can trip over. */
const line = fc.oneof(
  fc.constantFrom('', ' ', '}', '{', '\treturn 0;', '-- a/x', '++ b/x', '- ', '+', '@@ -1 +1 @@', '\\ No newline'),
  fc.constantFrom('diff --git a/x b/x', 'GIT binary patch', 'naïve', '\r', 'a\r', '-- ', '***************'),
  fc.string({ maxLength: 8 }).map((text) => text.replaceAll(/[\n\0]/g, '')),
);
const content = fc
  .record({ lines: fc.array(line, { maxLength: 25 }), hasEnd: fc.boolean() })
  .map(({ lines, hasEnd }) => (lines.length === 0 ? '' : lines.join('\n') + (hasEnd ? '\n' : '')));
/** The second version keeps much of the first, so that hunks have context. */
const versions = fc
  .tuple(content, fc.array(fc.tuple(fc.nat(25), fc.nat(3), fc.array(line, { maxLength: 3 })), { maxLength: 4 }))
  .map(([text, edits]) => {
    const lines = text.split('\n');
    for (const [at, count, added] of edits) lines.splice(Math.min(at, lines.length), count, ...added);
    return { original: text, patched: lines.join('\n') };
  });
const names = ['mad.c', 'core/agent.c', 'with space.h', 'ünï "q".c', 'core/new.c'];
const tree = fc.array(versions, { minLength: 1, maxLength: names.length });

type Version = { original: string; patched: string };

async function write(folder: string, files: Version[], which: keyof Version) {
  await mkdir(join(folder, 'core'), { recursive: true });
  for (const [index, file] of files.entries()) await writeFile(join(folder, names[index] ?? ''), file[which]);
}

async function contents(folder: string) {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found[path.slice(folder.length)] = await readFile(path, 'latin1');
  }
  return found;
}

const programs = {
  'diff -Nru': ['diff', '-Nru', '--text', 'original', 'patched'],
  'diff -Nr -U0': ['diff', '-Nr', '-U0', '--text', 'original', 'patched'],
  'git diff': ['git', 'diff', '--no-index', '--text', 'original', 'patched'],
  'git diff --no-prefix': ['git', 'diff', '--no-index', '--text', '--no-prefix', '-U1', 'original', 'patched'],
};

test.each(Object.entries(programs))(
  `%s is read and applied (seed ${seed})`,
  { timeout: 120_000 },
  async (_name, command) => {
    const folder = await mkdtemp(join(tmpdir(), 'kptool-round-trip-'));
    try {
      await fc.assert(
        fc.asyncProperty(tree, async (files) => {
          for (const version of ['original', 'patched'] as const) {
            await rm(join(folder, version), { recursive: true, force: true });
            await write(join(folder, version), files, version);
          }
          const [program = '', ...options] = command;
          const text = await run(program, options, { cwd: folder, encoding: 'utf8' }).then(
            ({ stdout }) => stdout,
            (error: { code: number; stdout: string }) => (error.code === 1 ? error.stdout : Promise.reject(error)),
          );
          if (text === '') return;
          await rm(join(folder, 'copy'), { recursive: true, force: true });
          await cp(join(folder, 'original'), join(folder, 'copy'), { recursive: true });
          const resolved = await resolvePatch(parsePatch(text, 'fix.patch'), join(folder, 'copy'));
          await applyPatches([resolved], join(folder, 'copy'));
          expect(await contents(join(folder, 'copy'))).toEqual(await contents(join(folder, 'patched')));
        }),
        { seed, numRuns: 25 },
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
