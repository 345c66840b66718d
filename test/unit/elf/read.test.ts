import { describe, expect, test } from 'vitest';
import { ET, SHF, SHN, SHT, STB } from '../../../src/elf/constants.js';
import { dumpElf } from '../../../src/elf/dump.js';
import { type ElfSection, noSymbol } from '../../../src/elf/object.js';
import { readElf } from '../../../src/elf/read.js';
import { writeElf } from '../../../src/elf/write.js';
import { buildRichObject, ObjectBuilder } from '../../builders/elf.js';
import { ElfBytes } from '../../builders/elf-bytes.js';
import { growth, inProportion } from '../../builders/growth.js';

function rich(): ElfBytes {
  return new ElfBytes(writeElf(buildRichObject()));
}

function sectionOf(bytes: Uint8Array, name: string): ElfSection {
  const section = readElf(bytes, 'edited.o').sections.find((candidate) => candidate.name === name);
  if (section === undefined) throw new Error(`no section ${name}`);
  return section;
}

describe('what is read', () => {
  test('contents are views of the input', () => {
    const { bytes } = rich();
    expect(sectionOf(bytes, '.text').content.buffer).toBe(bytes.buffer);
  });

  test('a view into a larger buffer is read from its own start', () => {
    const { bytes } = rich();
    const larger = new Uint8Array(bytes.length + 13);
    larger.set(bytes, 13);
    expect(dumpElf(readElf(larger.subarray(13), 'rich.o'))).toBe(dumpElf(buildRichObject()));
  });

  test('only the table named after the section is the section its own', () => {
    const text = sectionOf(rich().bytes, '.text');
    expect(text.relocations).toHaveLength(2);
    expect(text.extraRelocationTables.map(({ name }) => name)).toEqual(['.klp.rela.ib_mad..text']);
  });

  test('a livepatch table alone does not become the section its own', () => {
    const object = buildRichObject();
    for (const section of object.sections) section.relocations = [];
    const text = sectionOf(writeElf(object), '.text');
    expect(text.relocations).toEqual([]);
    expect(text.extraRelocationTables).toHaveLength(1);
  });

  test('a single table under a foreign name is the section its own', () => {
    const { bytes } = rich().section('.rela.text.inline', 'sh_name', 0);
    expect(sectionOf(bytes, '.text.inline').relocations).toHaveLength(1);
    expect(sectionOf(bytes, '.text.inline').extraRelocationTables).toEqual([]);
  });

  test('of two tables the one named after the section is its own, wherever it stands', () => {
    const builder = new ObjectBuilder();
    const { section } = builder.function('send', [0, 0, 0, 0]);
    const symbol = builder.undefinedSymbol('_printk');
    const named = {
      name: '.rela.text.send',
      flags: SHF.INFO_LINK,
      relocations: [{ offset: 1, type: 4, symbol, addend: 0 }],
    };
    const other = { name: '.other', flags: SHF.INFO_LINK, relocations: [{ offset: 2, type: 4, symbol, addend: 0 }] };
    section?.extraRelocationTables.push(other, named);
    // The writer puts an empty table of the section's own in front; made foreign, only the order is left to mislead.
    const { bytes } = new ElfBytes(writeElf(builder.build())).section('.rela.text.send', 'sh_name', 0);
    const read = sectionOf(bytes, '.text.send');
    expect(read.relocations.map(({ offset }) => offset)).toEqual([1]);
    expect(read.extraRelocationTables.map(({ name }) => name)).toEqual(['', '.other']);
  });

  test('a relocation without symbol refers to noSymbol', () => {
    const { bytes } = rich().content('.rela.text', 8 + 4, 4, 0);
    expect(sectionOf(bytes, '.text').relocations[0]?.symbol).toBe(noSymbol);
  });

  test('relocations of a compressed section count in the unpacked bytes', () => {
    const builder = new ObjectBuilder();
    const packed = new Uint8Array(24 + 5);
    packed[0] = 1;
    packed[8] = 0x40;
    const section = builder.section({
      name: '.debug_info',
      type: SHT.PROGBITS,
      flags: SHF.COMPRESSED,
      content: packed,
    });
    const symbol = builder.undefinedSymbol('_printk');
    section.relocations = [{ offset: 0x3f, type: 1, symbol, addend: 0 }];
    expect(sectionOf(writeElf(builder.build()), '.debug_info').relocations).toHaveLength(1);
    section.relocations = [{ offset: 0x40, type: 1, symbol, addend: 0 }];
    expect(() => readElf(writeElf(builder.build()), 'packed.o')).toThrow(
      'an offset within the 64 bytes of .debug_info',
    );
  });

  test('a file without section headers is an empty object', () => {
    const object = readElf(rich().file('e_shoff', 0).bytes.subarray(0, 64), 'bare.o');
    expect(object.sections).toEqual([]);
    expect(object.symbols).toEqual([]);
  });

  test("clang's list of significant symbols is left out", () => {
    const builder = new ObjectBuilder();
    builder.section({ name: '.llvm_addrsig', type: SHT.LLVM_ADDRSIG, content: Uint8Array.from([1]) });
    builder.function('send');
    const object = readElf(writeElf(builder.build()), 'clang.o');
    expect(object.sections.map(({ name }) => name)).toEqual(['.text.send']);
  });

  test('a section that must stay with none has no link', () => {
    const { bytes } = rich().section('__patchable_function_entries', 'sh_link', 0);
    expect(sectionOf(bytes, '__patchable_function_entries').linkedTo).toBeUndefined();
  });
});

