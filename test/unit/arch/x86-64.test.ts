import { describe, expect, test } from 'vitest';
import { selectArch } from '../../../src/arch/arch.js';
import { knownArchs } from '../../../src/arch/known.js';
import { x86_64 } from '../../../src/arch/x86-64.js';
import { EM, SHF, SHT, STT } from '../../../src/elf/constants.js';
import { ElfSection, ElfSymbol } from '../../../src/elf/object.js';

const R_NONE = 0;
const R_64 = 1;
const R_PC32 = 2;
const R_PLT32 = 4;
const R_GOTPCREL = 9;
const R_32 = 10;
const R_32S = 11;
const R_PC64 = 24;

const ENDBR64 = [0xf3, 0x0f, 0x1e, 0xfa];
const CALL = [0xe8, 0, 0, 0, 0];
/** What recordmcount and the kernel's build leave in place of the call: a NOP of five bytes. */
const NOP5 = [0x0f, 0x1f, 0x44, 0x00, 0x00];
const RET = 0xc3;

const undefinedSymbol = (name: string) => new ElfSymbol({ name, place: 'undefined' });

function code(content: readonly number[]): ElfSection {
  return new ElfSection({
    name: '.text.toy',
    type: SHT.PROGBITS,
    flags: SHF.ALLOC | SHF.EXECINSTR,
    content: Uint8Array.from(content),
  });
}

function data(content: readonly number[] = [0, 0, 0, 0]): ElfSection {
  return new ElfSection({ name: '.data.toy', type: SHT.PROGBITS, flags: SHF.ALLOC, content: Uint8Array.from(content) });
}

interface Entry {
  readonly content: readonly number[];
  /** Of the reference to `__fentry__`. */
  readonly at: number;
  readonly type?: number;
  readonly callee?: string;
  readonly value?: number;
}

function entry({ content, at, type = R_PLT32, callee = '__fentry__', value = 0 }: Entry): ElfSymbol {
  const section = code(content);
  section.relocations = [{ offset: at, type, symbol: undefinedSymbol(callee), addend: -4 }];
  return new ElfSymbol({ name: 'toy', place: section, value, size: content.length - value, type: STT.FUNC });
}

describe('where ftrace patches', () => {
  test.each<readonly [string, number | undefined, Entry]>([
    ['the first instruction', 0, { content: [...CALL, RET], at: 1 }],
    ['the call of mcount', 0, { content: [...CALL, RET], at: 1, callee: 'mcount' }],
    ['behind ENDBR', 4, { content: [...ENDBR64, ...CALL, RET], at: 5 }],
    ['behind padding', 0, { content: [0x90, 0x90, ...CALL, RET], at: 3, value: 2 }],
    ['behind padding and ENDBR', 4, { content: [0x90, 0x90, ...ENDBR64, ...CALL, RET], at: 7, value: 2 }],
    ['the NOP that recordmcount left', 0, { content: [...NOP5, RET], at: 1, type: R_NONE }],
    ['the NOP behind ENDBR', 4, { content: [...ENDBR64, ...NOP5, RET], at: 5, type: R_NONE }],
    ['nowhere: another function is called', undefined, { content: [...CALL, RET], at: 1, callee: 'toy_open' }],
    ['nowhere: the call comes later', undefined, { content: [0x55, ...CALL, RET], at: 2 }],
    ['nowhere: the call is in the padding', undefined, { content: [...CALL, 0x90, RET], at: 1, value: 5 }],
    ['nowhere: the opcode is no call', undefined, { content: [0xe9, 0, 0, 0, 0, RET], at: 1 }],
    ['nowhere: the NOP is none', undefined, { content: [...CALL, RET], at: 1, type: R_NONE }],
    ['nowhere: the section is too short', undefined, { content: [], at: 1 }],
  ])('%s', (_, expected, init) => {
    expect(x86_64.traceOffset(entry(init))).toBe(expected);
  });

  test('nowhere in a function without references', () => {
    const toy = new ElfSymbol({ name: 'toy', place: code([RET]), type: STT.FUNC });
    expect(x86_64.traceOffset(toy)).toBeUndefined();
  });

  test('nowhere in an undefined function', () => {
    expect(x86_64.traceOffset(undefinedSymbol('toy'))).toBeUndefined();
  });
});

