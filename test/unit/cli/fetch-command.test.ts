import { describe, expect, test } from 'vitest';
import { parseCommandLine } from '../../../src/cli/command-line.js';
import { runKernelFetch } from '../../../src/cli/fetch-command.js';
import { run } from '../../../src/cli/run.js';
import { fail } from '../../../src/diagnostics/catalogue.js';
import type { FetchOptions, FetchReport } from '../../../src/pipeline/fetch-source.js';
import { recordedTerminal } from './screen.js';

const plan: FetchReport = {
  ...{ package: 'linux-source-6.1', version: '6.1.55-1', saidBy: 'the installed package linux-headers-6.1.0-13-amd64' },
  ...{ url: 'http://deb.example.org/x.deb', bytes: 139_331_676, file: '/c/sources/x.tar.xz', state: 'planned' },
  kernel: { release: '6.1.0-13-amd64', chosenBy: 'the option --kernel' },
};
const planned = `linux-source-6.1 6.1.55-1, 140 MB to download
  for kernel 6.1.0-13-amd64, chosen by the option --kernel
  version by the installed package linux-headers-6.1.0-13-amd64
  from http://deb.example.org/x.deb
  to /c/sources/x.tar.xz
`;

/** Runs the command with a pipeline that asks, and somebody who says `answers`; without that nobody is there. */
async function fetch(words: readonly string[], answer?: string | null) {
  const request = parseCommandLine(['kernel', 'fetch', ...words], '1', 80);
  if (request.kind !== 'command') throw new Error('expected a command');
  const options: FetchOptions[] = [];
  const questions: string[] = [];
  const ask = async (question: string) => {
    questions.push(question);
    return answer ?? undefined;
  };
  const terminal = { ...recordedTerminal('/', { XDG_CACHE_HOME: '/xdg' }), ...(answer === undefined ? {} : { ask }) };
  const facts = { version: '1', words, reportTo: undefined, cache: '/c' };
  const result = await runKernelFetch(request, facts, terminal, async (asked) => {
    options.push(asked);
    if (asked.dryRun) return plan;
    if (!(await asked.confirm(plan))) fail('interrupted', { during: 'the question' });
    return { ...plan, state: 'fetched' };
  });
  return { ...result, questions, options, err: terminal.err.text() };
}

describe('on a terminal', () => {
  test.each(['y', 'YES', ' yes '])('%j is a yes', async (answer) => {
    const { exitStatus, err, text, questions } = await fetch([], answer);
    expect({ exitStatus, questions }).toEqual({ exitStatus: 0, questions: ['Download it? [y/N] '] });
    expect(err).toBe(planned);
    expect(text).toContain('fetched: linux-source-6.1 6.1.55-1, /c/sources/x.tar.xz\n');
    expect(text).toContain('kptool build --kernel 6.1.0-13-amd64 FILE.patch');
  });

  test.each(['', 'n', 'yesterday', null])('%j is a no', async (answer) => {
    expect(await fetch([], answer)).toMatchObject({ exitStatus: 130, text: '', document: { outcome: 'interrupted' } });
  });

  test('--yes asks nothing, and tells all the same', async () => {
    expect(await fetch(['--yes'], 'n')).toMatchObject({ exitStatus: 0, questions: [], err: planned });
  });
});

test('where nobody can answer, --yes is needed', async () => {
  const { exitStatus, messages } = await fetch([]);
  expect({ exitStatus, messages }).toEqual({ exitStatus: 2, messages: expect.stringContaining('[usage-unconfirmed]') });
  expect(messages).toContain('140 MB');
  expect((await fetch(['-y'])).exitStatus).toBe(0);
});

test('a dry run shows the plan', async () => {
  const { text, options } = await fetch(['--dry-run', '--package-version', '6.1.55-1', '--kernel', '6.1.0-13-amd64']);
  expect(text).toBe(`${planned}nothing was downloaded\n`);
  expect(options).toMatchObject([
    { dryRun: true, version: '6.1.55-1', kernel: '6.1.0-13-amd64', cache: '/xdg/kptool' },
  ]);
});

test('the document', async () => {
  const { document } = await fetch(['--json', '--yes']);
  const { kernel, ...fetched } = plan;
  expect(document).toMatchObject({ command: 'kernel', outcome: 'fetched', exitStatus: 0, kernel });
  expect(document?.fetched).toEqual({ ...fetched, state: 'fetched' });
});

test.each([
  ['kernel fetch --package-version x', 'usage-bad-value'],
  ['kernel fetch --vmlinux x', 'usage-unknown-option'],
  ['kernel info --yes', 'usage-unknown-option'],
  ['kernel info --dry-run', 'usage-unknown-option'],
  ['kernel fetsh', 'usage-unknown-command'],
  ['kernel', 'usage-missing-argument'],
])('%s: %s', async (line, code) => {
  const terminal = recordedTerminal('/', { XDG_CACHE_HOME: '/dev/null' });
  expect(await run(line.split(' '), terminal)).toBe(2);
  expect(terminal.err.text()).toContain(`[${code}]`);
});
