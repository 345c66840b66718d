/** ppc64le: two entries, the distance to the table in front of them, sibling calls, arguments. */
import { describe, expect, test } from 'vitest';
import { ppc64le } from '../../../src/arch/ppc64le.js';
import { codeSection, functionIn, relocate, words } from './code.js';

const NOP = 0x60000000;
const BLR = 0x4e800020;
const REL24 = 10;
/** `st_other` of a function whose local entry is two instructions behind the global one. */
const withLocalEntry = 3 << 5;
const code = (...values: number[]) => codeSection(words('little', ...values));

test('ftrace patches the call of _mcount, wherever it stands', () => {
  const section = code(NOP, 0x48000001, BLR);
  expect(ppc64le.traceOffset(functionIn(section))).toBeUndefined();
  relocate(section, 4, REL24, '_mcount');
  expect(ppc64le.traceOffset(functionIn(section))).toBe(4);
  // The call of the function before it in the section is not its own.
  expect(ppc64le.traceOffset(functionIn(section, 8))).toBeUndefined();
});

test('eight bytes before a function with two entries are the distance to the table', () => {
  const section = code(0, 0, NOP, NOP, BLR);
  const function8 = functionIn(section, 8, withLocalEntry);
  expect(ppc64le.isEntryPadding(section, 8, function8)).toBe(true);
  expect(ppc64le.hasEntryOfItsOwn(function8)).toBe(true);
  // One entry only; another distance; the same function without -mcmodel=large.
  expect(ppc64le.isEntryPadding(section, 8, functionIn(section, 8))).toBe(false);
  expect(ppc64le.isEntryPadding(section, 4, function8)).toBe(false);
  expect(ppc64le.hasEntryOfItsOwn(functionIn(section, 0, withLocalEntry))).toBe(false);
});

test('a branch without link is a sibling call, a call is none', () => {
  const section = code(NOP, 0x48000001, 0x48000000, BLR);
  const whole = functionIn(section);
  relocate(section, 4, REL24);
  expect(ppc64le.siblingCalls(whole)).toEqual([]);
  relocate(section, 8, REL24);
  expect(ppc64le.siblingCalls(whole)).toEqual([8]);
  // From the function's start; what stands before it is not its own.
  expect(ppc64le.siblingCalls(functionIn(section, 4))).toEqual([4]);
  expect(ppc64le.siblingCalls(functionIn(section, 12))).toEqual([]);
});

test('li loads an argument: li r4,291', () => {
  const section = code(0x38800123, 0x38840123, 0x39600123);
  expect(ppc64le.argumentLoad(section, { offset: 0, length: 4 })).toEqual({ register: 'r4', value: 291 });
  // addi r4,r4,291 adds; r11 holds no argument.
  expect(ppc64le.argumentLoad(section, { offset: 4, length: 4 })).toBeUndefined();
  expect(ppc64le.argumentLoad(section, { offset: 8, length: 4 })).toBeUndefined();
});

describe('relocations', () => {
  test.each([
    [252, '.text.show', true],
    [250, '.text.show', true],
    [118, '.text.show', true],
    [44, '.text.show', true],
    [44, '__jump_table', false],
    [REL24, '.text.show', false],
    [38, '.toc', false],
  ])('of type %i in %s: the loader makes sense of it by itself: %s', (type, name, expected) => {
    const section = code(0, 0);
    section.name = name;
    expect(ppc64le.isLoaderOwn(relocate(section, 0, type), section)).toBe(expected);
  });

  test('calls are R_PPC64_REL24 and its twin without a table', () => {
    const section = code(0);
    const calls = [REL24, 116, 38, 50].filter((type) => ppc64le.isCall(section, relocate(section, 0, type)));
    expect(calls).toEqual([REL24, 116]);
  });

  test('slots of the table store addresses', () => {
    const section = code(0);
    const stores = [50, 64, REL24].filter((type) => ppc64le.storesAddress(relocate(section, 0, type), section));
    expect(stores).toEqual([50, 64]);
  });
});