describe('the call that recordmcount removed', () => {
  test('comes back', () => {
    const toy = entry({ content: [...ENDBR64, ...NOP5, RET], at: 5, type: R_NONE });
    const before = toy.section?.content;
    x86_64.restoreTraceCall(toy);
    expect([...(toy.section?.content ?? [])]).toEqual([...ENDBR64, ...CALL, RET]);
    expect(toy.section?.relocations[0]?.type).toBe(R_PC32);
    // The bytes of the file are shared with others.
    expect([...(before ?? [])]).toEqual([...ENDBR64, ...NOP5, RET]);
  });

  test('one that is there stays', () => {
    const toy = entry({ content: [...CALL, RET], at: 1 });
    const content = toy.section?.content;
    x86_64.restoreTraceCall(toy);
    expect(toy.section?.content).toBe(content);
    expect(toy.section?.relocations[0]?.type).toBe(R_PLT32);
  });
});

describe('from the relocated place to where the addend counts', () => {
  const bias = (section: ElfSection, type: number, offset: number) =>
    x86_64.targetBias(section, { offset, type, symbol: undefinedSymbol('x'), addend: 0 });

  test.each<readonly [string, readonly number[], number, number]>([
    ['call', CALL, 1, 4],
    ['lea disp(%rip), %rax', [0x48, 0x8d, 0x05, 0, 0, 0, 0], 3, 4],
    ['cmpb $1, disp(%rip)', [0x80, 0x3d, 0, 0, 0, 0, 1], 2, 5],
    ['movw $1, disp(%rip)', [0x66, 0xc7, 0x05, 0, 0, 0, 0, 1, 0], 3, 6],
    ['movl $1, disp(%rip)', [0xc7, 0x05, 0, 0, 0, 0, 1, 0, 0, 0], 2, 8],
    ['movq $1, disp(%rip)', [0x48, 0xc7, 0x05, 0, 0, 0, 0, 1, 0, 0, 0], 3, 8],
    ['code that is none', [0x06, 0, 0, 0, 0], 1, 4],
  ])('%s', (_, content, offset, expected) => {
    expect(bias(code(content), R_PC32, offset)).toBe(expected);
    expect(bias(code([...content, RET]), R_PLT32, offset)).toBe(expected);
  });

  test('of the second instruction', () => {
    expect(bias(code([0x55, ...CALL, 0x80, 0x3d, 0, 0, 0, 0, 1, RET]), R_PC32, 8)).toBe(5);
  });

  test('behind the end of the code', () => {
    expect(bias(code([RET]), R_PC32, 100)).toBe(4);
  });

  test.each([R_64, R_32, R_32S])('nothing for the absolute type %i', (type) => {
    expect(bias(code(CALL), type, 1)).toBe(0);
  });

  test.each([R_PC32, R_PC64])('nothing in data for type %i, which counts from the place', (type) => {
    expect(bias(data(), type, 0)).toBe(0);
  });

  test.each([R_NONE, R_GOTPCREL])('type %i names no place', (type) => {
    expect(bias(code(CALL), type, 1)).toBeUndefined();
  });
});

describe('padding in front of a function', () => {
  const isPadding = (bytes: number, ...content: number[]) => {
    const section = code(content);
    return x86_64.isEntryPadding(section, bytes, new ElfSymbol({ name: 'toy', place: section, value: bytes }));
  };

  test.each<readonly [string, number, readonly number[]]>([
    ['single NOPs', 3, [0x90, 0x90, 0x90, RET]],
    ['long NOPs', 9, [0x0f, 0x1f, 0x80, 0, 0, 0, 0, 0x66, 0x90, RET]],
    ['prefixed NOPs', 10, [0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0, RET]],
  ])('%s', (_, bytes, content) => {
    expect(isPadding(bytes, ...content)).toBe(true);
  });

  test.each<readonly [string, number, readonly number[]]>([
    ['other code', 2, [0x90, 0x55, RET]],
    ['an instruction across its end', 2, [0x90, 0x0f, 0x1f, 0x00, RET]],
    ['more bytes than there are', 9, [0x90, 0x90]],
    ['bytes that are no code', 1, [0x06, RET]],
    ['a prefix alone', 1, [0x66, RET]],
  ])('not %s', (_, bytes, content) => {
    expect(isPadding(bytes, ...content)).toBe(false);
  });
});

