/**
 * Whatever happens to an object, comparing it ends with a result or with a diagnostic: no other exception, no endless work,
 * no runaway memory. The seeds are the objects of fixtures/arch, of every CPU, and objects of fixtures/diff with tables
 * that those lack.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EntrySizes } from '../../src/arch/arch.js';
import { readElf } from '../../src/elf/read.js';
import { writeElf } from '../../src/elf/write.js';
import { encodeIntermediate } from '../../src/livepatch/encode-intermediate.js';
import type { PairInput } from '../../src/pipeline/diff-pair.js';
import { cpuMilliseconds, mostMilliseconds } from '../builders/growth.js';
import { damage, damaged } from '../builders/mutate-elf.js';
import { startWatchdog, type Watchdog } from '../builders/watchdog.js';
import { casesOf, cpus, readCase, runPair } from './arch-case.js';
import { compileCase, missingPrograms } from './diff-case.js';

const seed = Number(process.env.KPTOOL_SEED ?? 20_261_122);
const runs = Number(process.env.KPTOOL_MUTANTS ?? 4000);
const tableRuns = Math.ceil(runs / 4);
const mostMemory = 512 * 1024 * 1024;

const pairs = cpus.flatMap((cpu) => casesOf(cpu).map((name) => readCase(cpu, name)));

/** Pairs that differ, and each patched object with itself. */
function withUnchanged(differing: readonly PairInput[]): PairInput[] {
  return differing.flatMap((input) => [input, { ...input, original: input.patched }]);
}

/** Mostly those of the kernel; else sizes that fit no table. */
const sizes: fc.Arbitrary<number | undefined> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.constantFrom(1, 3, 5, 4096) },
);

/** Sound and damaged objects; a number of a seed stands for its objects so that a failure is short to tell. */
const mutantOf = (count: number) =>
  fc.record({
    seed: fc.nat(count - 1),
    donor: fc.nat(count - 1),
    side: fc.constantFrom('original' as const, 'patched' as const),
    damages: fc.array(damage, { minLength: 1, maxLength: 3 }),
    entrySize: sizes,
  });

/** Jump labels, static calls, stack rows, alternatives, groups, callbacks. */
const tableCases = ['tables-of-all-kinds', 'callback-beside-a-changed-function', 'static-call-of-tracepoint-dropped'];

let watchdog: Watchdog | undefined;
beforeAll(() => {
  watchdog = startWatchdog(60_000);
});
afterAll(() => watchdog?.stop());

/** As `create-diff-object` does, to the written bytes. */
function compare(input: PairInput): 'changed' | 'unchanged' | 'refused' {
  const result = runPair(input);
  if (result.kind !== 'changed') return result.kind;
  encodeIntermediate(result.diff.object, result.parts, result.diff.arch.absolute64);
  readElf(writeElf(result.diff.object), 'written.o');
  return 'changed';
}

test(`a damaged object is compared or refused (seed ${seed}, ${runs} mutants)`, { timeout: 180_000 }, () => {
  checkMutants(withUnchanged(pairs), runs);
});

describe.skipIf(missingPrograms.length > 0)(`missing: ${missingPrograms.join(', ') || 'nothing'}`, () => {
  test(`so is one with tables of all kinds (seed ${seed}, ${tableRuns} mutants)`, { timeout: 180_000 }, async () => {
    const work = mkdtempSync(path.join(tmpdir(), 'kptool-mutants-'));
    try {
      checkMutants(withUnchanged(await Promise.all(tableCases.map((name) => compileCase(name, work)))), tableRuns);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
});

function checkMutants(sounds: readonly PairInput[], count: number): void {
  const outcomes = { changed: 0, unchanged: 0, refused: 0 };
  const memoryBefore = process.resourceUsage().maxRSS * 1024;
  const most = mostMilliseconds(sounds.map((sound) => () => compare(sound)));
  let longest = 0;
  const property = fc.property(mutantOf(sounds.length), ({ seed: number, donor, side, damages, entrySize }) => {
    watchdog?.beat();
    const sound = sounds[number];
    if (sound === undefined) return;
    const input = {
      ...sound,
      [side]: damaged(sound[side] ?? new Uint8Array(0), damages, sounds[donor]?.patched ?? new Uint8Array(0)),
      entrySizes: entrySize === undefined ? sound.entrySizes : allOf(entrySize),
    };
    const milliseconds = cpuMilliseconds(() => {
      outcomes[compare(input)] += 1;
    });
    longest = Math.max(longest, milliseconds);
    expect(milliseconds).toBeLessThan(most);
  });
  fc.assert(property, { seed, numRuns: count });
  // The most that there ever was, so that once at the end is enough.
  const memory = process.resourceUsage().maxRSS * 1024 - memoryBefore;
  expect(memory).toBeLessThan(mostMemory);
  console.log(
    `seed ${seed}: ${JSON.stringify(outcomes)}; longest ${Math.round(longest)} ms, ${Math.round(most)} allowed; ${Math.round(memory / 2 ** 20)} MiB more than before`,
  );
  // A property that only ever sees one side proves little.
  for (const outcome of Object.values(outcomes)) expect(outcome).toBeGreaterThan(count / 100);
}

function allOf(bytes: number): EntrySizes {
  return {
    ALT_STRUCT_SIZE: bytes,
    BUG_STRUCT_SIZE: bytes,
    EX_STRUCT_SIZE: bytes,
    FIXUP_STRUCT_SIZE: bytes,
    JUMP_STRUCT_SIZE: bytes,
    ORC_STRUCT_SIZE: bytes,
  };
}
