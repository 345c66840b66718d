import { describe, expect, test } from 'vitest';
import { EM, ET, SHF, SHN, SHT, STB } from '../../../src/elf/constants.js';
import { dumpElf } from '../../../src/elf/dump.js';
import { readImage } from '../../../src/elf/image.js';
import { ElfSection, ElfSymbol, noSymbol } from '../../../src/elf/object.js';
import { readElf } from '../../../src/elf/read.js';
import { writeElf } from '../../../src/elf/write.js';
import { buildRichObject, ObjectBuilder } from '../../builders/elf.js';

describe('what is written is read again', () => {
  test.each(['little', 'big'] as const)('everything that an object can hold, %s-endian', (byteOrder) => {
    const object = buildRichObject(byteOrder);
    const bytes = writeElf(object);
    const again = readElf(bytes, 'rich.o');
    expect(dumpElf(again)).toBe(dumpElf(object));
    expect(again.format).toEqual(object.format);
    expect(again.sections.map(({ content }) => Buffer.from(content).toString('hex'))).toEqual(
      object.sections.map(({ content }) => Buffer.from(content).toString('hex')),
    );
    expect(Buffer.compare(writeElf(again), bytes)).toBe(0);
  });

  test('an object of nothing', () => {
    const again = readElf(writeElf(new ObjectBuilder().build()), 'empty.o');
    expect([again.sections, again.symbols]).toEqual([[], []]);
  });

  test('references keep their identity', () => {
    const { sections, symbols } = readElf(writeElf(buildRichObject()), 'rich.o');
    const named = (name: string) => sections.find((section) => section.name === name);
    expect(named('__patchable_function_entries')?.linkedTo).toBe(named('.text'));
    expect(named('.group')?.group?.members).toEqual([named('.text.inline')]);
    expect(symbols).toContain(named('.group')?.group?.signature);
    for (const section of sections) {
      for (const { symbol } of section.relocations) expect(symbols).toContain(symbol);
    }
  });

  test('a further table stays one, though the section has none of its own', () => {
    const builder = new ObjectBuilder();
    const { section } = builder.function('send', [0, 0, 0, 0]);
    const symbol = builder.undefinedSymbol('_printk');
    const relocations = [{ offset: 0, type: 4, symbol, addend: 0 }];
    section?.extraRelocationTables.push({ name: '.other', flags: SHF.INFO_LINK, relocations });
    const again = readElf(writeElf(builder.build()), 'other.o').sections[0];
    expect([again?.relocations.length, again?.extraRelocationTables.length]).toEqual([0, 1]);
  });

  test('a livepatch table brings no empty table of the section with it', () => {
    const builder = new ObjectBuilder();
    const { section } = builder.function('send', [0, 0, 0, 0]);
    section?.extraRelocationTables.push({
      name: '.klp.rela.vmlinux..text',
      flags: SHF.RELA_LIVEPATCH,
      relocations: [],
    });
    const { sections } = readImage(writeElf(builder.build()), 'livepatch.o');
    expect(sections.filter(({ type }) => type === SHT.RELA).map(({ name }) => name)).toEqual([
      '.klp.rela.vmlinux..text',
    ]);
  });

  test('a relocation without symbol', () => {
    const builder = new ObjectBuilder({ machine: EM.PPC64 });
    const { section } = builder.function('send', [0, 0, 0, 0, 0, 0, 0, 0]);
    section?.relocations.push({ offset: 0, type: 51, symbol: noSymbol, addend: 0 });
    const again = readElf(writeElf(builder.build()), 'toc.o');
    expect(again.sections[0]?.relocations[0]?.symbol).toBe(noSymbol);
  });

  test('more sections than the file header can number', { timeout: 60_000 }, () => {
    const builder = new ObjectBuilder();
    const count = SHN.LORESERVE + 300;
    for (let index = 0; index < count; index += 1) builder.function(`f${index}`);
    const calls = builder.symbols[0]?.section;
    const last = builder.symbols[count - 1] ?? noSymbol;
    calls?.relocations.push({ offset: 0, type: 4, symbol: last, addend: 0 });
    const bytes = writeElf(builder.build());
    const view = new DataView(bytes.buffer);
    expect([view.getUint16(60, true), view.getUint16(62, true)]).toEqual([0, SHN.XINDEX]);

    const again = readElf(bytes, 'many.o');
    expect(again.sections).toHaveLength(count);
    // Symbols on both sides of the limit and on it: section indices are two more than here (null, first .rela).
    for (const index of [0, 1, SHN.LORESERVE - 3, SHN.LORESERVE - 2, SHN.LORESERVE - 1, count - 1]) {
      expect(again.symbols[index]?.section?.name).toBe(`.text.f${index}`);
    }
    expect(again.sections[0]?.relocations[0]?.symbol).toBe(again.symbols[count - 1]);
    expect(Buffer.compare(writeElf(again), bytes)).toBe(0);
  });

  /** Sections of the object (less 0xff00), then e_shnum, e_shstrndx and whether symbols need extended indices. */
  const limits: [distance: number, count: number, nameTable: number, needsExtendedIndices: boolean][] = [
    [-5, 0xfeff, 0xfefe, false],
    [-4, 0, 0xfeff, false],
    [-3, 0, SHN.XINDEX, false],
    [-1, 0, SHN.XINDEX, false],
    [0, 0, SHN.XINDEX, true],
  ];
  test.each(limits)('%i sections from the limit', { timeout: 60_000 }, (distance, shnum, nameTable, isExtended) => {
    const builder = new ObjectBuilder();
    const count = SHN.LORESERVE + distance;
    for (let index = 0; index < count; index += 1) builder.section({ name: '.data', type: SHT.PROGBITS });
    const place = builder.sections[count - 1] ?? 'undefined';
    builder.symbol({ name: 'last', place });
    builder.symbol({ name: 'absolute', place: 'absolute' });
    const bytes = writeElf(builder.build());
    const view = new DataView(bytes.buffer);
    expect([view.getUint16(60, true), view.getUint16(62, true)]).toEqual([shnum, nameTable]);
    const tables = readImage(bytes, 'limit.o').sections.slice(count);
    expect(tables.some(({ type }) => type === SHT.SYMTAB_SHNDX)).toBe(isExtended);
    const again = readElf(bytes, 'limit.o');
    expect(again.sections).toHaveLength(count);
    expect(again.symbols[0]?.place).toBe(again.sections[count - 1]);
    expect(again.symbols[1]?.place).toBe('absolute');
  });
});

