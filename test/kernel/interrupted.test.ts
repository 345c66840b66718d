/** A build that is stopped in the middle, politely and not: nothing of the user's is touched, and the next build works. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestTree, setUpWorkbench, type Workbench } from './builds.js';
import { program, runBuild } from './command-line.js';
import { findTestKernel } from './requirements.js';
import { fixtures } from './scenario.js';

const { kernel, missing } = findTestKernel();
const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;
/** Each folder, and where the build that comes to it goes on, with what the one killed before has done. */
const steps = [
  ['1-original', []],
  ['2-patched', []],
  ['3-diff', ['--from', 'patched']],
  ['4-module', ['--from', 'diff']],
  ['5-finish', ['--from', 'module']],
] as const;
const patch = path.join(fixtures, 'patches/header-inline-changed.patch');

describe.skipIf(kernel === undefined)(`a build that is stopped${needs}`, () => {
  let folder = '';
  let bench: Workbench;
  let digest: readonly string[] = [];

  beforeAll(async () => {
    if (kernel === undefined) return;
    folder = await mkdtemp(path.join(tmpdir(), 'kptool-stopped-'));
    bench = await setUpWorkbench(folder, kernel);
    digest = await digestTree(bench.tree);
  });

  afterAll(async () => {
    if (folder !== '') await rm(folder, { recursive: true, force: true });
  });

  const words = (output: string, cache = path.join(folder, 'cache')) => [
    ...['build', '--oot', bench.tree, '--output', output, '--cache', cache, patch],
  ];

  /** Starts a build, waits until the compiler runs in its work folder, sends the signal, waits for the end. */
  async function stopWith(signal: NodeJS.Signals): Promise<{ status: number | null; signal: NodeJS.Signals | null }> {
    const child = spawn('node', [program, ...words(folder)], { cwd: folder, stdio: 'ignore' });
    const ended = new Promise<{ status: number | null; signal: NodeJS.Signals | null }>((resolve) => {
      child.once('exit', (status, endedBy) => resolve({ status, signal: endedBy }));
    });
    await waitFor(async () => (await programsIn(path.join(folder, 'cache', 'work'))).length > 0);
    child.kill(signal);
    return ended;
  }

  /** Files of the kernel's build tree that were written since `stamp`. */
  async function writtenHeaders(stamp: string): Promise<string> {
    const { stdout } = await execa('find', [bench.kernel.buildDirectory, '-follow', '-type', 'f', '-newer', stamp], {
      reject: false,
    });
    return stdout;
  }

  test.each(['SIGINT', 'SIGKILL'] as const)('%s leaves tree and headers as they were', async (signal) => {
    const stamp = path.join(folder, `stamp-${signal}`);
    await writeFile(stamp, '');
    const ended = await stopWith(signal);
    expect(ended).toEqual(signal === 'SIGINT' ? { status: 130, signal: null } : { status: null, signal: 'SIGKILL' });
    expect(await digestTree(bench.tree)).toEqual(digest);
    expect(await writtenHeaders(stamp)).toBe('');
    if (signal === 'SIGINT') expect(await programsIn(folder)).toEqual([]);
  });

  test.each(steps)(
    'SIGKILL in the step %s leaves the tree as it was, and no half of a livepatch',
    async (step, from) => {
      const cache = path.join(folder, 'killed');
      const output = path.join(folder, `output-${step}`);
      await mkdir(output);
      const child = spawn('node', [program, ...words(output, cache), '--keep', ...from], {
        cwd: folder,
        stdio: 'ignore',
      });
      const ended = once(child, 'exit');
      await waitFor(async () => (await execa('find', [cache, '-name', step], { reject: false })).stdout !== '');
      child.kill('SIGKILL');
      await ended;
      // Objects that are to be compiled again are removed first: the signal may have come just then.
      if (step === '2-patched') await execa('find', [cache, '-path', '*/tree/agent.o', '-delete']);
      expect(await digestTree(bench.tree)).toEqual(digest);
      // In the last step it may be a moment too late.
      const written = (await readdir(output)).filter((name) => name.endsWith('.ko'));
      expect(written.length).toBeLessThanOrEqual(step === '5-finish' ? 1 : 0);
      const left = await execa('node', [program, 'clean', '--json', '--cache', cache], { cwd: folder });
      for (const { isInUse } of JSON.parse(left.stdout).cleaned.entries) expect(isInUse).toBe(false);
    },
  );

  test('what the killed ones had done can be gone on with', async () => {
    const again = words(folder, path.join(folder, 'killed')).slice(1);
    const run = await runBuild([...again, '--from', 'finish']);
    expect(run.exitStatus, run.messages).toBe(0);
    const other = await runBuild([...again, '--from', 'diff', '--name', 'another']);
    expect(other.document.diagnostics).toMatchObject([{ code: 'resume-nothing-found' }]);
  });

  test('the next build works beside what the killed one left', async () => {
    const run = await runBuild(words(folder).slice(1));
    expect(run.exitStatus, run.messages).toBe(0);
    expect(await digestTree(bench.tree)).toEqual(digest);
  });
});

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await condition()) return;
    await pause(100);
  }
  throw new Error('the build did not come so far within a minute');
}

/** Command lines of running compilers that mention the folder. */
async function programsIn(folder: string): Promise<string[]> {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    processes.map(async (id) =>
      (await readFile(`/proc/${id}/cmdline`, 'latin1').catch(() => '')).split('\0').join(' '),
    ),
  );
  return lines.filter((line) => line.includes(folder) && /\b(cc1|gcc|make)\b/.test(line));
}
