/**
 * Every folder of fixtures/diff: two C sources, compiled and compared, and what must come of it in `expected.txt`.
 * `KPTOOL_UPDATE_EXPECTED=1` writes that file anew; read it before you commit it.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readElf } from '../../src/elf/read.js';
import {
  brokenPromises,
  caseNames,
  casesFolder,
  compileCase,
  missingPrograms,
  runCase,
  writeResult,
} from './diff-case.js';
import { describeResult } from './diff-report.js';

const isUpdating = process.env.KPTOOL_UPDATE_EXPECTED === '1';

test('there are cases', () => {
  expect(caseNames.length).toBeGreaterThan(80);
});

describe.skipIf(missingPrograms.length > 0)(`diff cases (missing: ${missingPrograms.join(', ') || 'nothing'})`, () => {
  let work = '';
  beforeAll(() => {
    work = mkdtempSync(path.join(tmpdir(), 'kptool-diff-'));
  });
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  test.concurrent.each(caseNames)('%s', async (name) => {
    const input = await compileCase(name, work);
    const result = runCase(input);
    const text = describeResult(result);
    const file = path.join(casesFolder, name, 'expected.txt');
    if (isUpdating) writeFileSync(file, text);
    const expected = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (text !== expected) console.log(`${file} would be:\n${text}`);
    expect(text).toBe(expected);

    // The tables tell the sizes of their entries themselves.
    expect(describeResult(runCase({ ...input, entrySizes: {} }))).toBe(text);
    // Two objects that the compiler made equal would prove nothing.
    expect(Buffer.compare(input.original ?? Buffer.alloc(0), input.patched), 'the two objects differ').not.toBe(0);
    if (result.kind !== 'changed') return;
    expect(brokenPromises(input, result)).toEqual([]);
    const written = writeResult(result);
    expect(readElf(written, name).sections.map((section) => section.name)).toContain('.kpatch.funcs');
    const again = runCase(input);
    if (again.kind === 'changed') expect(Buffer.compare(written, writeResult(again)), 'the same bytes again').toBe(0);
  });
});
