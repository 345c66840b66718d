/**
 * Every case of fixtures/arch, for all CPUs on any machine: the objects are committed. `KPTOOL_UPDATE_EXPECTED=1` writes
 * the expected texts anew; read them before you commit them.
 */
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readElf } from '../../src/elf/read.js';
import { writeElf } from '../../src/elf/write.js';
import { encodeIntermediate } from '../../src/livepatch/encode-intermediate.js';
import {
  casesOf,
  cpus,
  describeResult,
  expectedFile,
  expectedText,
  readCase,
  runPair,
  sharedCases,
} from './arch-case.js';
import { brokenPromises } from './diff-case.js';

const isUpdating = process.env.KPTOOL_UPDATE_EXPECTED === '1';

describe.each(cpus)('%s', (cpu) => {
  test('has every case that all CPUs share', () => {
    expect(casesOf(cpu)).toEqual(expect.arrayContaining(sharedCases()));
    expect(sharedCases().length).toBeGreaterThan(10);
  });

  test.each(casesOf(cpu))('%s', (name) => {
    const input = readCase(cpu, name);
    const result = runPair(input);
    const text = describeResult(cpu, result);
    if (isUpdating) writeFileSync(expectedFile(cpu, name), text);
    expect(text).toBe(expectedText(cpu, name));
    // The tables tell the sizes of their entries themselves.
    expect(describeResult(cpu, runPair({ ...input, entrySizes: {} }))).toBe(text);
    if (result.kind === 'changed') expect(brokenPromises(input, result)).toEqual([]);
  });
});

/**
 * struct kpatch_patch_func: new address, new size, old address, old size, position; the addresses of names are relocated.
 * They are in the order of the object's CPU, whatever this machine's is: s390x refuses to load a livepatch whose
 * position reads as 72057594037927936.
 */
describe('the intermediate tables have the byte order of the object', () => {
  test.each([
    ['s390x', 'big'],
    ['ppc64le', 'little'],
    ['x86-64', 'little'],
  ] as const)('%s: %s', (cpu, order) => {
    const result = runPair(readCase(cpu, 'call-of-static-function'));
    if (result.kind !== 'changed') expect.fail(result.kind);
    const [replaced] = result.parts.functions;
    encodeIntermediate(result.diff.object, result.parts, result.diff.arch.absolute64);
    const written = writeElf(result.diff.object);
    expect(written[5]).toBe(order === 'big' ? 2 : 1);
    const { sections } = readElf(written, 'written.o');
    const contentOf = (name: string) => Buffer.from(sections.find((section) => section.name === name)?.content ?? []);

    const sizes = contentOf('.kpatch.funcs').subarray(8, 40);
    expect(sizes.toString('hex')).toBe(
      [
        replaced?.replacementSize ?? 0,
        Number(replaced?.originalAddress),
        replaced?.originalSize ?? 0,
        replaced?.sympos ?? -1,
      ]
        .map((value) => bytesOf(value, order))
        .join(''),
    );
    expect(replaced?.replacementSize).toBeGreaterThan(0);
    // struct kpatch_symbol: address, position. `helper` is the first of its name.
    expect(contentOf('.kpatch.symbols').subarray(8, 16).toString('hex')).toBe(bytesOf(1, order));
  });
});

/** Eight bytes as hex text. */
function bytesOf(value: number, order: 'big' | 'little'): string {
  const big = value.toString(16).padStart(16, '0');
  return order === 'big' ? big : (big.match(/../g) ?? []).reverse().join('');
}
