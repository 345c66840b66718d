/** Texts of vmlinux that have namesakes, where its symbols are addresses only: what the livepatch gets a copy of. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KptoolError } from '../../src/diagnostics/diagnostic.js';
import { indexExports } from '../../src/lookup/exports.js';
import { parseSystemMap } from '../../src/lookup/system-map.js';
import { diffPair } from '../../src/pipeline/diff-pair.js';
import { missingPrograms } from './inline-pair.js';

const flags = '-c -O2 -pg -mfentry -mrecord-mcount -fno-pie -mcmodel=kernel -ffunction-sections -fdata-sections';

/** What NL_SET_ERR_MSG makes of two texts; `limits` is constant and no text, `last` a text and not constant. */
const source = (limit: number) => `
extern void answer(const char *, const int *);
static __attribute__((noinline)) int check(int x)
{
	static const int limits[] = { 3, 5 };
	static const char __msg[] = "the first is too large";
	static char last[] = "none so far";
	last[0] = x;
	if (x > ${limit}) { answer(__msg, limits); return -1; }
	return limits[x & 1] + last[x & 1];
}
int open(int x) { static const char __msg[] = "another"; if (x) answer(__msg, 0); return check(x); }
`;

/** As gcc numbers them, in the order in which `check` and `open` have them. */
const data = ['limits.0', '__msg.1', 'last.2', '__msg.3'];

/** The kernel's symbols, with `namesake` twice; the neighbours of either say nothing. */
function mapWith(namesake: string | undefined): string {
  const functions = ['answer', '__fentry__', 'open'].map((name) => `T ${name}`);
  const lines = [
    ...functions,
    't check',
    ...[...data, namesake ?? 'other'].flatMap((name) => [`d ${name}`, 'd between']),
  ];
  return lines.map((line, at) => `ffffffff8100${at.toString(16)}000 ${line}`).join('\n');
}

describe.skipIf(missingPrograms.length > 0)(`with gcc (missing: ${missingPrograms.join(', ') || 'nothing'})`, () => {
  let folder = '';
  let objects: readonly Buffer[] = [];
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'kptool-copied-texts-'));
    objects = [100, 90].map((limit) => {
      const file = path.join(folder, 'nexthop.c');
      writeFileSync(file, source(limit));
      execFileSync('gcc', [...flags.split(' '), '-o', `${file}.o`, file]);
      return readFileSync(`${file}.o`);
    });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function diff(namesake?: string) {
    const [original, patched = Buffer.alloc(0)] = objects;
    const target = { target: 'vmlinux', table: parseSystemMap(mapWith(namesake), 'System.map') };
    const rest = { objectName: 'nexthop.o', exports: indexExports([]), entrySizes: {} };
    try {
      const outcome = diffPair({ original, patched, ...target, ...rest });
      if (outcome.kind !== 'changed') return outcome.kind;
      const { changedFunctions, newData } = outcome.diff;
      return { changed: changedFunctions.map(({ name }) => name), added: newData.map(({ name }) => name) };
    } catch (error) {
      if (!(error instanceof KptoolError)) throw error;
      return error.diagnostics.map(({ code, what }) => `${code}: ${data.find((name) => what.includes(name))}`);
    }
  }

  test('a text goes along as a copy where nobody knows which one of its name it is', () => {
    expect(diff('__msg.1')).toEqual({ changed: ['check'], added: ['__msg.1'] });
  });

  test.each([
    ['one that is known is left to the target', undefined],
    ['one that only an unchanged function refers to is nobody’s business', '__msg.3'],
  ])('%s', (_what, namesake) => {
    expect(diff(namesake)).toEqual({ changed: ['check'], added: [] });
  });

  test.each(['limits.0', 'last.2'])('anything else is refused as before: %s', (namesake) => {
    expect(diff(namesake)).toEqual([`symbol-ambiguous: ${namesake}`]);
  });
});
