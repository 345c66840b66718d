/** The types of `fixtures/debug/types.c`, out of what several compilers and options make of it; and out of damaged bytes. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareLayouts } from '../../src/diff/type-layout.js';
import { DebugTypes } from '../../src/elf/debug-types.js';
import type { ElfObject } from '../../src/elf/object.js';
import { readElf } from '../../src/elf/read.js';
import { cpuMilliseconds, mostMilliseconds } from '../builders/growth.js';
import { startWatchdog, type Watchdog } from '../builders/watchdog.js';
import { missingPrograms } from './inline-pair.js';

const folder = path.resolve(import.meta.dirname, '../../fixtures/debug');
const SEED = 20_261_126;
const RUNS = 400;

let work = '';
beforeAll(() => {
  work = mkdtempSync(path.join(tmpdir(), 'kptool-debug-'));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

function compile(...flags: readonly string[]): Buffer {
  const file = path.join(work, 'types.o');
  const words = ['-O2', '-ffunction-sections', '-fdata-sections', ...flags, '-c', path.join(folder, 'types.c')];
  execFileSync('gcc', [...words, '-o', file]);
  return readFileSync(file);
}

const read = (bytes: Uint8Array) => new DebugTypes(readElf(bytes, 'types.o'));

/** `struct link, 8 bytes: next at 0` for every definition, and what is known of functions and variables. */
function dump(types: DebugTypes): string[] {
  const nameOf = (offset: number, depth = 0): string => {
    if (depth > 20) return 'endless';
    const type = types.type(offset);
    const key = types.keyOf(offset);
    if (key !== undefined) return key;
    const inner = type.kind === 'pointer' || type.kind === 'alias' ? type.target : undefined;
    return inner === undefined ? type.kind : `${type.kind === 'pointer' ? '*' : ''}${nameOf(inner, depth + 1)}`;
  };
  const definitions = [...types.definitions].map(([key, offset]) => {
    const type = types.type(offset);
    const parts =
      type.kind === 'record'
        ? type.members.map(({ name, start, width, type: of }) => {
            const size = width === undefined ? `${types.sizeOf(of) ?? 'no'} bytes` : `${width} bits`;
            return `${name ?? '-'} at ${start / 8}, ${size}`;
          })
        : type.kind === 'enum'
          ? [...type.values].map(([name, value]) => `${name} ${value}`)
          : [];
    return `${key}, ${types.sizeOf(offset)} bytes: ${parts.join('; ')}`;
  });
  const facts = types.functionFacts('mad_send');
  const variables = types.staticVariables().map(({ name, section, offset }) => `${name} in ${section.name}+${offset}`);
  return [
    ...definitions.sort(),
    `declared: ${[...types.declarations].join()}`,
    `mad_send: ${[...new Set([...facts.types].map((offset) => nameOf(offset)))].sort().join()}; inlined: ${[...facts.inlined].join()}`,
    `post: ${types
      .signatureOf('post')
      .map((offset) => nameOf(offset))
      .sort()
      .join()}`,
    `current_mad: ${types
      .variableTypes('current_mad')
      .map((offset) => nameOf(offset))
      .join()}`,
    `variables: ${variables.sort().join(', ')}`,
  ];
}

const expected = [
  'enum state, 4 bytes: IDLE 0; BUSY 1; FAILED -3',
  'pair_t, 4 bytes: first at 0, 4 bytes',
  'struct link, 8 bytes: next at 0, 8 bytes',
  'struct mad, 80 bytes: link at 0, 8 bytes; state at 8, 4 bytes; retries at 12, 3 bits; is_live at 12.375, 1 bits; ' +
    '- at 14, 4 bytes; window at 24, 16 bytes; pair at 40, 4 bytes; value at 48, 8 bytes; key at 56, 6 bytes; ' +
    'handler at 64, 8 bytes; unknown at 72, 8 bytes; tail at 80, no bytes',
  'union value, 8 bytes: number at 0, 4 bytes; pointer at 0, 8 bytes',
  'declared: struct unknown',
  'mad_send: *record,*struct link,*struct mad,other,pair_t; inlined: is_first',
  'post: *record,*struct mad,other',
  'current_mad: *struct mad',
];
const variablesOf = (sent: string) =>
  `variables: current_mad in .bss.current_mad+0, links in .bss.links+0, sent in ${sent}+0`;

