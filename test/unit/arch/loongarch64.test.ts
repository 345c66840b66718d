/** LoongArch: entries of NOPs, arguments, calls and stored addresses. */
import { expect, test } from 'vitest';
import { loongarch64 } from '../../../src/arch/loongarch64.js';
import { codeSection, functionIn, relocate, words } from './code.js';

const NOP = 0x03400000;
const RET = 0x4c000020;
const code = (...values: number[]) => codeSection(words('little', ...values));

test('ftrace patches two NOPs at the entry', () => {
  expect(loongarch64.traceOffset(functionIn(code(NOP, NOP, RET)))).toBe(0);
  expect(loongarch64.traceOffset(functionIn(code(RET, NOP, NOP, RET), 4))).toBe(0);
  expect(loongarch64.traceOffset(functionIn(code(NOP, RET)))).toBeUndefined();
  expect(loongarch64.traceOffset(functionIn(code(NOP)))).toBeUndefined();
});

test('only NOPs are padding before a function', () => {
  const section = code(NOP, NOP, RET);
  expect(loongarch64.isEntryPadding(section, 8, functionIn(section, 8))).toBe(true);
  expect(loongarch64.isEntryPadding(section, 12, functionIn(section, 12))).toBe(false);
});

test('ori and addi.w of $zero load an argument: li.w $a1, 291', () => {
  const ori = 0x03800000 | (291 << 10) | 5;
  const addi = 0x02800000 | (291 << 10) | 5;
  const section = code(ori, addi, ori | (4 << 5), 0x03800000 | (291 << 10) | 12);
  expect(loongarch64.argumentLoad(section, { offset: 0, length: 4 })).toEqual({ register: 'a1', value: 291 });
  expect(loongarch64.argumentLoad(section, { offset: 4, length: 4 })).toEqual({ register: 'a1', value: 291 });
  // Of another register than $zero; into $t0, which holds no argument.
  expect(loongarch64.argumentLoad(section, { offset: 8, length: 4 })).toBeUndefined();
  expect(loongarch64.argumentLoad(section, { offset: 12, length: 4 })).toBeUndefined();
});

test('bl is a call; what computes or fetches an address stores it', () => {
  const section = code(0, 0, 0, 0, 0, 0, 0);
  const types = { b26: 66, call36: 110, pcalaHigh: 71, pcalaLow: 72, gotHigh: 75, gotLow: 76, absolute: 2 };
  const made = Object.entries(types).map(([name, type], index) => ({
    name,
    relocation: relocate(section, index * 4, type),
  }));
  const isCall = made.filter(({ relocation }) => loongarch64.isCall(section, relocation)).map(({ name }) => name);
  const stores = made
    .filter(({ relocation }) => loongarch64.storesAddress(relocation, section))
    .map(({ name }) => name);
  expect(isCall).toEqual(['b26', 'call36']);
  expect(stores).toEqual(['pcalaHigh', 'pcalaLow', 'gotHigh', 'gotLow']);
});
