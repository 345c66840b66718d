import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Build, runBuild } from '../../../src/cli/build-command.js';
import { parseCommandLine } from '../../../src/cli/command-line.js';
import { diagnose, fail } from '../../../src/diagnostics/catalogue.js';
import { KptoolError } from '../../../src/diagnostics/diagnostic.js';
import type { BuildReport } from '../../../src/pipeline/options.js';
import { withLookups } from '../../../src/pipeline/refused-lookups.js';
import { recordedTerminal } from './screen.js';

const warning = { ...diagnose('usage-no-command', {}), severity: 'warning' as const, code: 'a-warning' };
const report: BuildReport = {
  name: 'livepatch-fix',
  kernel: { release: '6.1.0-1-amd64', chosenBy: 'the only one installed' },
  modules: [{ name: 'ib_mad', file: undefined, chosenBy: 'built from the unpatched source' }],
  objects: [
    {
      object: 'mad.o',
      module: 'ib_mad',
      changedFunctions: ['show'],
      newFunctions: [],
      newData: [],
      callbacks: [],
      changes: [],
      unchangedByLine: [],
      lookups: [],
    },
  ],
  unchangedObjects: [],
  warnings: [warning],
  workFolder: undefined,
};

const plan = { file: '/x.ko', workFolder: '/work', wholeTree: undefined, objects: [], commands: [] };

async function run(build: Build, ...words: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'kptool-build-command-'));
  const terminal = recordedTerminal(folder);
  const request = parseCommandLine(['build', '--oot', '.', 'x.patch', ...words], '1.2.3', 80);
  if (request.kind !== 'command') throw new Error('expected a command');
  const facts = { version: '1.2.3', words, reportTo: undefined, cache: join(folder, 'cache') };
  const answer = await runBuild(request, build, facts, terminal);
  return { answer, terminal, folder };
}

describe('exit status and outcome', () => {
  test.each([
    ['built', async () => ({ kind: 'built' as const, file: '/x.ko', report }), 0],
    ['unchanged', async () => ({ kind: 'unchanged' as const, report }), 3],
    ['checked', async () => ({ kind: 'checked' as const, report: { ...report, touched: [], compiled: [], plan } }), 0],
    ['refused', async () => refuse(1), 1],
    ['failed', async () => refuse(2), 2],
    ['failed', async () => Promise.reject(new TypeError('x is undefined')), 70],
    ['interrupted', async () => fail('interrupted', { during: 'make' }), 130],
  ] as const)('%s: %#', async (outcome, build, exitStatus) => {
    const { answer } = await run(build);
    expect(answer.exitStatus).toBe(exitStatus);
    expect(answer.document).toMatchObject({
      schema: 'kptool/1',
      version: '1.2.3',
      command: 'build',
      outcome,
      exitStatus,
    });
  });

  function refuse(exitStatus: 1 | 2): never {
    throw new KptoolError([{ ...diagnose('usage-no-command', {}), exitStatus }]);
  }

  test('the graver of two findings decides; a warning does not', async () => {
    const { answer } = await run(async () => {
      const error = diagnose('usage-no-command', {});
      throw new KptoolError([
        { ...error, exitStatus: 1 },
        { ...warning, exitStatus: 2 },
      ]);
    });
    expect(answer.exitStatus).toBe(1);
  });
});

