/**
 * Every folder of fixtures/lookup: C sources, how they are linked, what is asked, and what the lookup must answer in
 * `expected.txt`, with the level that decided and its evidence. `KPTOOL_UPDATE_EXPECTED=1` writes that file anew; read it
 * before you commit it.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LOOKUP_LEVELS } from '../../src/lookup/create-lookup.js';
import { caseNames, casesFolder, missingPrograms, runCase } from './lookup-case.js';

const isUpdating = process.env.KPTOOL_UPDATE_EXPECTED === '1';
const expectedFile = (name: string) => path.join(casesFolder, name, 'expected.txt');

test('every level decides somewhere, and has a case with its name', () => {
  const texts = caseNames.map((name) => [name, readFileSync(expectedFile(name), 'utf8')] as const);
  for (const level of LOOKUP_LEVELS.keys()) {
    const own = texts.filter(([name, text]) => name.startsWith(`level-${level}-`) && text.includes(`level ${level}: `));
    expect(own.length, `level ${level}`).toBeGreaterThan(0);
  }
});

describe.skipIf(missingPrograms.length > 0)(
  `lookup cases (missing: ${missingPrograms.join(', ') || 'nothing'})`,
  () => {
    let work = '';
    beforeAll(() => {
      work = mkdtempSync(path.join(tmpdir(), 'kptool-lookup-'));
    });
    afterAll(() => rmSync(work, { recursive: true, force: true }));

    test.concurrent.each(caseNames)('%s', async (name) => {
      const text = await runCase(name, work);
      const file = expectedFile(name);
      if (isUpdating) writeFileSync(file, text);
      expect(text).toBe(existsSync(file) ? readFileSync(file, 'utf8') : '');
    });
  },
);
