/**
 * Whatever the bytes are, reading ends with a value or with a diagnostic: no other exception, no endless work. What is
 * accepted can be written and read again.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KptoolError } from '../../../src/diagnostics/diagnostic.js';
import { dumpElf } from '../../../src/elf/dump.js';
import { readImage } from '../../../src/elf/image.js';
import { readElf } from '../../../src/elf/read.js';
import { writeElf } from '../../../src/elf/write.js';
import { buildRichObject, ObjectBuilder } from '../../builders/elf.js';
import { cpuMilliseconds, mostMilliseconds } from '../../builders/growth.js';
import { startWatchdog, type Watchdog } from '../../builders/watchdog.js';

const SEED = 20_260_622;
const RUNS = 3000;

const originals = [
  writeElf(buildRichObject('little')),
  writeElf(buildRichObject('big')),
  writeElf(new ObjectBuilder().build()),
];

/** One damage to a file: `bytes` written over what is there, a cut, or a piece of the file moved elsewhere. */
type Damage =
  | { readonly kind: 'overwrite'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly at: number }
  | { readonly kind: 'splice'; readonly from: number; readonly length: number; readonly at: number };

/** Values that break arithmetic: limits of signs and widths, and numbers that look like indices. */
const telling = fc.constantFrom(
  [0],
  [0xff],
  [0x7f],
  [0x80],
  [1, 0],
  [0, 0xff],
  [0xff, 0xff],
  [0xff, 0xff, 0xff, 0xff],
  [0, 0, 0, 0, 0, 0, 0, 0x80],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
);

/** A place as a share of the file; without fast-check's liking for 0, where the magic number is. */
const place = fc.noBias(fc.integer({ min: 0, max: 99_999 })).map((share) => share / 100_000);

const damage: fc.Arbitrary<Damage> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('overwrite' as const),
      at: place,
      bytes: fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 8 }),
        telling.map((bytes) => Uint8Array.from(bytes)),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate' as const), at: place }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('splice' as const),
      from: place,
      length: fc.integer({ min: 1, max: 128 }),
      at: place,
    }),
  },
);

function damaged(bytes: Uint8Array, { at, ...change }: Damage): Uint8Array {
  const offset = Math.floor(at * bytes.length);
  if (change.kind === 'truncate') return bytes.slice(0, offset);
  const copy = Uint8Array.from(bytes);
  if (change.kind === 'overwrite') {
    copy.set(change.bytes.subarray(0, bytes.length - offset), offset);
    return copy;
  }
  const from = Math.floor(change.from * bytes.length);
  copy.set(bytes.subarray(from, from + Math.min(change.length, bytes.length - offset)), offset);
  return copy;
}

/** What `read` makes of the bytes; undefined if it refuses them with a diagnostic. */
function outcomeOf<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof KptoolError)) throw error;
    expect(error.diagnostics[0]?.code).toMatch(/^elf-/);
    return undefined;
  }
}

/** Reads the bytes; what could be read is written, read again and the same. */
function readAndWrite(bytes: Uint8Array): 'read' | 'refused' {
  outcomeOf(() => readImage(bytes, 'damaged.ko').sections.map((section) => section.content()));
  const object = outcomeOf(() => readElf(bytes, 'damaged.o'));
  if (object === undefined) return 'refused';
  const written = writeElf(object);
  const again = readElf(written, 'damaged.o');
  expect(Buffer.compare(writeElf(again), written)).toBe(0);
  expect(dumpElf(again).length).toBe(dumpElf(object).length);
  return 'read';
}

let watchdog: Watchdog;
beforeAll(() => {
  watchdog = startWatchdog(60_000);
});
afterAll(() => watchdog.stop());

test(`damaged files are read or refused (seed ${SEED}, ${RUNS} runs)`, { timeout: 120_000 }, () => {
  const outcomes = { read: 0, refused: 0 };
  const most = mostMilliseconds(originals.map((bytes) => () => readAndWrite(bytes)));
  const property = fc.property(
    fc.constantFrom(...originals),
    fc.array(damage, { minLength: 1, maxLength: 4 }),
    (original, damages) => {
      const bytes = damages.reduce(damaged, original);
      watchdog.beat();
      const milliseconds = cpuMilliseconds(() => {
        outcomes[readAndWrite(bytes)] += 1;
      });
      expect(milliseconds).toBeLessThan(most);
    },
  );
  fc.assert(property, { seed: SEED, numRuns: RUNS });
  // A property that only ever sees one side proves little.
  expect(outcomes.read).toBeGreaterThan(RUNS / 10);
  expect(outcomes.refused).toBeGreaterThan(RUNS / 10);
});

test(`arbitrary bytes behind an ELF header are read or refused (seed ${SEED})`, () => {
  const property = fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
    const bytes = Buffer.concat([(originals[0] ?? new Uint8Array(0)).subarray(0, 40), noise]);
    outcomeOf(() => readElf(bytes, 'noise.o'));
    outcomeOf(() => readImage(bytes, 'noise.ko'));
  });
  fc.assert(property, { seed: SEED, numRuns: 1000 });
});
