import { describe, expect, test } from 'vitest';
import { ET, SHF, SHT, STB, STT } from '../../../src/elf/constants.js';
import { type ImageSymbol, readImage } from '../../../src/elf/image.js';
import { writeElf } from '../../../src/elf/write.js';
import { buildRichObject, ObjectBuilder } from '../../builders/elf.js';
import { ElfBytes } from '../../builders/elf-bytes.js';
import { growth, inProportion } from '../../builders/growth.js';

function place({ section }: ImageSymbol): string {
  return typeof section === 'string' ? section : section.name;
}

describe('readImage', () => {
  test.each(['little', 'big'] as const)('reads all symbols of an object in table order, %s-endian', (byteOrder) => {
    const image = readImage(writeElf(buildRichObject(byteOrder)), 'rich.ko');
    expect(image.type).toBe(ET.REL);
    expect(image.format.byteOrder).toBe(byteOrder);
    const rows = image.symbols.map((symbol) => `${symbol.name} ${place(symbol)} ${symbol.value} ${symbol.size}`);
    expect(rows).toEqual([
      'mad.c absolute 0 0',
      'minus_one absolute 18446744073709551615 0',
      ' .rodata.str1.1 0 0',
      ' .text 0 0',
      'agents .bss 8 64',
      'mad_send .text 0 21',
      'größe .text.inline 0 8',
      '_printk undefined 0 0',
      'shared common 8 16',
      '.klp.sym.ib_mad.find,1 reserved 0 0',
    ]);
    expect(image.symbols[0]).toMatchObject({ bind: STB.LOCAL, type: STT.FILE, other: 0 });
    expect(image.symbols[2]?.type).toBe(STT.SECTION);
    expect(image.symbols[6]).toMatchObject({ bind: STB.WEAK, type: STT.FUNC, other: 2 });
  });

  test('reads addresses of a linked image in full', () => {
    const edited = new ElfBytes(writeElf(buildRichObject()))
      .file('e_type', ET.EXEC)
      .section('.text', 'sh_addr', 0xffff_ffff_8100_0000n)
      .content('.symtab', 6 * 24 + 8, 8, 0xffff_ffff_8100_0010n);
    const image = readImage(edited.bytes, 'vmlinux');
    expect(image.type).toBe(ET.EXEC);
    expect(image.symbols[5]).toMatchObject({ name: 'mad_send', value: 0xffff_ffff_8100_0010n });
    expect(image.sections.find(({ name }) => name === '.text')?.address).toBe(0xffff_ffff_8100_0000n);
  });

  test('gives sections with their index in the file, and their content', () => {
    const image = readImage(writeElf(buildRichObject()), 'rich.ko');
    expect(image.sections.map(({ index, name }) => `${index} ${name}`)).toEqual([
      '1 .group',
      '2 .text',
      '3 .rela.text',
      '4 .klp.rela.ib_mad..text',
      '5 .text.inline',
      '6 .rela.text.inline',
      '7 .bss',
      '8 __patchable_function_entries',
      '9 .rela__patchable_function_entries',
      '10 .rodata.str1.1',
      '11 .symtab',
      '12 .strtab',
      '13 .shstrtab',
    ]);
    const [, text, , , , , bss] = image.sections;
    expect([...(text?.content() ?? [])]).toEqual(Array.from({ length: 21 }, (_, index) => index + 1));
    expect([bss?.size, bss?.content().length]).toEqual([72, 0]);
  });

  test('gives no symbols where there is no table', () => {
    const edited = new ElfBytes(writeElf(buildRichObject())).section('.symtab', 'sh_type', SHT.PROGBITS);
    expect(readImage(edited.bytes, 'stripped.ko').symbols).toEqual([]);
  });

  test('does not mind what only a relocatable object may not be', () => {
    const edited = new ElfBytes(writeElf(buildRichObject())).section('.rela.text', 'sh_type', SHT.REL);
    expect(readImage(edited.bytes, 'vmlinux').symbols).toHaveLength(10);
  });

  test('refuses what it cannot read', () => {
    expect(() => readImage(Buffer.from('text'), 'vmlinux')).toThrow('[elf-not-elf]');
    const short = writeElf(buildRichObject()).subarray(0, 500);
    expect(() => readImage(short, 'vmlinux')).toThrow('[elf-truncated]');
  });
});

test('many symbols are read in time proportional to their number', () => {
  const readSymbols = (count: number) => {
    const bytes = imageOf(count);
    return () => expect(readImage(bytes, 'vmlinux').symbols).toHaveLength(count);
  };
  expect(growth(readSymbols, 4000, 16)).toBeLessThan(inProportion(16));
});

test('130,000 symbols are read in little memory', () => {
  const bytes = imageOf(130_000);
  const before = process.memoryUsage().rss;
  const image = readImage(bytes, 'vmlinux');
  const used = process.memoryUsage().rss - before;
  expect(image.symbols[129_999]?.name).toBe('some_function_of_the_kernel_129999');
  // Some 60 MiB on a quiet machine.
  expect(used).toBeLessThan(200 * 2 ** 20);
});

function imageOf(symbols: number): Uint8Array {
  const builder = new ObjectBuilder();
  const text = builder.section({ name: '.text', type: SHT.PROGBITS, flags: SHF.ALLOC, content: new Uint8Array(64) });
  for (let index = 0; index < symbols; index += 1) {
    builder.symbol({ name: `some_function_of_the_kernel_${index}`, place: text, value: index, bind: STB.GLOBAL });
  }
  return writeElf(builder.build());
}
