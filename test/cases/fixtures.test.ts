/** The fixtures hold together: every patch belongs to a scenario and applies to the tree exactly as it must. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execaSync } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fixtures, readScenarios } from '../kernel/scenario.js';

const { live, stopped } = readScenarios();
const scenarios = [...live, ...stopped];

test('every patch file belongs to one scenario', () => {
  const files = readdirSync(path.join(fixtures, 'patches')).filter((file) => file.endsWith('.patch'));
  expect(scenarios.flatMap(({ patches }) => patches).sort()).toEqual(files.sort());
});

test('scenarios come in both kinds', () => {
  expect(live.length).toBeGreaterThanOrEqual(12);
  expect(stopped.length).toBeGreaterThanOrEqual(6);
});

describe('patches', () => {
  let tree = '';
  beforeEach(() => {
    tree = mkdtempSync(path.join(tmpdir(), 'kptool-fixtures-'));
    cpSync(path.join(fixtures, 'ib_mad'), tree, { recursive: true });
  });
  afterEach(() => rmSync(tree, { recursive: true }));

  test.each(scenarios.filter(({ name }) => name !== 'does-not-apply'))('$name applies without offset', (scenario) => {
    for (const file of scenario.patchFiles) {
      const { stdout, exitCode } = applyPatch(tree, file);
      expect(exitCode, stdout).toBe(0);
      expect(stdout).not.toMatch(/offset|fuzz/);
    }
  });

  test('does-not-apply does not', () => {
    const scenario = scenarios.find(({ name }) => name === 'does-not-apply');
    expect(applyPatch(tree, scenario?.patchFiles[0] ?? '').exitCode).toBe(1);
  });
});

function applyPatch(tree: string, file: string): { stdout: string; exitCode: number | undefined } {
  const words = ['-p1', '-F0', '--forward', '-d', tree, '-i', file];
  const { stdout, exitCode } = execaSync('patch', words, { reject: false });
  return { stdout, exitCode };
}