test('of clang, with indices into tables of strings and addresses', () => {
  const types = read(readFileSync(path.join(folder, 'clang-dwarf5.o')));
  expect(dump(types)).toEqual([...expected, variablesOf('.bss.mad_send.sent.0')]);
});

describe.skipIf(missingPrograms.length > 0)('of gcc', () => {
  test.each([
    '-gdwarf-5',
    '-gdwarf-4',
    '-gdwarf-3 -gstrict-dwarf',
    '-gdwarf-2 -gstrict-dwarf',
    '-gdwarf-5 -gdwarf64',
    '-gdwarf-5 -gz=zlib',
  ])('%s', (flags) => {
    expect(dump(read(compile(...flags.split(' '))))).toEqual([...expected, variablesOf('.bss.sent.0')]);
  });

  test.each(['-g0', '-gdwarf-5 -gsplit-dwarf', '-gdwarf-4 -gsplit-dwarf', '-gdwarf-5 -fdebug-types-section'])(
    '%s: nothing to read',
    (flags) => {
      expect(() => read(compile(...flags.split(' ')))).toThrow(RangeError);
    },
  );
});

describe('damaged', () => {
  const whole = readFileSync(path.join(folder, 'clang-dwarf5.o'));
  const sound = read(whole);
  const debugSections = readElf(whole, 'types.o').sections.filter(({ name }) => name.startsWith('.debug_'));
  /** Limits of signs and widths, forms, tags, and small offsets. */
  const telling = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 8 }),
    fc.integer({ min: 0, max: 64 }).map((number) => Uint8Array.from([number])),
    fc
      .constantFrom([0xff], [0x80], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0x80], [0x80, 0x80, 0x80, 0x80, 0x80, 0x7f])
      .map((bytes) => Uint8Array.from(bytes)),
  );
  const damages = fc.array(
    fc.record({
      section: fc.integer({ min: 0, max: debugSections.length - 1 }),
      at: fc.noBias(fc.integer({ min: 0, max: 99_999 })),
      bytes: telling,
    }),
    { minLength: 1, maxLength: 4 },
  );

  /** Reads all types, and holds each against its sound twin. */
  function readAndCompare(object: ElfObject): void {
    try {
      const types = new DebugTypes(object);
      dump(types);
      for (const [key, offset] of types.definitions) {
        const twin = sound.definitions.get(key);
        if (twin !== undefined) compareLayouts({ types: sound, offset: twin }, { types, offset });
      }
    } catch (error) {
      if (!(error instanceof RangeError) || /call stack/.test(error.message)) throw error;
    }
  }

  let watchdog: Watchdog;
  beforeAll(() => {
    watchdog = startWatchdog(60_000);
  });
  afterAll(() => watchdog.stop());

  test('everything is read, or refused as unreadable, without endless work', () => {
    const most = mostMilliseconds([() => readAndCompare(readElf(Uint8Array.from(whole), 'types.o'))]);
    const property = fc.property(damages, (found) => {
      const object = readElf(Uint8Array.from(whole), 'types.o');
      const sections = object.sections.filter(({ name }) => name.startsWith('.debug_'));
      for (const { section, at, bytes } of found) {
        const { content } = sections[section] ?? fail();
        const start = Math.floor((at / 100_000) * content.length);
        content.set(bytes.subarray(0, content.length - start), start);
      }
      watchdog.beat();
      expect(cpuMilliseconds(() => readAndCompare(object))).toBeLessThan(most);
    });
    fc.assert(property, { seed: SEED, numRuns: RUNS });
  });
});

function fail(): never {
  throw new Error('no such section');
}
