import { describe, expect, test } from 'vitest';
import { aarch64 } from '../../../src/arch/aarch64.js';
import type { Arch } from '../../../src/arch/arch.js';
import { hexWords } from '../../../src/arch/hex-text.js';
import { s390x } from '../../../src/arch/s390x.js';
import { x86_64 } from '../../../src/arch/x86-64.js';
import { SHF, SHT } from '../../../src/elf/constants.js';
import { ElfSection, ElfSymbol, noSymbol } from '../../../src/elf/object.js';

/** Relocations as offset, type and the name that the text is to show. */
type Row = readonly [number, number, string];

function texts(arch: Arch, bytes: readonly number[], rows: readonly Row[] = []): string[] {
  const section = new ElfSection({
    name: '.text.f',
    type: SHT.PROGBITS,
    flags: SHF.ALLOC | SHF.EXECINSTR,
    content: Buffer.from(bytes),
  });
  section.relocations = rows.map(([offset, type, name]) => {
    const symbol = name === '' ? noSymbol : new ElfSymbol({ name, place: 'undefined' });
    return { offset, type, symbol, addend: -4 };
  });
  const before = Buffer.from(section.content).toString('hex');
  const found = (arch.instructions(section) ?? []).map((instruction) =>
    arch.instructionText(section, instruction, {
      reference: ({ symbol }) => symbol.name,
      place: (offset) => `f+0x${offset.toString(16)}`,
    }),
  );
  expect(Buffer.from(section.content).toString('hex')).toBe(before);
  return found;
}

const field = [0, 0, 0, 0];

describe('x86-64', () => {
  const PC32 = 2;
  const PLT32 = 4;
  const ABS32S = 11;

  test.each<[string, readonly number[], readonly Row[]]>([
    ['call printk', [0xe8, ...field], [[1, PLT32, 'printk']]],
    ['jmp f.cold', [0xe9, ...field], [[1, PC32, 'f.cold']]],
    ['mov $"a $& b",%rdi', [0x48, 0xc7, 0xc7, ...field], [[3, ABS32S, '"a $& b"']]],
    ['mov counter(%rip),%eax', [0x8b, 0x05, ...field], [[2, PC32, 'counter']]],
    ['mov table(,%rax,4),%eax', [0x8b, 0x04, 0x85, ...field], [[3, ABS32S, 'table']]],
    ['movl $0x5,flag(%rip)', [0xc7, 0x05, ...field, 5, 0, 0, 0], [[2, PC32, 'flag']]],
    [
      'movq $handler,ops(%rip)',
      [0x48, 0xc7, 0x05, ...field, ...field],
      [
        [3, PC32, 'ops'],
        [7, ABS32S, 'handler'],
      ],
    ],
    ['movabs $far,%rdx', [0x48, 0xba, ...field, ...field], [[2, 1, 'far']]],
    ['add $-0x1,%eax', [0x83, 0xc0, 0xff], []],
    // A field too short to hold a number of our own: the name stands behind.
    ['mov $0x0,%al # low', [0xb0, 0x00], [[1, 14, 'low']]],
    ['jmp near', [0xeb, 0x00], [[1, 15, 'near']]],
    // What recordmcount leaves of the call of __fentry__.
    ['nopl (%rax,%rax)', [0x0f, 0x1f, 0x44, 0, 0], [[1, 0, '__fentry__']]],
  ])('%s', (text, bytes, rows) => {
    expect(texts(x86_64, bytes, rows)).toEqual([text]);
  });

  test('a jump within the section names the place, forwards and backwards', () => {
    expect(texts(x86_64, [0x74, 0x02, 0x90, 0x90, 0xeb, 0xfa])).toEqual(['je f+0x4', 'nop', 'nop', 'jmp f+0x0']);
  });
});

describe('hex words', () => {
  test('of a little-endian CPU with words of four bytes', () => {
    expect(texts(aarch64, [0x05, 0, 0, 0x94, 0x1f, 0x20, 0x03, 0xd5], [[0, 283, 'printk']])).toEqual([
      '94000005 printk',
      'd503201f',
    ]);
  });

  test('of a big-endian CPU with instructions of several words; nameless relocations are left out', () => {
    const bytes = [0xc0, 0xe5, 0, 0, 0, 0, 0x07, 0xfe];
    const rows: Row[] = [
      [2, 20, 'printk'],
      [4, 0, ''],
    ];
    expect(texts(s390x, bytes, rows)).toEqual(['c0e5 0000 0000 printk', '07fe']);
  });

  test('of a rest', () => {
    expect(hexWords(Uint8Array.from([1, 2, 3, 4, 5, 6]), 4, 'little')).toBe('04030201 0605');
  });
});