describe('the file', () => {
  test('has the header of the specification', () => {
    const builder = new ObjectBuilder({ byteOrder: 'big', machine: EM.S390, flags: 0x0102, osAbi: 3, abiVersion: 4 });
    builder.section({ name: '.text', type: SHT.PROGBITS, alignment: 32, content: Uint8Array.from([7]) });
    const hex = Buffer.from(writeElf(builder.build()).subarray(0, 72)).toString('hex');
    expect(hex.match(/.{16}/g)).toEqual([
      '7f454c4602020103', // magic, 64-bit, big-endian, version, OS ABI
      '0400000000000000', // ABI version, padding
      '0001001600000001', // ET_REL, machine, version
      '0000000000000000', // entry
      '0000000000000000', // program headers
      '0000000000000088', // section headers
      '0000010200400000', // flags, header size, program header size
      '0000004000050004', // no program headers, section header size, five sections, names in the fourth
      '0700000000000000', // .text, here at 0x40
    ]);
  });

  test('numbers sections in order, each followed by its relocation tables', () => {
    const bytes = writeElf(buildRichObject());
    const view = new DataView(bytes.buffer);
    const headers = Number(view.getBigUint64(40, true));
    const types = Array.from({ length: view.getUint16(60, true) }, (_, index) =>
      view.getUint32(headers + 64 * index + 4, true),
    );
    expect(types).toEqual([
      SHT.NULL,
      SHT.GROUP,
      SHT.PROGBITS,
      SHT.RELA,
      SHT.RELA,
      SHT.PROGBITS,
      SHT.RELA,
      SHT.NOBITS,
      SHT.PROGBITS,
      SHT.RELA,
      SHT.PROGBITS,
      SHT.SYMTAB,
      SHT.STRTAB,
      SHT.STRTAB,
    ]);
    // The group holds its flag word, .text.inline and .rela.text.inline.
    const group = Number(view.getBigUint64(headers + 64 + 24, true));
    expect([0, 4, 8].map((at) => view.getUint32(group + at, true))).toEqual([1, 5, 6]);
    expect(Number(view.getBigUint64(headers + 64 + 32, true))).toBe(12);
  });

  test('lists in a group only those tables of a member that say so', () => {
    const object = buildRichObject();
    const inline = object.sections[2];
    const table = { name: '.klp.rela.ib_mad..text.inline', flags: SHF.RELA_LIVEPATCH, relocations: [] };
    inline?.extraRelocationTables.push(table, { ...table, flags: SHF.RELA_LIVEPATCH | SHF.GROUP });
    const { sections } = readImage(writeElf(object), 'rich.o');
    const members = new Uint32Array(Uint8Array.from(sections[0]?.content() ?? []).buffer);
    const rows = sections.filter(({ index }) => members.indexOf(index) > 0).map(({ name, flags }) => [name, flags]);
    expect(rows).toEqual([
      ['.text.inline', SHF.ALLOC | SHF.EXECINSTR | SHF.GROUP],
      ['.rela.text.inline', SHF.INFO_LINK | SHF.GROUP],
      ['.klp.rela.ib_mad..text.inline', SHF.RELA_LIVEPATCH | SHF.GROUP],
    ]);
  });

  test('puts local symbols first and keeps the order otherwise, without touching the object', () => {
    const builder = new ObjectBuilder();
    for (const [name, bind] of Object.entries({
      g1: STB.GLOBAL,
      l1: STB.LOCAL,
      w1: STB.WEAK,
      l2: STB.LOCAL,
      g2: STB.GLOBAL,
    })) {
      builder.symbol({ name, place: 'absolute', bind });
    }
    const object = builder.build();
    const bytes = writeElf(object);
    expect(readElf(bytes, 'order.o').symbols.map(({ name }) => name)).toEqual(['l1', 'l2', 'g1', 'w1', 'g2']);
    expect(object.symbols.map(({ name }) => name)).toEqual(['g1', 'l1', 'w1', 'l2', 'g2']);
    const view = new DataView(bytes.buffer);
    const symbolTableHeader = Number(view.getBigUint64(40, true)) + 64;
    expect(view.getUint32(symbolTableHeader + 44, true)).toBe(3);
  });

  test('starts sections where they want to start, but not beyond a page', () => {
    const builder = new ObjectBuilder();
    builder.section({ name: '.a', type: SHT.PROGBITS, alignment: 64, content: new Uint8Array(1) });
    builder.section({ name: '.b', type: SHT.PROGBITS, alignment: 64, content: new Uint8Array(1) });
    builder.section({ name: '.c', type: SHT.PROGBITS, alignment: 2 ** 40, content: new Uint8Array(1) });
    const bytes = writeElf(builder.build());
    const offsets = readElf(bytes, 'aligned.o').sections.map(({ content }) => content.byteOffset);
    expect(offsets).toEqual([64, 128, 4096]);
    expect(readElf(bytes, 'aligned.o').sections[2]?.alignment).toBe(2 ** 40);
  });

  test('comes out the same every time', () => {
    expect(Buffer.compare(writeElf(buildRichObject()), writeElf(buildRichObject()))).toBe(0);
  });
});

