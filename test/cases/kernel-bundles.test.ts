/** Builds of a kernel that fail, in each of their steps: the bundle fails elsewhere as the build did, word for word. */
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type MiniMachine, setUpMiniMachine } from '../builders/mini-machine.js';
import { type ReplayDocument, replayElsewhere, wordsOf } from '../kernel/replay.js';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const value = 'int stat_value = 7;';

let machine: MiniMachine;
beforeAll(async () => {
  machine = await setUpMiniMachine();
});
afterAll(() => machine.remove());

async function fail(name: string, to: string, ...more: string[]) {
  const { folder, source } = machine;
  const patch = await machine.patch(name, { from: value, to });
  const all = machine.words('--sourcedir', source, ...more, patch);
  const run = await execa(process.execPath, [program, 'build', '--json', ...all], { cwd: folder, reject: false });
  const { bundle, diagnostics, workFolder } = JSON.parse(run.stdout);
  expect(typeof bundle, run.stderr).toBe('string');
  const unpacked = await mkdtemp(path.join(folder, 'unpacked-'));
  await execa('tar', ['-xzf', bundle, '-C', unpacked]);
  return { bundle, words: wordsOf(diagnostics, [[workFolder, '<work>']]), unpacked };
}

function seenIn({ outcome, reproduced }: ReplayDocument) {
  return { outcome, step: reproduced.step, way: reproduced.way, now: wordsOf(reproduced.replayed) };
}

/** A tab in front of the mistake, which gcc counts for more than one column where it can see the source. */
const broken = `${value}\tint other = no_such;`;

test.each([
  ['what make said is judged again', [], 'judged'],
  ['what the compiler saw is compiled again', ['--bundle-full'], 'compiled'],
])('a patched source that does not compile: %s', async (_, options, way) => {
  const { bundle, words: then, unpacked } = await fail('broken', broken, ...options);
  expect(then[0]).toBe('compile-failed');
  expect(then.some((line) => line.startsWith('fs/stat.c:1:'))).toBe(true);
  expect(seenIn(await replayElsewhere(bundle))).toEqual({ outcome: 'reproduced', step: 'patched', way, now: then });

  // Both sides, though the prepared kernel has forgotten them.
  const textOf = (side: string) => readFile(path.join(unpacked, 'sources', side, 'fs/stat.c'), 'utf8');
  expect((await textOf('original')).split('\n')[0]).toBe(value);
  expect((await textOf('patched')).split('\n')[0]).toBe(broken);
  const { commands } = JSON.parse(await readFile(path.join(unpacked, 'manifest.json'), 'utf8'));
  expect(commands.map(({ side, source }: { side: string; source: string }) => [side, source])).toEqual([
    ['original', 'fs/stat.c'],
    ['patched', 'fs/stat.c'],
  ]);
  const names = await readdir(unpacked, { recursive: true });
  expect(names.some((name) => name.endsWith('.i'))).toBe(options.length > 0);
});

test('a change that no livepatch can make is compared again, and its sources compiled', async () => {
  const { bundle, words: then } = await fail('data', 'int stat_value = 8;', '--bundle-full');
  expect(then[0]).toBe('data-changed');
  const diff = { outcome: 'reproduced', step: 'diff', way: 'computed', now: then };
  expect(seenIn(await replayElsewhere(bundle))).toEqual(diff);
  const patched = { outcome: 'reproduced', step: 'patched', way: 'compiled', now: [] };
  expect(seenIn(await replayElsewhere(bundle, '--step', 'patched'))).toEqual(patched);
});
