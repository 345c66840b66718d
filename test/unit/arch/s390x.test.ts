/** s390x: lengths of instructions, entries, places counted in halfwords, big-endian operands. */
import { describe, expect, test } from 'vitest';
import { s390x } from '../../../src/arch/s390x.js';
import { codeSection, functionIn, relocate } from './code.js';

const BR_14 = [0x07, 0xfe];
const LARL_2 = [0xc0, 0x20, 0, 0, 0, 0];
const BRASL_14 = [0xc0, 0xe5, 0, 0, 0, 0];
const JG = [0xc0, 0xf4, 0, 0, 0, 0];
const ENTRY = [0xc0, 0x04, 0, 0, 0, 0];
const [PC32DBL, PLT32DBL, GOTENT] = [19, 20, 26];

test('the first two bits say how long an instruction is', () => {
  const section = codeSection([...BR_14, 0xa7, 0x28, 0, 1, ...LARL_2, 0x58, 0x10, 0, 0]);
  expect(s390x.instructions(section)).toEqual([
    { offset: 0, length: 2 },
    { offset: 2, length: 4 },
    { offset: 6, length: 6 },
    { offset: 12, length: 4 },
  ]);
  expect(s390x.instructions(codeSection([...BR_14, 0xc0, 0x20]))).toBeUndefined();
});

describe('the place that ftrace patches', () => {
  test('is a branch that is never taken', () => {
    expect(s390x.traceOffset(functionIn(codeSection([...ENTRY, ...BR_14])))).toBe(0);
    expect(s390x.traceOffset(functionIn(codeSection([...BR_14, ...ENTRY]), 2))).toBe(0);
  });

  test('or a call of __fentry__', () => {
    const section = codeSection([0xc0, 0x05, 0, 0, 0, 0, ...BR_14]);
    expect(s390x.traceOffset(functionIn(section))).toBeUndefined();
    relocate(section, 2, PLT32DBL, '__fentry__', 2);
    expect(s390x.traceOffset(functionIn(section))).toBe(0);
  });

  test('is missing where the branch goes somewhere', () => {
    expect(s390x.traceOffset(functionIn(codeSection([0xc0, 0x04, 0, 0, 0, 8, ...BR_14])))).toBeUndefined();
    expect(s390x.traceOffset(functionIn(codeSection(BR_14)))).toBeUndefined();
  });
});

test('relative operands stand two bytes behind the place from which they count', () => {
  const section = codeSection(LARL_2);
  expect([PC32DBL, PLT32DBL, GOTENT].map((type) => s390x.targetBias(section, relocate(section, 2, type)))).toEqual([
    -2, -2, -2,
  ]);
  expect(s390x.targetBias(section, relocate(section, 0, 22))).toBe(0);
});

test('larl stores an address, brasl and jg do not', () => {
  const section = codeSection([...LARL_2, ...BRASL_14, ...JG]);
  for (const type of [PC32DBL, PLT32DBL]) {
    const places = [2, 8, 14].map((offset) => relocate(section, offset, type));
    expect(places.map((relocation) => s390x.storesAddress(relocation, section))).toEqual([true, false, false]);
    expect(places.map((relocation) => s390x.isCall(section, relocation))).toEqual([false, true, false]);
  }
  expect(s390x.storesAddress(relocate(section, 14, GOTENT), section)).toBe(true);
});

test('lhi and lghi load an argument, high byte first: lhi %r3,0x0123', () => {
  const section = codeSection([
    0xa7, 0x38, 0x01, 0x23, 0xa7, 0x39, 0x01, 0x23, 0xa7, 0x78, 0x01, 0x23, 0xa7, 0x3a, 0x01, 0x23,
  ]);
  expect(s390x.argumentLoad(section, { offset: 0, length: 4 })).toEqual({ register: 'r3', value: 0x0123 });
  expect(s390x.argumentLoad(section, { offset: 4, length: 4 })).toEqual({ register: 'r3', value: 0x0123 });
  // %r7 holds no argument; ahi adds.
  expect(s390x.argumentLoad(section, { offset: 8, length: 4 })).toBeUndefined();
  expect(s390x.argumentLoad(section, { offset: 12, length: 4 })).toBeUndefined();
});
