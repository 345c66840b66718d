import { describe, expect, test } from 'vitest';
import { lineAt, readDebugLines } from '../../../src/diff/debug-lines.js';
import { SHT, STT } from '../../../src/elf/constants.js';
import { ElfSection, ElfSymbol } from '../../../src/elf/object.js';

const text = new ElfSection({ name: '.text.f', type: SHT.PROGBITS, content: new Uint8Array(64) });
const start = new ElfSymbol({ name: '', place: text, type: STT.SECTION });

/** A DWARF 4 unit with line_base -5, line_range 14, opcode_base 13 and no files. */
function unit(program: readonly number[]): ElfSection {
  const lengths = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1];
  const header = [1, 1, 1, 0xfb, 14, 13, ...lengths, 0, 0];
  const size = 2 + 4 + header.length + program.length;
  const content = Uint8Array.from([size, 0, 0, 0, 4, 0, header.length, 0, 0, 0, ...header, ...program]);
  const section = new ElfSection({ name: '.debug_line', type: SHT.PROGBITS, content });
  const address = 10 + header.length + 3;
  section.relocations = [{ offset: address, type: 1, symbol: start, addend: 4 }];
  return section;
}

const setAddress = [0, 9, 2, 0, 0, 0, 0, 0, 0, 0, 0];

describe('readDebugLines', () => {
  test('standard, special and extended opcodes', () => {
    // advance_line 40, copy; special: 2 bytes and 1 line on; advance_pc 3, advance_line -10, copy; end_sequence
    const program = [...setAddress, 3, 40, 1, 13 + 5 + 1 + 14 * 2, 2, 3, 3, 0x76, 1, 0, 1, 1];
    expect(readDebugLines(unit(program), 'little').get(text)).toEqual([
      { offset: 4, line: 41 },
      { offset: 6, line: 42 },
      { offset: 9, line: 32 },
    ]);
  });

  test('const_add_pc and fixed_advance_pc', () => {
    const program = [...setAddress, 1, 8, 1, 9, 0x10, 0, 1];
    expect(
      readDebugLines(unit(program), 'little')
        .get(text)
        ?.map(({ offset }) => offset),
    ).toEqual([4, 21, 37]);
  });

  test.each([
    ['a table that ends early', unit([...setAddress, 1]).content.subarray(0, 20)],
    ['another version', Uint8Array.from([2, 0, 0, 0, 9, 0])],
    ['64-bit DWARF', Uint8Array.from([255, 255, 255, 255, 0, 0])],
    ['nothing', new Uint8Array(0)],
  ])('no lines of %s', (_what, content) => {
    const section = new ElfSection({ name: '.debug_line', type: SHT.PROGBITS, content });
    expect(readDebugLines(section, 'little').size).toBe(0);
  });
});

test('lineAt: the last row that is not behind', () => {
  const rows = [
    { offset: 4, line: 7 },
    { offset: 8, line: 9 },
    { offset: 8, line: 8 },
  ];
  expect([0, 4, 7, 8, 99].map((offset) => lineAt(rows, offset))).toEqual([undefined, 7, 7, 8, 8]);
});
