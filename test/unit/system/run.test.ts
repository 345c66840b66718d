import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../../../src/system/run.js';
import { findingsOf } from './findings.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kptool-run-'));
});
afterAll(() => rm(directory, { recursive: true }));

const shell = (script: string) => ({ program: '/bin/sh', arguments: ['-c', script], directory });

/** Whether a process runs; one that has ended and waits for its parent (a zombie) does not. */
async function isAlive(process: string): Promise<boolean> {
  const text = await readFile(`/proc/${process}/stat`, 'utf8').catch(() => undefined);
  return text !== undefined && !/\) [ZX] /.test(text);
}

/** Waits for as long as the test may take. */
async function processNumber(file: string): Promise<string> {
  for (;;) {
    const text = await readFile(join(directory, file), 'utf8').catch(() => '');
    if (text.endsWith('\n')) return text.trim();
    await delay(20);
  }
}

/** The signal of another process takes its time on a busy machine; waits for as long as the test may take. */
async function hasEnded(process: string): Promise<void> {
  while (await isAlive(process)) await delay(20);
}

describe('result', () => {
  test('has both streams together, and standard output alone', async () => {
    const result = await runProgram(shell('echo one; sleep 0.2; echo two >&2; sleep 0.2; printf three'));
    expect(result).toMatchObject({ exitStatus: 0, output: 'one\ntwo\nthree\n', stdout: 'one\nthree' });
    expect(result.seconds).toBeGreaterThan(0.3);
  });

  test('has the exit status of a program that failed', async () => {
    expect(await runProgram(shell('exit 7'))).toMatchObject({ exitStatus: 7 });
  });

  test('keeps the end of long output and all of standard output', async () => {
    const { output, stdout } = await runProgram(shell('seq 1 200000'));
    expect(output.endsWith('199999\n200000\n')).toBe(true);
    expect(output.length).toBeLessThan(600_000);
    expect(output.startsWith('1\n')).toBe(false);
    expect(stdout.split('\n')).toHaveLength(200_001);
  });
});

describe('lines', () => {
  test('are whole although they arrive in pieces, also within a character', async () => {
    const lines: string[] = [];
    const script = String.raw`printf 'na\303'; sleep 0.1; printf '\257ve\nlast'`;
    await runProgram({ ...shell(script), onLine: (line) => lines.push(line) });
    expect(lines).toEqual(['naïve', 'last']);
  });

  test('of two streams do not mix', async () => {
    const lines: string[] = [];
    const script = 'printf left; sleep 0.1; printf right >&2; sleep 0.1; echo -left; echo -right >&2';
    await runProgram({ ...shell(script), onLine: (line) => lines.push(line) });
    expect(lines.sort()).toEqual(['left-left', 'right-right']);
  });

  test('without end are handed on in pieces', async () => {
    const lengths: number[] = [];
    const script = 'head -c 1000000 /dev/zero';
    await runProgram({ ...shell(script), onLine: (line) => lengths.push(line.length) });
    expect(lengths.length).toBeGreaterThan(3);
    expect(lengths.reduce((sum, length) => sum + length)).toBe(1_000_000);
  });

  test('an exception of the receiver ends the program and comes back', async () => {
    const run = runProgram({
      ...shell('echo line; exec sleep 60'),
      onLine: () => {
        throw new RangeError('receiver');
      },
    });
    await expect(run).rejects.toThrow(RangeError);
  });
});

describe('log file', () => {
  test('tells what was run and all that was printed, run after run', async () => {
    const logFile = join(directory, 'build.log');
    await runProgram({ ...shell('echo first; echo problem >&2'), logFile });
    await runProgram({ ...shell('echo second'), logFile });
    const log = await readFile(logFile, 'utf8');
    expect(log).toContain(`$ /bin/sh -c echo second  (in ${directory})\nsecond\n`);
    expect(log).toContain('first\n');
    expect(log).toContain('problem\n');
  });

  test('that cannot be opened is a finding', async () => {
    const logFile = join(directory, 'no', 'folder.log');
    expect(await findingsOf(runProgram({ ...shell('exit 0'), logFile }))).toMatchObject([
      { code: 'output-unwritable' },
    ]);
  });
});

describe('environment', () => {
  test('has one language, and hides the make around kptool', async () => {
    process.env.MAKEFLAGS = '-j4 --jobserver-auth=3,4';
    process.env.LANGUAGE = 'de';
    try {
      const { stdout } = await runProgram(shell('echo "$LC_ALL|$LANGUAGE|$MAKEFLAGS|$HOME"'));
      expect(stdout).toBe(`C|||${process.env.HOME}\n`);
    } finally {
      delete process.env.MAKEFLAGS;
      delete process.env.LANGUAGE;
    }
  });

  test('is added to, and can lose variables', async () => {
    process.env.KPTOOL_TEST_VARIABLE = 'set';
    try {
      const environment = { KPTOOL_TEST_VARIABLE: undefined, ARCH: 'x86' };
      const { stdout } = await runProgram({ ...shell('echo "$ARCH|$KPTOOL_TEST_VARIABLE|"'), environment });
      expect(stdout).toBe('x86||\n');
    } finally {
      delete process.env.KPTOOL_TEST_VARIABLE;
    }
  });

  test('arguments reach the program as they are', async () => {
    const odd = ['$HOME', '`id`', 'a b', '*', '', '\n'];
    const script = 'process.stdout.write(JSON.stringify(process.argv.slice(1)))';
    const { stdout } = await runProgram({ program: process.execPath, arguments: ['-e', script, ...odd], directory });
    expect(JSON.parse(stdout)).toEqual(odd);
  });

  test('standard input is empty, or the text given', async () => {
    expect((await runProgram(shell('wc -c'))).stdout.trim()).toBe('0');
    expect((await runProgram({ ...shell('cat'), input: 'y\n' })).stdout).toBe('y\n');
  });
});