describe('instructions', () => {
  test('one after the other', () => {
    expect(x86_64.instructions(code([0x55, ...CALL, RET]))).toEqual([
      { offset: 0, length: 1 },
      { offset: 1, length: 5 },
      { offset: 6, length: 1 },
    ]);
  });

  test('none in an empty section', () => {
    expect(x86_64.instructions(code([]))).toEqual([]);
  });

  test.each<readonly [string, readonly number[]]>([
    ['an invalid one', [0x55, 0x06]],
    ['one that is cut off', [0x55, 0xe8, 0, 0]],
  ])('not with %s', (_, content) => {
    expect(x86_64.instructions(code(content))).toBeUndefined();
  });
});

describe('the load of an argument', () => {
  const load = (...content: number[]) => x86_64.argumentLoad(code(content), { offset: 0, length: content.length });

  test.each<readonly [string, number, readonly number[], readonly number[]]>([
    ['edi', 0, [0xbf], [0x48, 0xc7, 0xc7]],
    ['esi', 1, [0xbe], [0x48, 0xc7, 0xc6]],
    ['edx', 2, [0xba], [0x48, 0xc7, 0xc2]],
    ['ecx', 3, [0xb9], [0x48, 0xc7, 0xc1]],
    ['r8d', 4, [0x41, 0xb8], [0x49, 0xc7, 0xc0]],
    ['r9d', 5, [0x41, 0xb9], [0x49, 0xc7, 0xc1]],
  ])('%s, number %i', (register, position, narrow, wide) => {
    expect(load(...narrow, 0x39, 0x30, 0, 0)).toEqual({ register, value: 12_345, position });
    expect(load(...wide, 0x39, 0x30, 0, 0)).toEqual({ register, value: 12_345, position });
  });

  test('is unsigned', () => {
    expect(load(0xbe, 0xff, 0xff, 0xff, 0xff)?.value).toBe(0xffff_ffff);
  });

  test.each<readonly [string, readonly number[]]>([
    ['another register', [0xb8, 1, 0, 0, 0]],
    ['a comparison', [0x81, 0xfe, 1, 0, 0, 0]],
    ['a wide immediate', [0x48, 0xbe, 1, 0, 0, 0, 0, 0, 0, 0]],
    ['a store', [0xc7, 0x06, 1, 0, 0, 0]],
    ['a store of an address', [0x48, 0xc7, 0x06, 1, 0, 0, 0]],
    ['xor', [0x31, 0xf6]],
  ])('not %s', (_, content) => {
    expect(load(...content)).toBeUndefined();
  });
});

test.each([
  [true, CALL, R_PLT32, 1],
  [true, CALL, R_PC32, 1],
  [false, CALL, R_64, 1],
  [false, [0x48, 0x8d, 0x05, 0, 0, 0, 0], R_PC32, 3],
  [false, [0], R_PC32, 0],
])('a call: %s for %j, type %i', (expected, content, type, offset) => {
  const relocation = { offset, type, symbol: undefinedSymbol('x'), addend: -4 };
  expect(x86_64.isCall(code(content), relocation)).toBe(expected);
});

test('an address is stored by 32S only: mov $f, place', () => {
  const stores = [R_NONE, R_64, R_PC32, R_PLT32, R_32, R_32S].filter((type) =>
    x86_64.storesAddress({ offset: 0, type, symbol: undefinedSymbol('x'), addend: 0 }, code([0, 0, 0, 0])),
  );
  expect(stores).toEqual([R_32S]);
});

test('fields that must be zero before the kernel relocates them', () => {
  expect([R_64, R_PC64].map(x86_64.zeroedBytes)).toEqual([8, 8]);
  expect([R_PC32, R_PLT32, R_32, R_32S].map(x86_64.zeroedBytes)).toEqual([4, 4, 4, 4]);
});

test('the CPU is chosen by machine and byte order', () => {
  const format = { byteOrder: 'little', machine: EM.X86_64, flags: 0, osAbi: 0, abiVersion: 0 } as const;
  expect(selectArch(format, knownArchs)).toBe(x86_64);
  expect(selectArch({ ...format, byteOrder: 'big' }, knownArchs)).toBeUndefined();
  expect(selectArch({ ...format, machine: 3 }, knownArchs)).toBeUndefined();
});
