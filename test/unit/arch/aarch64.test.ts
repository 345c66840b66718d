/** arm64: entries with NOPs in and before the function, arguments, calls and stored addresses. */
import { describe, expect, test } from 'vitest';
import { aarch64 } from '../../../src/arch/aarch64.js';
import { codeSection, functionIn, relocate, words } from './code.js';

const NOP = 0xd503201f;
const BTI_C = 0xd503245f;
const RET = 0xd65f03c0;
const code = (...values: number[]) => codeSection(words('little', ...values));

describe('the place that ftrace patches', () => {
  test('is the first of two NOPs', () => {
    expect(aarch64.traceOffset(functionIn(code(NOP, NOP, RET)))).toBe(0);
  });

  test('stands behind bti c', () => {
    expect(aarch64.traceOffset(functionIn(code(BTI_C, NOP, NOP, RET)))).toBe(4);
  });

  test('is the first of the NOPs before the function, where there are some', () => {
    expect(aarch64.traceOffset(functionIn(code(NOP, NOP, NOP, NOP, RET), 8))).toBe(-8);
  });

  test('counts from the function where other code stands before it', () => {
    expect(aarch64.traceOffset(functionIn(code(RET, NOP, NOP, RET), 4))).toBe(0);
  });

  test.each([
    ['one NOP only', [NOP, RET]],
    ['no NOP', [RET, RET]],
    ['the end of the section', [NOP]],
    ['bti c and one NOP', [BTI_C, NOP, RET]],
  ])('is missing with %s', (_, values) => {
    expect(aarch64.traceOffset(functionIn(code(...values)))).toBeUndefined();
  });
});

test('only NOPs are padding before a function', () => {
  const section = code(NOP, NOP, NOP, NOP, RET);
  expect(aarch64.isEntryPadding(section, 8, functionIn(section, 8))).toBe(true);
  const mixed = code(NOP, RET, NOP, NOP, RET);
  expect(aarch64.isEntryPadding(mixed, 8, functionIn(mixed, 8))).toBe(false);
  expect(aarch64.isEntryPadding(section, 6, functionIn(section, 6))).toBe(false);
});

test('movz loads an argument: mov w2, #0x1234', () => {
  const section = code(0x52824682, 0x52824688, 0x72a00022);
  expect(aarch64.argumentLoad(section, { offset: 0, length: 4 })).toEqual({ register: 'w2', value: 0x1234 });
  // w8 holds no argument, and movk is no whole value.
  expect(aarch64.argumentLoad(section, { offset: 4, length: 4 })).toBeUndefined();
  expect(aarch64.argumentLoad(section, { offset: 8, length: 4 })).toBeUndefined();
});

test('bl and b are calls, adrp and add store an address', () => {
  const section = code(0, 0, 0, 0);
  const types = { call: 283, jump: 282, page: 275, low: 277, absolute: 257 };
  const made = Object.entries(types).map(([name, type], index) => ({
    name,
    relocation: relocate(section, index * 4, type),
  }));
  const isCall = made.filter(({ relocation }) => aarch64.isCall(section, relocation)).map(({ name }) => name);
  const stores = made.filter(({ relocation }) => aarch64.storesAddress(relocation, section)).map(({ name }) => name);
  expect(isCall).toEqual(['call', 'jump']);
  expect(stores).toEqual(['page', 'low']);
});