// Side by side, since they mostly wait.
describe.concurrent('the end of the whole process tree', () => {
  /** A shell that starts a shell that ignores SIGTERM and writes down its number: what make and a hanging tool are. */
  const tree = (file: string) =>
    shell(`/bin/sh -c 'trap "" TERM; echo $$ > ${file}; while :; do sleep 0.05; done' & wait`);

  test('comes with a timeout', async () => {
    // On a busy machine the inner shell may not have come to writing its number in the shorter times.
    let grandchild = '';
    for (let timeout = 500; !grandchild.endsWith('\n') && timeout <= 8000; timeout *= 2) {
      const [finding] = await findingsOf(runProgram({ ...tree('timeout.pid'), timeout }));
      expect(finding).toMatchObject({ code: 'program-timeout', exitStatus: 2 });
      expect(finding?.what).toContain(`${timeout / 1000} second`);
      grandchild = await readFile(join(directory, 'timeout.pid'), 'utf8').catch(() => '');
    }
    expect(grandchild).toMatch(/^\d+\n$/);
    expect(await isAlive(grandchild.trim())).toBe(false);
  });

  test('comes with an abort', async () => {
    const controller = new AbortController();
    const run = findingsOf(runProgram({ ...tree('abort.pid'), signal: controller.signal }));
    const grandchild = await processNumber('abort.pid');
    expect(await isAlive(grandchild)).toBe(true);
    controller.abort();
    expect(await run).toMatchObject([{ code: 'interrupted' }]);
    expect(await isAlive(grandchild)).toBe(false);
  });

  test('comes when kptool exits early', async () => {
    const source = fileURLToPath(new URL('../../../src/system/process-group.ts', import.meta.url));
    const compiler = fileURLToPath(new URL('../../../node_modules/.bin/tsc', import.meta.url));
    const options = [
      '--ignoreConfig',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--types',
      'node',
      '--skipLibCheck',
    ];
    const types = ['--typeRoots', fileURLToPath(new URL('../../../node_modules/@types', import.meta.url))];
    const compile = [...options, ...types, '--outDir', directory, source];
    expect(await runProgram({ program: compiler, arguments: compile, directory })).toMatchObject({ exitStatus: 0 });
    const script = `
      const { spawn } = await import('node:child_process');
      const { trackGroup } = await import('./process-group.js');
      const child = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
      trackGroup(child.pid);
      console.log(child.pid);
      process.exit(3);`;
    const early = { program: process.execPath, arguments: ['--input-type=module', '-e', script], directory };
    const { exitStatus, stdout } = await runProgram(early);
    expect(exitStatus).toBe(3);
    expect(stdout).toMatch(/^\d+\n$/);
    await hasEnded(stdout.trim());
  });

  test('does not wait for what a finished program left in the background', async () => {
    // Longer than the test may take.
    const { stdout } = await runProgram(shell('sleep 600 & echo done'));
    expect(stdout).toBe('done\n');
  });

  test('an aborted signal starts nothing', async () => {
    const signal = AbortSignal.abort();
    expect(await findingsOf(runProgram({ ...shell('touch started'), signal }))).toMatchObject([
      { code: 'interrupted' },
    ]);
    await expect(readFile(join(directory, 'started'))).rejects.toThrow('ENOENT');
  });
});

describe('a program that cannot run', () => {
  test('is missing', async () => {
    const call = { program: 'zstd', arguments: [], directory, environment: { PATH: directory } };
    const [finding] = await findingsOf(runProgram(call));
    expect(finding).toMatchObject({ code: 'program-missing', exitStatus: 2 });
    expect(finding?.fix).toMatch(/^Install .*PATH\.$/);
  });

  test('is not missing when its folder is', async () => {
    const call = { ...shell('exit 0'), directory: join(directory, 'gone') };
    expect(await findingsOf(runProgram(call))).toMatchObject([{ code: 'input-missing' }]);
  });

  test('was killed by somebody else, with its last lines', async () => {
    const [finding] = await findingsOf(runProgram(shell('echo compiling mad.c; kill -KILL $$')));
    expect(finding).toMatchObject({ code: 'program-killed', details: ['compiling mad.c'] });
    expect(finding?.what).toContain('SIGKILL');
  });

  test('has arguments that no program can take', async () => {
    const call = { program: '/bin/true', arguments: ['a\0b'], directory };
    expect(await findingsOf(runProgram(call))).toMatchObject([{ code: 'program-cannot-run' }]);
  });
});
