import { expect, test } from 'vitest';
import { parseCommandLine } from '../../../src/cli/command-line.js';
import { runKernelInfo } from '../../../src/cli/kernel-command.js';
import { fail } from '../../../src/diagnostics/catalogue.js';
import type { KernelInfo, KernelInfoOptions } from '../../../src/pipeline/kernel-info.js';
import { recordedTerminal } from './screen.js';

const info: KernelInfo = {
  isKnown: true,
  chosen: { release: '6.1.0-13-amd64', chosenBy: 'the option --kernel' },
  facts: [
    { subject: 'release', state: 'found', text: '6.1.0-13-amd64', from: 'the option --kernel' },
    {
      subject: 'compiler',
      state: 'missing',
      text: 'not there',
      install: 'apt-get install gcc-12',
      advice: 'install it',
    },
    { subject: 'BTF', state: 'found', text: 'no', from: '/b/.config' },
  ],
};

async function answer(words: readonly string[], of: () => KernelInfo = () => info) {
  const request = parseCommandLine(['kernel', 'info', ...words], '1', 80);
  if (request.kind !== 'command') throw new Error('expected a command');
  const asked: KernelInfoOptions[] = [];
  const describe = async (options: KernelInfoOptions) => {
    asked.push(options);
    return of();
  };
  const facts = { version: '1', words, reportTo: undefined, cache: '/c' };
  const result = await runKernelInfo(request, facts, recordedTerminal('/', { XDG_CACHE_HOME: '/xdg' }), describe);
  return { ...result, asked };
}

test('a line a fact, with where it comes from and what to type', async () => {
  const { text, exitStatus } = await answer([]);
  expect(exitStatus).toBe(0);
  expect(text).toBe(`Kernel 6.1.0-13-amd64
  ok       release   6.1.0-13-amd64 (the option --kernel)
  MISSING  compiler  not there: apt-get install gcc-12
  ok       BTF       no (/b/.config)
`);
});

test('the document has no gaps', async () => {
  const { document } = await answer(['--json']);
  expect(document).toMatchObject({ command: 'kernel', outcome: 'examined', exitStatus: 0, kernel: info.chosen });
  expect(document?.kernelFacts?.slice(1)).toEqual([
    {
      ...{ subject: 'compiler', state: 'missing', text: 'not there', from: null },
      ...{ install: 'apt-get install gcc-12', advice: 'install it' },
    },
    { subject: 'BTF', state: 'found', text: 'no', from: '/b/.config', install: null, advice: null },
  ]);
});

test('a kernel that is not known, or not chosen, is exit status 2', async () => {
  const unknown = await answer([], () => ({ ...info, isKnown: false }));
  expect(unknown).toMatchObject({ exitStatus: 2, document: { outcome: 'failed', kernel: info.chosen } });
  const open = await answer([], () => fail('kernel-ambiguous', { running: '5.10.0', installed: ['6.1', '6.2'] }));
  expect(open).toMatchObject({ exitStatus: 2, text: '', document: { command: 'kernel', kernelFacts: null } });
  expect(open.messages).toContain('[kernel-ambiguous]');
});

test('options reach the pipeline, paths absolute', async () => {
  const words = ['--kernel', '6.1.0-13-amd64', '--sourcedir', 's', '--vmlinux', 'v', '--make-arg', 'CC=gcc-12'];
  const { asked } = await answer([...words, '--build-directory', 'b', '--cache', 'c']);
  expect(asked).toMatchObject([
    {
      ...{ kernel: '6.1.0-13-amd64', kernelSource: { folder: '/s' }, vmlinux: '/v', makeArguments: ['CC=gcc-12'] },
      ...{ buildDirectory: '/b', cache: '/c' },
    },
  ]);
  expect((await answer([])).asked).toMatchObject([{ kernelSource: {}, makeArguments: [], cache: '/xdg/kptool' }]);
  const two = await answer(['--sourcedir', 's', '--source-archive', 'a']);
  expect(two.messages).toContain('[usage-two-trees]');
});