describe('the document', () => {
  test('says why functions changed, without gaps', async () => {
    const place = { place: 'show+0x10', offset: 16, patched: 'ret' };
    const change = { ...place, function: 'show', reason: 'size' as const, about: undefined, original: undefined };
    const objects = report.objects.map((object) => ({ ...object, changes: [change] }));
    const { answer } = await run(async () => ({ kind: 'built', file: '/x.ko', report: { ...report, objects } }));
    expect(answer.document?.objects[0]?.changes).toEqual([
      { ...place, function: 'show', reason: 'size', about: null, original: null },
    ]);
  });

  test('of a build holds what the text holds', async () => {
    const { answer } = await run(async () => ({ kind: 'built', file: '/x.ko', report }));
    expect(answer.document).toMatchObject({
      file: '/x.ko',
      name: 'livepatch-fix',
      kernel: report.kernel,
      modules: [{ name: 'ib_mad', file: null, chosenBy: 'built from the unpatched source' }],
      objects: report.objects,
      workFolder: null,
    });
  });

  test('names a warning once that was told on the way and is in the report', async () => {
    const { answer } = await run(async (_, progress) => {
      progress.warn(warning);
      return { kind: 'unchanged', report };
    });
    expect(answer.document?.diagnostics.map(({ code }) => code)).toEqual(['a-warning']);
  });

  test('of a refused build holds what had been decided about symbols; the text does where it is asked', async () => {
    const decided = { symbol: 'helper', scope: 'local' as const, level: undefined, rule: undefined, target: undefined };
    const lookups = [{ ...decided, outcome: 'ambiguous' as const, evidence: 'equal in all' }];
    const refuse = async () => {
      const refusal = new KptoolError([
        diagnose('symbol-missing', { name: 'x', object: 'mad.o', objectName: 'ib_mad' }),
      ]);
      throw withLookups(refusal, [
        { object: 'mad.o', module: 'ib_mad', lookups },
        { object: 'cm.o', module: 'ib_mad', lookups: [] },
      ]);
    };
    const plain = await run(refuse);
    expect(plain.answer.text).toBe('');
    expect(plain.answer.document).toMatchObject({ outcome: 'refused', objects: [] });
    expect(plain.answer.document?.lookups).toEqual([
      { object: 'mad.o', module: 'ib_mad', lookups: [{ ...lookups[0], level: null, rule: null, target: null }] },
    ]);
    const explained = await run(refuse, '--explain-lookup');
    expect(explained.answer.text).toBe('mad.o in ib_mad\n  symbol helper is ambiguous in the target: equal in all\n');
    expect(explained.answer.messages).toBe(plain.answer.messages);
  });

  test('keeps warnings when the build fails after them, and names the work folder', async () => {
    const { answer } = await run(async (_, progress) => {
      progress.warn(warning);
      throw Object.assign(new KptoolError([diagnose('usage-no-command', {})]), { workFolder: '/cache/1' });
    });
    expect(answer.document?.diagnostics.map(({ code }) => code)).toEqual(['a-warning', 'usage-no-command']);
    expect(answer.document?.workFolder).toBe('/cache/1');
    expect(answer.messages).toContain('/cache/1');
  });
});

describe('where it is shown', () => {
  const build: Build = async (_, progress) => {
    await progress.step('Building', async () => undefined);
    return { kind: 'built', file: '/x.ko', report };
  };

  test('progress on standard output', async () => {
    const { terminal } = await run(build);
    expect(terminal.out.text()).toContain('==> Building');
  });

  test('with --json on standard error, so that standard output holds the document alone', async () => {
    const { terminal } = await run(build, '--json');
    expect(terminal.out.text()).toBe('');
    expect(terminal.err.text()).toContain('==> Building');
  });
});

describe('a bug', () => {
  const build: Build = async () => {
    throw new TypeError('x is undefined', { cause: new Error('deeper') });
  };

  test('is told as such, with a log of versions, command and stack', async () => {
    const { answer, folder } = await run(build, '--keep');
    expect(answer.messages).toContain('error: A bug in kptool 1.2.3: x is undefined   [internal-error]');
    expect(answer.messages).not.toContain('at async');
    const [file] = readdirSync(join(folder, 'cache'));
    const log = readFileSync(join(folder, 'cache', file ?? ''), 'utf8');
    expect(log).toContain('kptool 1.2.3, Node v');
    expect(log).toContain('"--keep"');
    expect(log).toMatch(/TypeError: x is undefined\n +at /);
    expect(log).toContain('caused by: Error: deeper');
  });

  test('shows its stack with --debug', async () => {
    const { answer } = await run(build, '--debug');
    expect(answer.messages).toMatch(/TypeError: x is undefined\n +at /);
  });
});

test('settings of a configuration file reach the build, and the file is named', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kptool-build-command-'));
  writeFileSync(join(folder, 'c.json'), '{ "jobs": 5 }');
  let jobs = 0;
  const { terminal } = await run(
    async (options) => {
      jobs = options.jobs;
      return { kind: 'unchanged', report };
    },
    '--config-file',
    join(folder, 'c.json'),
  );
  expect(jobs).toBe(5);
  expect(terminal.out.text()).toContain(`settings from ${join(folder, 'c.json')}`);
});

test('the first Ctrl-C aborts the build, which then counts as interrupted whatever fails', async () => {
  const { answer, terminal } = await run(async ({ signal }) => {
    process.emit('SIGINT');
    expect(signal?.aborted).toBe(true);
    throw new KptoolError([diagnose('usage-no-command', {})]);
  });
  expect(answer).toMatchObject({ exitStatus: 130, document: { outcome: 'interrupted' } });
  expect(terminal.err.text()).toContain('Press Ctrl-C again');
  expect(process.listenerCount('SIGINT')).toBe(0);
});
