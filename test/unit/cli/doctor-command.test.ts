import { expect, test } from 'vitest';
import { parseCommandLine } from '../../../src/cli/command-line.js';
import { runDoctor } from '../../../src/cli/doctor-command.js';
import type { DoctorOptions, DoctorReport } from '../../../src/pipeline/doctor.js';
import { recordedTerminal } from './screen.js';

const report: DoctorReport = {
  isReady: false,
  chosen: { release: '6.1.0-13-amd64', chosenBy: 'the option --kernel' },
  machine: [
    { subject: 'make', state: 'found', text: '4.3, /usr/bin/make' },
    { subject: 'awk', state: 'missing', text: 'is run', install: 'apt-get install gawk', advice: 'install awk' },
    { subject: 'loading', state: 'note', text: 'it refuses', advice: 'sign them' },
  ],
  install: ['apt-get install gawk'],
  kernels: [
    {
      release: '6.1.0-13-amd64',
      buildDirectory: undefined,
      isReady: false,
      facts: [{ subject: 'headers', state: 'missing', text: 'not there', advice: 'copy them' }],
    },
    { release: '6.1.0-18-amd64', buildDirectory: '/b', isReady: true, facts: [] },
  ],
};

async function answer(of: DoctorReport, ...words: string[]) {
  const request = parseCommandLine(['doctor', ...words], '1', 80);
  if (request.kind !== 'command') throw new Error('expected a command');
  const asked: DoctorOptions[] = [];
  const examine = async (options: DoctorOptions) => {
    asked.push(options);
    return of;
  };
  const facts = { version: '1', words, reportTo: undefined, cache: '/c' };
  const result = await runDoctor(request, facts, recordedTerminal('/', { XDG_CACHE_HOME: '/xdg' }), examine);
  return { ...result, asked };
}

test('a line a fact, and what to type for all of it', async () => {
  const { text, exitStatus } = await answer(report);
  expect(exitStatus).toBe(2);
  expect(text).toBe(`This machine
  ok       make     4.3, /usr/bin/make
  MISSING  awk      is run: apt-get install gawk
  note     loading  it refuses: sign them

Kernel 6.1.0-13-amd64, chosen by the option --kernel
  MISSING  headers  not there: copy them

Kernel 6.1.0-18-amd64

not ready: no livepatch can be built here for kernel 6.1.0-13-amd64 before what is MISSING is there
  apt-get install gawk
`);
});

test('a machine that is ready', async () => {
  const { text, exitStatus, document } = await answer({ ...report, isReady: true });
  expect(exitStatus).toBe(0);
  expect(text).toMatch(/\nready to build livepatches for kernel 6\.1\.0-13-amd64\n$/);
  expect(document).toMatchObject({ command: 'doctor', outcome: 'examined', exitStatus: 0 });
  const open = await answer({ ...report, isReady: true, chosen: undefined });
  expect(open.text).toMatch(/for kernel 6\.1\.0-18-amd64, as --kernel or a module says\n$/);
});

test('the document has no gaps', async () => {
  const { document } = await answer(report, '--json');
  expect(document).toMatchObject({ outcome: 'failed', exitStatus: 2 });
  expect(document?.machine).toEqual({
    isReady: false,
    chosen: report.chosen,
    install: ['apt-get install gawk'],
    facts: [
      { subject: 'make', state: 'found', text: '4.3, /usr/bin/make', install: null, advice: null },
      { subject: 'awk', state: 'missing', text: 'is run', install: 'apt-get install gawk', advice: 'install awk' },
      { subject: 'loading', state: 'note', text: 'it refuses', install: null, advice: 'sign them' },
    ],
    kernels: [
      {
        release: '6.1.0-13-amd64',
        buildDirectory: null,
        isReady: false,
        facts: [{ subject: 'headers', state: 'missing', text: 'not there', install: null, advice: 'copy them' }],
      },
      { release: '6.1.0-18-amd64', buildDirectory: '/b', isReady: true, facts: [] },
    ],
  });
});

test('options reach the examination', async () => {
  const words = ['--kernel', '6.1.0-13-amd64', '--make-arg', 'CC=gcc-12', '--build-directory', 'b', '--cache', 'c'];
  const { asked } = await answer(report, ...words);
  expect(asked).toMatchObject([
    { kernel: '6.1.0-13-amd64', makeArguments: ['CC=gcc-12'], buildDirectory: '/b', cache: '/c' },
  ]);
  expect((await answer(report)).asked).toMatchObject([{ makeArguments: [], cache: '/xdg/kptool' }]);
});

test('it takes no operand', () => {
  expect(() => parseCommandLine(['doctor', 'fix.patch'], '1', 80)).toThrow(/no use for the argument "fix.patch"/);
  expect(() => parseCommandLine(['doctor', '--', 'fix.patch'], '1', 80)).toThrow('usage-extra-argument');
});
