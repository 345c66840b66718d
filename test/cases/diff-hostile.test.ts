/**
 * Compiled pairs, damaged byte by byte: whatever stands in the files, comparing them ends with a result that can be
 * written, with no change, or with diagnostics; never with another exception, and never late.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PairInput } from '../../src/pipeline/diff-pair.js';
import { cpuMilliseconds, mostMilliseconds } from '../builders/growth.js';
import { startWatchdog, type Watchdog } from '../builders/watchdog.js';
import { type CaseResult, compileCase, missingPrograms, runCase, writeResult } from './diff-case.js';

const SEED = 20_261_122;
const RUNS = 2000;

/** Of fixtures/diff: tables, parts, static locals, pools, padding, groups. */
const pairNames = [
  'alternatives-with-replacement',
  'bug-entries-of-included-functions',
  'cold-part-keeps-its-static-local',
  'debug-print-keeps-its-key',
  'end-of-a-table-in-a-shared-section',
  'entry-with-endbr-and-padding',
  'group-member-unchanged',
  'ignored-section-stays',
  'jump-label-key-in-vmlinux',
  'line-number-only-moved',
  'static-locals-swapped-order',
  'switch-table-comes-along',
];

type Side = 'original' | 'patched';

/** Writes over `bytes`, at a share of the file or, where the numbers hurt most, of its headers and tables. */
interface Damage {
  readonly sides: readonly Side[];
  readonly at: number;
  readonly isInTables: boolean;
  readonly bytes: Uint8Array;
}

/** Limits of signs and widths, and small numbers, which are taken for other indices, types and offsets. */
const telling = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 8 }),
  fc.integer({ min: 0, max: 40 }).map((number) => Uint8Array.from([number])),
  fc
    .constantFrom([0xff], [0x80], [0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], [0xf1, 0xff], [0, 0, 0, 0, 0, 0, 0, 0x80])
    .map((bytes) => Uint8Array.from(bytes)),
);

const damages = fc.array(
  fc.record({
    sides: fc.constantFrom<readonly Side[]>(['original'], ['patched'], ['original', 'patched']),
    at: fc.noBias(fc.integer({ min: 0, max: 99_999 })).map((share) => share / 100_000),
    isInTables: fc.boolean(),
    bytes: telling,
  }),
  { minLength: 1, maxLength: 3 },
);

/** Symbols, relocations and section headers stand behind the content in what gas writes. */
function tablesStart(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const headers = Number(view.getBigUint64(40, true));
  const count = view.getUint16(60, true);
  let start = headers;
  for (let index = 1; index < count; index++) {
    const header = headers + index * 64;
    const isSymbolTable = view.getUint32(header + 4, true) === 2;
    if (isSymbolTable) start = Number(view.getBigUint64(header + 24, true));
  }
  return start;
}

function damaged(bytes: Uint8Array, side: Side, all: readonly Damage[]): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const tables = tablesStart(bytes);
  for (const { sides, at, isInTables, bytes: written } of all) {
    if (!sides.includes(side)) continue;
    const from = isInTables ? tables : 0;
    const offset = from + Math.floor(at * (copy.length - from));
    copy.set(written.subarray(0, copy.length - offset), offset);
  }
  return copy;
}

function compareAndWrite(pair: PairInput): CaseResult {
  const result = runCase(pair);
  if (result.kind === 'changed') writeResult(result);
  return result;
}

describe.skipIf(missingPrograms.length > 0)(
  `damaged pairs (missing: ${missingPrograms.join(', ') || 'nothing'})`,
  () => {
    let work = '';
    let pairs: readonly PairInput[] = [];
    let watchdog: Watchdog | undefined;
    beforeAll(async () => {
      watchdog = startWatchdog(60_000);
      work = mkdtempSync(path.join(tmpdir(), 'kptool-diff-'));
      pairs = await Promise.all(pairNames.map((name) => compileCase(name, work)));
    });
    afterAll(async () => {
      rmSync(work, { recursive: true, force: true });
      await watchdog?.stop();
    });

    test(`are compared or refused (seed ${SEED}, ${RUNS} runs)`, { timeout: 300_000 }, () => {
      const outcomes = new Map<string, number>();
      const count = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      const most = mostMilliseconds(pairs.map((pair) => () => compareAndWrite(pair)));
      const property = fc.property(fc.nat({ max: pairNames.length - 1 }), damages, (index, all) => {
        const pair = pairs[index];
        if (pair?.original === undefined) throw new Error('no such pair');
        const { original } = pair;
        watchdog?.beat();
        let result: CaseResult | undefined;
        const milliseconds = cpuMilliseconds(() => {
          result = compareAndWrite({
            ...pair,
            original: damaged(original, 'original', all),
            patched: damaged(pair.patched, 'patched', all),
          });
        });
        expect(milliseconds).toBeLessThan(most);
        if (result === undefined) throw new Error('no result');
        if (result.kind === 'refused') expect(result.findings.some(({ severity }) => severity === 'error')).toBe(true);
        count(result.kind);
        if (result.kind === 'refused') for (const { code } of result.findings) count(code);
      });
      fc.assert(property, { seed: SEED, numRuns: RUNS });
      // A property that sees only what the reader of ELF refuses would prove nothing of the comparison.
      expect(outcomes.get('changed') ?? 0).toBeGreaterThan(RUNS / 10);
      expect(outcomes.get('unchanged') ?? 0).toBeGreaterThan(0);
      expect(outcomes.size).toBeGreaterThan(12);
    });
  },
);
