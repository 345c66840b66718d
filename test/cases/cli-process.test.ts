/** kptool as a process: exit status, streams, signals. Needs sh. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const program = join(root, 'dist/main.js');

/** What the tests themselves are run with is no business of the program. */
const colourless = { NO_COLOR: undefined, FORCE_COLOR: undefined };
const kptool = (...words: string[]) =>
  execa(program, words, { reject: false, stdin: 'ignore', cwd: '/', env: colourless });

test('the built program can be run as it is', async () => {
  await access(program, constants.X_OK);
  expect(await readFile(program, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
});

test.each([
  [['--version'], 0],
  [['build', '--help'], 0],
  [[], 2],
  [['build', 'x.patch', '--jbos', '4'], 2],
  [['inspect', '/kptool-no-such-file'], 2],
  [['inspect', program], 1],
  [['create-diff-object', 'a.o'], 2],
])('%j ends with status %d', async (words, status) => {
  expect((await kptool(...words)).exitCode).toBe(status);
});

test('a refused file is told as such, without a stack', async () => {
  const { stderr, stdout } = await kptool('inspect', program);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^error: .*\[elf-not-elf\]\n {2}why {2}.*\n {2}do {3}/);
  expect(stderr).not.toMatch(/^ +at .*\.js/m);
});

test('with --json standard output is the document alone', async () => {
  const { stdout, exitCode } = await kptool('inspect', '--json', program);
  expect(JSON.parse(stdout)).toMatchObject({ command: 'inspect', outcome: 'refused', exitStatus: exitCode });
});

test('a reader that goes away is no failure', async () => {
  // The shell closes its end before kptool has started to write.
  const { stderr } = await execa('sh', ['-c', `{ "${program}" build --help; echo "status $?" >&2; } | true`]);
  expect(stderr).toBe('status 0');
});

test('a full disk behind standard output is told, not thrown', async () => {
  for (const words of ['--version', 'build --help', `inspect --json ${program}`]) {
    const { stderr, exitCode } = await execa('sh', ['-c', `"${program}" ${words} > /dev/full`], { reject: false });
    expect(stderr).toContain('[disk-full]');
    expect(stderr).not.toMatch(/^ +at .*\.js/m);
    expect(exitCode).toBe(2);
  }
});

test('a working directory that was deleted is told', async () => {
  const script = `d=$(mktemp -d); cd "$d"; rmdir "$d"; exec "${program}" inspect x.ko`;
  const { exitCode, stderr } = await execa('sh', ['-c', script], { reject: false });
  expect({ exitCode, stderr }).toEqual({
    exitCode: 2,
    stderr: expect.stringContaining('[usage-no-working-directory]'),
  });
});

test('colours only where they are wanted', async () => {
  const escapeCode = '\u001b[';
  expect((await kptool('bulid')).stderr).not.toContain(escapeCode);
  const forced = { env: { ...colourless, FORCE_COLOR: '1' }, reject: false } as const;
  expect((await execa(program, ['bulid'], forced)).stderr).toContain(escapeCode);
  expect((await execa(program, ['bulid', '--no-color'], forced)).stderr).not.toContain(escapeCode);
});

describe('Ctrl-C', () => {
  /** Runs a program as a build does, under the watch of the command line. `child` is a shell script. */
  async function start(child: string) {
    const folder = await mkdtemp(join(tmpdir(), 'kptool-interrupt-'));
    const pidFile = join(folder, 'pid');
    const script = `
      import { watchForInterrupt } from '${root}dist/cli/interrupt.js';
      import { runProgram } from '${root}dist/system/run.js';
      const watch = watchForInterrupt(() => console.log('stopping'));
      const words = ['-c', 'echo $$ > ${pidFile}; ${child}'];
      try {
        await runProgram({ program: 'sh', arguments: words, directory: '/', signal: watch.signal });
      } catch (error) {
        console.log(error.diagnostics?.[0].code ?? error);
      }
      watch.stop();
    `;
    const running = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    running.stdout.on('data', (bytes) => {
      output += bytes;
    });
    const ended = once(running, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    const pid = await until(async () => Number(await readFile(pidFile, 'utf8').catch(() => '')) || undefined);
    return { running, ended, pid, output: () => output };
  }

  test('once: the programs are ended, then kptool ends by itself', async () => {
    const { running, ended, pid, output } = await start('sleep 60');
    running.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
    expect(output()).toBe('stopping\ninterrupted\n');
    expect(isRunning(pid)).toBe(false);
  });

  test('twice: all is over at once, also programs that do not want to end', async () => {
    const { running, ended, pid, output } = await start('trap "" TERM INT HUP; while :; do sleep 0.2; done');
    running.kill('SIGINT');
    await until(async () => output().includes('stopping') || undefined);
    running.kill('SIGINT');
    expect(await ended).toEqual([null, 'SIGINT']);
    await until(async () => !isRunning(pid) || undefined);
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits for something other than `undefined`, ten seconds at most. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 500; tries += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await delay(20);
  }
  throw new Error('it did not come');
}