/** Symbol indices of the rich object: 1 mad.c, 2 minus_one, 3 and 4 section symbols, 5 agents, 6 mad_send … */
const SYMBOL = 24;

describe('what is refused', () => {
  const cases: [name: string, edit: (file: ElfBytes) => ElfBytes, message: string][] = [
    ['another version', (f) => f.file('e_version', 2), 'rich.o: ELF header+0x14: expected version 1'],
    ['another version of the identification', (f) => f.file('ei_version', 2), 'expected version 1, have 2 and 1'],
    ['a linked program', (f) => f.file('e_type', ET.EXEC), 'rich.o is not a relocatable object: it is an executable'],
    ['a type of no standard', (f) => f.file('e_type', 0xfe00), 'it is of type 65024 [elf-not-relocatable]'],
    ['section headers of another size', (f) => f.file('e_shentsize', 40), 'section headers of 64 bytes, have 40'],
    [
      'section headers behind the end',
      (f) => f.file('e_shoff', 2 ** 40),
      'rich.o: file+0x10000000000: expected 64 bytes',
    ],
    ['an offset beyond 2^53', (f) => f.file('e_shoff', 2n ** 60n), 'expected a value below 2^53'],
    ['more sections than headers', (f) => f.file('e_shnum', 0xfe00), '[elf-truncated]'],
    [
      'billions of sections by extended numbering',
      (f) => f.nullSection('sh_size', 2 ** 40).file('e_shnum', 0),
      '[elf-truncated]',
    ],
    ['extended numbering without a number', (f) => f.file('e_shnum', 0), 'section header 0+0x20: expected a number'],
    ['a name table that is no section', (f) => f.file('e_shstrndx', 999), 'expected a section index below'],
    ['a name table that is text', (f) => f.file('e_shstrndx', f.index('.text')), 'expected a string table'],
    [
      'a section behind the end',
      (f) => f.section('.text', 'sh_offset', 2 ** 32),
      'rich.o: .text+0x0: expected 21 bytes',
    ],
    ['a section past the end', (f) => f.section('.text', 'sh_size', 2 ** 32), '.text+0x0: expected 4294967296 bytes'],
    ['a section name outside', (f) => f.section('.text', 'sh_name', 0xffff), 'section headers+0x80: expected a name'],
    [
      'overlapping sections',
      (f) => f.section('.text', 'sh_size', 100),
      'expected bytes of its own, have bytes that belong',
    ],
    ['an odd alignment', (f) => f.section('.text', 'sh_addralign', 3), 'alignment that is a power of two, have 3'],
    [
      'a REL table',
      (f) => f.section('.rela.text', 'sh_type', SHT.REL),
      'rich.o: .rela.text is a relocation table without',
    ],
    [
      'relocation entries of another size',
      (f) => f.section('.rela.text', 'sh_entsize', 16),
      'entries of 24 bytes, have 16',
    ],
    [
      'half a relocation',
      (f) => f.section('.rela.text', 'sh_size', 47),
      'expected a multiple of 24 bytes, have 47 bytes',
    ],
    [
      'relocations of no section',
      (f) => f.section('.rela.text', 'sh_info', 0),
      '.rela.text+0x0: expected a section to',
    ],
    [
      'relocations of a symbol table',
      (f) => f.section('.rela.text', 'sh_info', f.index('.symtab')),
      'a section to relocate',
    ],
    ['relocations of another symbol table', (f) => f.section('.rela.text', 'sh_link', 1), 'a link to the symbol table'],
    [
      'relocations of .bss',
      (f) => f.section('.rela.text.inline', 'sh_info', f.index('.bss')),
      '.rela.text.inline+0x0: expected an offset within the 0 bytes of .bss, have 0x0',
    ],
    [
      'a relocation past its section',
      (f) => f.content('.rela.text', 24, 8, 21),
      'rich.o: .rela.text+0x18: expected an offset within the 21 bytes of .text, have 0x15 [elf-malformed]',
    ],
    [
      'a relocation of a symbol that is not there',
      (f) => f.content('.rela.text', 8 + 4, 4, 11),
      'rich.o: .rela.text+0x8: expected a symbol index below 11, have 11 [elf-malformed]',
    ],
    [
      'a second symbol table',
      (f) => f.section('.strtab', 'sh_type', SHT.SYMTAB),
      '.strtab+0x0: expected one symbol table',
    ],
    [
      'symbol entries of another size',
      (f) => f.section('.symtab', 'sh_entsize', 16),
      '.symtab+0x0: expected entries of 24',
    ],
    [
      'symbol names in .text',
      (f) => f.section('.symtab', 'sh_link', f.index('.text')),
      'expected a link to a string table',
    ],
    ['symbol names in no section', (f) => f.section('.symtab', 'sh_link', 77), 'have a link to section 77'],
    ['a symbol name outside', (f) => f.content('.symtab', SYMBOL, 4, 9999), '.symtab+0x18: expected a name within'],
    [
      'a symbol in no section',
      (f) => f.content('.symtab', 6 * SYMBOL + 6, 2, 200),
      'rich.o: .symtab+0x96: expected a section index below 14, have 200 [elf-malformed]',
    ],
    [
      'a symbol in the symbol table',
      (f) => f.content('.symtab', 6 * SYMBOL + 6, 2, f.index('.symtab')),
      'with content',
    ],
    [
      'a symbol in a place of no standard',
      (f) => f.content('.symtab', 6 * SYMBOL + 6, 2, 0xff77),
      'another reserved index',
    ],
    ['an extended index without table', (f) => f.content('.symtab', 6 * SYMBOL + 6, 2, SHN.XINDEX), 'have neither'],
    ['a group of another entry size', (f) => f.section('.group', 'sh_entsize', 8), '.group+0x0: expected entries of 4'],
    ['a group without name', (f) => f.section('.group', 'sh_info', 0), 'expected a symbol that names the group'],
    ['a group named by a symbol that is not there', (f) => f.section('.group', 'sh_info', 99), 'names the group'],
    ['a group of another symbol table', (f) => f.section('.group', 'sh_link', 1), 'have symbol 7 of section 1'],
    [
      'an empty group',
      (f) => f.section('.group', 'sh_size', 0),
      '.group+0x0: expected 4 bytes, have 0 [elf-truncated]',
    ],
    [
      'a group member that is not there',
      (f) => f.content('.group', 4, 4, 99),
      '.group+0x4: expected the index of a section',
    ],
    [
      'a link to the string table',
      (f) => f.section('__patchable_function_entries', 'sh_link', f.index('.strtab')),
      'expected a link to a section with content',
    ],
  ];
  test.each(cases)('%s', (_, edit, message) => {
    expect(() => readElf(edit(rich()).bytes, 'rich.o')).toThrow(message);
  });

  test('a string table without end', () => {
    const object = buildRichObject();
    const { bytes } = new ElfBytes(writeElf(object)).section('.strtab', 'sh_size', 3);
    expect(() => readElf(bytes, 'rich.o')).toThrow('.strtab+0x1: expected a name that ends with a zero byte');
  });

  test('an extended section index of 0, and one behind the last section', () => {
    const builder = new ObjectBuilder();
    builder.function('send');
    builder.section({
      name: '.indices',
      type: SHT.SYMTAB_SHNDX,
      entrySize: 4,
      content: Uint8Array.from([0, 0, 0, 0, 1, 0, 0, 0]),
    });
    const edited = new ElfBytes(writeElf(builder.build()));
    edited.section('.indices', 'sh_link', edited.index('.symtab')).content('.symtab', SYMBOL + 6, 2, SHN.XINDEX);
    expect(readElf(edited.bytes, 'many.o').symbols[0]?.section?.name).toBe('.text.send');
    for (const index of [0, 6]) {
      edited.content('.indices', 4, 4, index);
      expect(() => readElf(edited.bytes, 'many.o')).toThrow(
        `many.o: .indices+0x4: expected a section index below 6, have ${index} [elf-malformed]`,
      );
    }
  });

  test('what is no ELF file, with what it may be', () => {
    expect(() => readElf(new Uint8Array(0), 'a.o')).toThrow('a.o is not an ELF file: it is empty [elf-not-elf]');
    expect(() => readElf(Buffer.from('!<arch>\n'), 'a.o')).toThrow('it is an archive of objects');
    expect(() => readElf(Uint8Array.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), 'a.ko.xz')).toThrow('compressed with xz');
    expect(() => readElf(Buffer.from('\x7fELF'), 'a.o')).toThrow('a.o: ELF header+0x4: expected 1 byte, have 0');
    expect(() => readElf(Buffer.from('\x7fELF\x01\x01'), 'a.o')).toThrow('its class is 32-bit [elf-class-unsupported]');
    expect(() => readElf(Buffer.from('\x7fELF\x02\x03\x01'), 'a.o')).toThrow('expected byte order 1 or 2, have 3');
  });

  test('every file that ends too early', () => {
    const { bytes } = rich();
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => readElf(bytes.subarray(0, length), 'short.o'), `${length} bytes`).toThrow(
        /\[elf-(truncated|not-elf)\]/,
      );
    }
  });
});

test('a large object is read in time proportional to its size', () => {
  const readObject = (functions: number) => {
    const builder = new ObjectBuilder();
    const content = new Uint8Array(functions * 8);
    const text = builder.section({ name: '.text', type: SHT.PROGBITS, flags: SHF.ALLOC, content });
    for (let index = 0; index < functions; index += 1) {
      const symbol = builder.symbol({ name: `function_${index}`, place: text, value: index, bind: STB.GLOBAL });
      text.relocations.push({ offset: index, type: 4, symbol, addend: -4 });
    }
    const bytes = writeElf(builder.build());
    const last = functions - 1;
    return () => expect(readElf(bytes, 'large.o').sections[0]?.relocations[last]?.symbol.name).toBe(`function_${last}`);
  };
  expect(growth(readObject, 4000, 16)).toBeLessThan(inProportion(16));
});
