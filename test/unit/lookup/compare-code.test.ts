import { describe, expect, test } from 'vitest';
import { x86_64 } from '../../../src/arch/x86-64.js';
import { SHF, SHT, STB, STT } from '../../../src/elf/constants.js';
import type { ElfSymbol } from '../../../src/elf/object.js';
import { CodeIndex } from '../../../src/lookup/code-index.js';
import { compareCode } from '../../../src/lookup/compare-code.js';
import { ObjectBuilder } from '../../builders/elf.js';

const [PC32, ABS32S] = [2, 11];

interface Reference {
  readonly at: number;
  readonly type?: number;
  /** A function or datum of the scene, or a symbol that another file defines. */
  readonly to: string;
  readonly addend?: number;
}

interface Part {
  readonly name: string;
  readonly code: readonly number[];
  readonly references?: readonly Reference[];
}

/** Functions each in a section of its own, or one behind the other in one; references go by section and offset. */
function scene(parts: readonly Part[], isOneSection: boolean): CodeIndex {
  const builder = new ObjectBuilder();
  const flags = SHF.ALLOC | SHF.EXECINSTR;
  const all = parts.flatMap(({ code }) => [...code]);
  const shared = builder.section({ name: '.text', type: SHT.PROGBITS, flags, content: Uint8Array.from(all) });
  const starts = new Map<string, ElfSymbol>();
  let start = 0;
  for (const { name, code } of parts) {
    const own = { name: `.text.${name}`, type: SHT.PROGBITS, flags, content: Uint8Array.from(code) };
    const place = isOneSection ? shared : builder.section(own);
    const value = isOneSection ? start : 0;
    starts.set(name, builder.symbol({ name, place, value, size: code.length, bind: STB.LOCAL, type: STT.FUNC }));
    start += code.length;
  }
  for (const { name, references = [] } of parts) {
    const from = starts.get(name);
    for (const { at, type = PC32, to, addend = type === PC32 ? -4 : 0 } of references) {
      const target = starts.get(to);
      const symbol = target?.section ? builder.sectionSymbol(target.section) : builder.undefinedSymbol(to);
      const offset = (from?.value ?? 0) + at;
      from?.section?.relocations.push({ offset, type, symbol, addend: addend + (target?.value ?? 0) });
    }
  }
  return new CodeIndex(builder.build());
}

function compare(name: string, ours: readonly Part[], theirs: readonly Part[]) {
  const [own, other] = [scene(ours, false), scene(theirs, true)];
  const [symbol] = own.named(name, { type: STT.FUNC });
  const [twin] = other.named(name, { type: STT.FUNC });
  if (symbol === undefined || twin === undefined) throw new Error(`no ${name}`);
  return compareCode({ index: own, symbol }, { index: other, symbol: twin }, x86_64);
}

const same = { kind: 'identical' };
const leaf = (name: string): Part => ({ name, code: [0x31, 0xc0, 0xc3] });
const CALL = [0xe8, 0, 0, 0, 0];
const callTo = (to: string): Part => ({ name: 'f', code: [...CALL, 0xc3], references: [{ at: 1, to }] });
/** `call` with the distance filled in, as the assembler does within a section. */
const filledIn = (distance: number): Part => ({ name: 'f', code: [0xe8, distance, 0, 0, 0, 0xc3] });

describe('functions of one size', () => {
  test('equal bytes, and the offset of the first that differs', () => {
    const f = (value: number) => [{ name: 'f', code: [0xb8, 1, 0, value, 0, 0xc3] }];
    expect(compare('f', f(7), f(7))).toEqual(same);
    expect(compare('f', f(7), f(8))).toEqual({ kind: 'differs', offset: 3 });
  });
  test('a call of a symbol that neither file defines', () => {
    expect(compare('f', [callTo('printk')], [callTo('printk')])).toEqual(same);
    expect(compare('f', [callTo('printk')], [callTo('dump')])).toEqual({ kind: 'differs', offset: 1 });
  });
  test('a call that the assembler has filled in', () => {
    const ours = [callTo('g'), leaf('g'), leaf('h')];
    expect(compare('f', ours, [filledIn(1), leaf('g'), leaf('h')])).toEqual(same);
    expect(compare('f', ours, [filledIn(4), leaf('g'), leaf('h')])).toEqual({ kind: 'differs', offset: 1 });
  });
  test('an address on one side and a constant on the other one', () => {
    const load = (references: Part['references']) => [
      { name: 'f', code: [0x48, 0xc7, 0xc7, 0, 0, 0, 0, 0xc3], ...(references && { references }) },
    ];
    expect(compare('f', load([{ at: 3, type: ABS32S, to: 'data' }]), load(undefined))).toEqual({
      kind: 'differs',
      offset: 3,
    });
  });
  test('another callee of the same object under a drifting number is the same', () => {
    const part = (to: string) => [callTo(to), leaf(to)];
    expect(compare('f', part('g.isra.0'), part('g.isra.1'))).toEqual(same);
    expect(compare('f', part('g.isra.0'), part('g.part.0'))).toEqual({ kind: 'differs', offset: 1 });
  });
});

describe('jumps that are shorter in the target', () => {
  /** `test; je end; jmp g; end: xor; ret`, with the long and the short jump to g, which stands behind. */
  const long = [0x85, 0xff, 0x74, 5, 0xe9, 0, 0, 0, 0, 0x31, 0xc0, 0xc3];
  const ours: Part[] = [{ name: 'f', code: long, references: [{ at: 5, to: 'g' }] }, leaf('g'), leaf('h')];
  const short = (over: number, distance: number) => [0x85, 0xff, 0x74, over, 0xeb, distance, 0x31, 0xc0, 0xc3];
  const theirs = (code: readonly number[]): Part[] => [{ name: 'f', code }, leaf('g'), leaf('h')];

  test('are the same where all else is', () => {
    expect(compare('f', ours, theirs(short(2, 3)))).toEqual(same);
  });
  test('to another function are not', () => {
    expect(compare('f', ours, theirs(short(2, 6)))).toMatchObject({ kind: 'differs' });
  });
  test('nor are jumps across them that lead elsewhere', () => {
    expect(compare('f', ours, theirs(short(4, 3)))).toMatchObject({ kind: 'differs' });
  });
  test('nor is a jump under another condition', () => {
    const other = short(2, 3).with(2, 0x75);
    expect(compare('f', ours, theirs(other))).toMatchObject({ kind: 'differs' });
  });
  test('nor an instruction more', () => {
    expect(compare('f', ours, theirs([...short(2, 5), 0xc3, 0xc3]))).toMatchObject({ kind: 'differs' });
  });
  test('padding may shrink or grow with them, but not without them', () => {
    const padded = short(3, 4).toSpliced(6, 0, 0x90);
    expect(compare('f', ours, theirs(padded))).toEqual(same);
    const plain: Part[] = [{ name: 'f', code: [0x31, 0xc0, 0xc3] }];
    expect(compare('f', plain, [{ name: 'f', code: [0x31, 0xc0, 0x90, 0xc3] }])).toEqual({
      kind: 'differs',
      offset: 2,
    });
  });
});

test('a symbol that reaches out of its section is never the same', () => {
  const index = scene([leaf('f')], false);
  const [symbol] = index.named('f', { type: STT.FUNC });
  if (symbol !== undefined) symbol.size = 100;
  const side = { index, symbol: symbol as ElfSymbol };
  expect(compareCode(side, side, x86_64)).toEqual({ kind: 'differs', offset: 0 });
});
