/**
 * Small ELF objects made in code, for tests of everything that reads or edits objects. `buildObject` gives the values;
 * `writeElf` turns them into a file.
 */
import { EM, SHF, SHT, STB, STT } from '../../src/elf/constants.js';
import {
  type ByteOrder,
  type ElfFormat,
  ElfObject,
  ElfSection,
  ElfSymbol,
  type SectionInit,
  type SymbolInit,
} from '../../src/elf/object.js';

/** An object under construction: sections and symbols can refer to each other as soon as they are added. */
export class ObjectBuilder {
  readonly sections: ElfSection[] = [];
  readonly symbols: ElfSymbol[] = [];
  readonly format: ElfFormat;

  constructor(format: Partial<ElfFormat> = {}) {
    this.format = { byteOrder: 'little', machine: EM.X86_64, flags: 0, osAbi: 0, abiVersion: 0, ...format };
  }

  section(init: SectionInit): ElfSection {
    const section = new ElfSection(init);
    this.sections.push(section);
    return section;
  }

  /** `.text.NAME` with `content`, and the global function NAME that fills it. */
  function(name: string, content: readonly number[] = [0xc3], init: Partial<SymbolInit> = {}): ElfSymbol {
    const section = this.section({
      name: `.text.${name}`,
      type: SHT.PROGBITS,
      flags: SHF.ALLOC | SHF.EXECINSTR,
      alignment: 16,
      content: Uint8Array.from(content),
    });
    return this.symbol({ name, place: section, size: content.length, bind: STB.GLOBAL, type: STT.FUNC, ...init });
  }

  symbol(init: SymbolInit): ElfSymbol {
    const symbol = new ElfSymbol(init);
    this.symbols.push(symbol);
    return symbol;
  }

  /** The nameless local symbol that stands for `section`. */
  sectionSymbol(section: ElfSection): ElfSymbol {
    return this.symbol({ name: '', place: section, type: STT.SECTION });
  }

  undefinedSymbol(name: string): ElfSymbol {
    return this.symbol({ name, place: 'undefined', bind: STB.GLOBAL });
  }

  build(fileName = 'built.o'): ElfObject {
    return new ElfObject(fileName, this.format, this.sections, this.symbols);
  }
}

/** One of everything that an object can hold, in the order in which it comes back from a file. */
export function buildRichObject(byteOrder: ByteOrder = 'little'): ElfObject {
  const builder = new ObjectBuilder({ byteOrder, machine: byteOrder === 'little' ? EM.X86_64 : EM.S390, flags: 3 });
  const group = builder.section({ name: '.group', type: SHT.GROUP, alignment: 4, entrySize: 4 });
  const text = builder.section({
    name: '.text',
    type: SHT.PROGBITS,
    flags: SHF.ALLOC | SHF.EXECINSTR,
    alignment: 16,
    content: Uint8Array.from({ length: 21 }, (_, index) => index + 1),
  });
  const inline = builder.section({
    name: '.text.inline',
    type: SHT.PROGBITS,
    flags: SHF.ALLOC | SHF.EXECINSTR | SHF.GROUP,
    content: Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]),
  });
  const bss = builder.section({
    name: '.bss',
    type: SHT.NOBITS,
    flags: SHF.WRITE | SHF.ALLOC,
    alignment: 64,
    size: 72,
  });
  const entries = builder.section({
    name: '__patchable_function_entries',
    type: SHT.PROGBITS,
    flags: SHF.WRITE | SHF.ALLOC | SHF.LINK_ORDER,
    alignment: 8,
    content: new Uint8Array(8),
  });
  const strings = builder.section({
    name: '.rodata.str1.1',
    type: SHT.PROGBITS,
    flags: SHF.ALLOC | SHF.MERGE | SHF.STRINGS,
    entrySize: 1,
    content: Buffer.from('agent %d\n\0'),
  });
  entries.linkedTo = text;

  builder.symbol({ name: 'mad.c', place: 'absolute', type: STT.FILE });
  builder.symbol({ name: 'minus_one', place: 'absolute', value: -1 });
  const stringsSymbol = builder.sectionSymbol(strings);
  builder.sectionSymbol(text);
  builder.symbol({ name: 'agents', place: bss, value: 8, size: 64, type: STT.OBJECT });
  const send = builder.symbol({ name: 'mad_send', place: text, size: 21, bind: STB.GLOBAL, type: STT.FUNC });
  const inlined = builder.symbol({ name: 'größe', place: inline, size: 8, bind: STB.WEAK, type: STT.FUNC, other: 2 });
  const printk = builder.undefinedSymbol('_printk');
  builder.symbol({ name: 'shared', place: 'common', value: 8, size: 16, bind: STB.GLOBAL, type: STT.OBJECT });
  const late = builder.symbol({
    name: '.klp.sym.ib_mad.find,1',
    place: 'livepatch',
    bind: STB.GLOBAL,
    type: STT.FUNC,
    other: 0x60,
  });

  group.group = { flags: 1, signature: inlined, members: [inline] };
  text.relocations = [
    { offset: 1, type: 2, symbol: stringsSymbol, addend: -4 },
    { offset: 6, type: 4, symbol: printk, addend: 0x1_0000_0000 },
  ];
  inline.relocations = [{ offset: 0, type: 4, symbol: send, addend: -0x1_0000_0001 }];
  entries.relocations = [{ offset: 0, type: 1, symbol: inlined, addend: 0 }];
  text.extraRelocationTables = [
    {
      name: '.klp.rela.ib_mad..text',
      flags: SHF.ALLOC | SHF.INFO_LINK | SHF.RELA_LIVEPATCH,
      relocations: [{ offset: 16, type: 4, symbol: late, addend: -4 }],
    },
  ];
  return builder.build('rich.o');
}