describe('what is a bug of the caller', () => {
  const foreignSection = new ElfSection({ name: '.foreign', type: SHT.PROGBITS });
  const foreignSymbol = new ElfSymbol({ name: 'stranger', place: 'undefined', bind: STB.GLOBAL });
  const cases: [name: string, spoil: (object: ReturnType<typeof buildRichObject>) => void, message: string][] = [
    [
      'a relocation of a foreign symbol',
      ({ sections }) => sections[1]?.relocations.push({ offset: 0, type: 1, symbol: foreignSymbol, addend: 0 }),
      'rich.o: .rela.text refers to symbol stranger, which is not in the object',
    ],
    [
      'a symbol in a foreign section',
      ({ symbols }) => symbols.push(new ElfSymbol({ name: 'lost', place: foreignSection })),
      'rich.o: symbol lost refers to section .foreign, which is not in the object',
    ],
    [
      'a group with a foreign member',
      ({ sections }) => sections[0]?.group?.members.push(foreignSection),
      'rich.o: group .group refers to section .foreign',
    ],
    [
      'a link to a foreign section',
      ({ sections }) => {
        if (sections[2]) sections[2].linkedTo = foreignSection;
      },
      'rich.o: section .text.inline refers to section .foreign',
    ],
    ['a symbol twice', ({ symbols }) => symbols.push(symbols[0] ?? noSymbol), 'symbol mad.c is in the object twice'],
    [
      'a section twice',
      ({ sections }) => sections.push(sections[1] ?? foreignSection),
      'section .text is in the object twice',
    ],
    [
      'a size that is not that of the content',
      ({ sections }) => {
        if (sections[1]) sections[1].size = 20;
      },
      '.text has size 20 and 21 bytes of content',
    ],
  ];
  test.each(cases)('%s', (_, spoil, message) => {
    const object = buildRichObject();
    spoil(object);
    expect(() => writeElf(object)).toThrow(message);
  });

  test('flags that became negative in 32-bit arithmetic', () => {
    const builder = new ObjectBuilder();
    builder.section({ name: '.x', type: SHT.PROGBITS, flags: SHF.EXCLUDE | SHF.ALLOC });
    expect(() => writeElf(builder.build())).toThrow(RangeError);
  });
});

test('the machine and type of the file are those of an object', () => {
  const view = new DataView(writeElf(buildRichObject()).buffer);
  expect([view.getUint16(16, true), view.getUint16(18, true)]).toEqual([ET.REL, EM.X86_64]);
});
