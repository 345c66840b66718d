/** The last line of scripts/test must tell the truth: scripts/count-tests.mjs on results of every kind. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/count-tests.mjs', import.meta.url));

interface Tier {
  readonly status?: number;
  /** States of the tests in one file; absent: vitest left no result. */
  readonly tests?: readonly string[];
  /** The file's own state. */
  readonly file?: string;
}

async function count(tiers: Readonly<Record<string, Tier>>, checks: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'kptool-count-'));
  for (const [name, result] of Object.entries(checks)) writeFileSync(join(folder, `${name}.check`), `${result}\n`);
  for (const [name, { status = 0, tests, file = 'passed' }] of Object.entries(tiers)) {
    writeFileSync(join(folder, `${name}.status`), `${status}\n`);
    if (tests === undefined) continue;
    const assertionResults = tests.map((state, index) => ({
      status: state,
      title: `test ${index}`,
      ancestorTitles: ['a group (needs gcc)'],
    }));
    const suite = { name: 'x.test.ts', status: file, message: 'it did not load', assertionResults };
    writeFileSync(join(folder, `${name}.json`), JSON.stringify({ testResults: [suite] }));
  }
  const run = await execa('node', [script, folder, ...Object.keys(tiers)], { reject: false });
  return { lines: run.stdout.split('\n'), exitCode: run.exitCode };
}

test('adds up all tiers, and the line is the last one', async () => {
  const { lines, exitCode } = await count({
    unit: { tests: ['passed', 'passed'] },
    cases: { tests: ['passed', 'skipped'] },
  });
  expect(lines.at(-1)).toBe('3 passed, 0 failed, 1 skipped');
  expect(exitCode).toBe(0);
});

test('names the reason of skips once', async () => {
  const { lines } = await count({ unit: { tests: ['passed', 'skipped', 'pending', 'todo'] } });
  expect(lines).toContain('skipped: unit: a group (needs gcc) (3 tests)');
});

test.each([
  [
    'a failed test',
    { unit: { status: 1, tests: ['passed', 'failed'], file: 'failed' } },
    '1 passed, 1 failed, 0 skipped',
  ],
  ['a file that did not load', { unit: { status: 1, tests: [], file: 'failed' } }, '0 passed, 2 failed, 0 skipped'],
  [
    'a set-up that failed',
    { unit: { status: 1, tests: ['passed', 'skipped'], file: 'failed' } },
    '1 passed, 1 failed, 1 skipped',
  ],
  ['an error beside the tests', { unit: { status: 1, tests: ['passed'] } }, '1 passed, 1 failed, 0 skipped'],
  ['a tier without result', { unit: { tests: ['passed'] }, kernel: { status: 134 } }, '1 passed, 1 failed, 0 skipped'],
  ['a tier without tests', { unit: { tests: [] } }, '0 passed, 1 failed, 0 skipped'],
])('counts %s as a failure', async (_, tiers, line) => {
  const { lines, exitCode } = await count(tiers);
  expect(lines.at(-1)).toBe(line);
  expect(exitCode).toBe(1);
});

test('counts a failed check', async () => {
  const { lines, exitCode } = await count({ unit: { tests: ['passed'] } }, { lint: 'failed', build: 'passed' });
  expect(lines).toContain('failed: lint');
  expect(lines.at(-1)).toBe('1 passed, 1 failed, 0 skipped');
  expect(exitCode).toBe(1);
});
