import { expect, test } from 'vitest';
import { kallsymsText, readKallsyms } from '../../../src/kernel/kallsyms.js';
import { type KallsymsEntry, type KallsymsOrder, kallsymsRodata } from '../../builders/kallsyms.js';

const base = 0xffffffff81000000n;

/** Per-CPU data, two namesakes, a name of more than 127 tokens, and enough symbols for three markers. */
const entries: readonly KallsymsEntry[] = [
  { address: 0n, letter: 'A', name: '__per_cpu_start' },
  { address: 0x1000n, letter: 'A', name: 'cpu_number' },
  { address: base, letter: 'T', name: '_text' },
  { address: base + 0x10n, letter: 't', name: 'state_show' },
  { address: base + 0x10n, letter: 't', name: 'state_show' },
  { address: base + 0x20n, letter: 'd', name: `long_${'x'.repeat(200)}` },
  ...Array.from({ length: 600 }, (_, index) => ({
    address: base + 0x100n + BigInt(index) * 16n,
    letter: 't',
    name: `inner_list_${index}`,
  })),
];

const orders: readonly KallsymsOrder[] = ['6.1', '6.2', '6.4'];

test.each(orders)('the symbols of a kernel of the order of %s', (order) => {
  expect(readKallsyms(kallsymsRodata(entries, base, order), base, true)).toEqual(entries);
});

test.each(orders)('without per-CPU data, in the order of %s', (order) => {
  const own = entries.filter(({ address }) => address >= base);
  expect(readKallsyms(kallsymsRodata(own, base, order), base, true)).toEqual(own);
});

test('an odd number of symbols, whose offsets are followed by padding', () => {
  const odd = entries.slice(0, entries.length - 1);
  for (const order of orders) expect(readKallsyms(kallsymsRodata(odd, base, order), base, true)).toEqual(odd);
});

test('tables that are cut off, or whose markers or index are damaged, are none', () => {
  for (const order of orders) {
    const whole = kallsymsRodata(entries, base, order);
    expect(readKallsyms(whole.subarray(0, whole.length >> 1), base, true)).toBeUndefined();
    // The second marker: 256 names after the first one.
    const packed = entries.slice(0, 256).map(({ letter, name }) => packedLength(letter + name));
    const marker = Buffer.from(Uint32Array.of(packed.reduce((sum, length) => sum + length, 0)).buffer);
    const at = whole.indexOf(Buffer.concat([Buffer.alloc(4), marker]));
    expect(at).toBeGreaterThan(0);
    whole[at + 4] = (whole[at + 4] ?? 0) ^ 1;
    expect(readKallsyms(whole, base, true)).toBeUndefined();
  }
  expect(readKallsyms(new Uint8Array(4096), base, true)).toBeUndefined();
});

test('the base of another kernel is not found', () => {
  expect(readKallsyms(kallsymsRodata(entries, base, '6.1'), base + 0x1000n, true)).toBeUndefined();
});

test('the text is that of /proc/kallsyms', () => {
  expect(kallsymsText(entries.slice(1, 3))).toBe('0000000000001000 A cpu_number\nffffffff81000000 T _text\n');
});

function packedLength(text: string): number {
  const tokens = text.replaceAll(/in|er|st_/g, '~').length;
  return tokens < 128 ? tokens + 1 : tokens + 2;
}
