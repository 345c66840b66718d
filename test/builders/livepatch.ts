/**
 * A livepatch in the states it goes through, small and made in code: the diffed object, the module as kbuild links it,
 * and the finished one. Tests change one thing and look at what comes of it.
 */
import { x86_64 } from '../../src/arch/x86-64.js';
import { SHF, SHT, STB, STT } from '../../src/elf/constants.js';
import type { ByteOrder, ElfObject, ElfSection, ElfSymbol } from '../../src/elf/object.js';
import { encodeIntermediate } from '../../src/livepatch/encode-intermediate.js';
import { exposeReplacements } from '../../src/livepatch/expose-replacements.js';
import { finishModule, type RelocationRules } from '../../src/livepatch/finish.js';
import type { KlpRelocation, LivepatchParts } from '../../src/livepatch/livepatch.js';
import type { ModuleExpectations } from '../../src/livepatch/verify.js';
import { ObjectBuilder } from './elf.js';

export const R_64 = 1;
export const R_PC32 = 2;
export const R_PLT32 = 4;

/** As on x86-64. */
export const rules: RelocationRules = {
  absolute64: R_64,
  zeroedBytes: (type) => (type === R_64 ? 8 : 4),
  objtool: x86_64.objtool,
};

/** `toy_show` of module toy: calls `toy_find` (static in toy) and `_printk`, and reads `jiffies_hidden` of vmlinux. */
export interface DiffedToy {
  readonly object: ElfObject;
  readonly parts: LivepatchParts;
  readonly text: ElfSection;
  readonly replacement: ElfSymbol;
}

export function diffedToy(byteOrder: ByteOrder = 'little', fileName = 'toy.o'): DiffedToy {
  const builder = new ObjectBuilder({ byteOrder });
  builder.symbol({ name: 'toy.c', place: 'absolute', type: STT.FILE });
  const replacement = builder.function('toy_show', new Array(32).fill(0), { bind: STB.LOCAL });
  const text = sectionOf(replacement);
  const printk = builder.undefinedSymbol('_printk');
  text.relocations.push({ offset: 1, type: R_PLT32, symbol: printk, addend: -4 });
  const relocation = (offset: number, object: string, name: string, sympos: number): KlpRelocation => ({
    section: text,
    offset,
    type: R_PLT32,
    addend: -4,
    isExternal: false,
    object,
    symbol: { name, object, sympos, bind: STB.LOCAL, type: STT.FUNC, address: 0n },
  });
  const parts: LivepatchParts = {
    functions: [
      {
        name: 'toy_show',
        object: 'toy',
        replacement,
        originalSize: 30,
        replacementSize: 32,
        originalAddress: 0x40n,
        sympos: 1,
      },
    ],
    relocations: [relocation(8, 'toy', 'toy_find', 2), relocation(16, 'vmlinux', 'jiffies_hidden', 0)],
    callbacks: [],
    archSections: [],
  };
  return { object: builder.build(fileName), parts, text, replacement };
}

/** The diffed object with its intermediate sections and the alias of its replacement. */
export function encodedToy(): DiffedToy {
  const toy = diffedToy();
  encodeIntermediate(toy.object, toy.parts, R_64);
  exposeReplacements(toy.object, toy.parts.functions, 0);
  return toy;
}

/** What kbuild makes of the encoded object and the generated source: tables, `.modinfo`, versions. */
export function linkedToy(): DiffedToy {
  const toy = encodedToy();
  const { object } = toy;
  const builder = new ObjectBuilder();
  const strings = builder.section({
    name: '.rodata.str1.1',
    type: SHT.PROGBITS,
    flags: SHF.ALLOC | SHF.MERGE | SHF.STRINGS,
    entrySize: 1,
    content: Buffer.from('toy_show\0toy\0'),
  });
  const stringsSymbol = builder.sectionSymbol(strings);
  const data = builder.section({
    name: '.data',
    type: SHT.PROGBITS,
    flags: SHF.ALLOC | SHF.WRITE,
    alignment: 32,
    content: new Uint8Array(2 * KLP_FUNC_SIZE + 2 * KLP_OBJECT_SIZE),
  });
  const local = { place: data, type: STT.OBJECT };
  const functions = builder.symbol({ ...local, name: 'kptool_functions_0', size: 2 * KLP_FUNC_SIZE });
  const objectsAt = 2 * KLP_FUNC_SIZE;
  builder.symbol({ ...local, name: 'kptool_objects', value: objectsAt, size: 2 * KLP_OBJECT_SIZE });
  const alias = object.symbols.find(({ name }) => name === 'kptool_replacement_0_0');
  if (alias === undefined) throw new Error('the diffed object exposes no replacement');
  data.relocations = [
    { offset: 0, type: R_64, symbol: stringsSymbol, addend: 0 },
    { offset: 8, type: R_64, symbol: alias, addend: 0 },
    { offset: objectsAt, type: R_64, symbol: stringsSymbol, addend: 9 },
    { offset: objectsAt + 8, type: R_64, symbol: functions, addend: 0 },
  ];
  data.content[16] = 1;
  builder.section({
    name: '.modinfo',
    type: SHT.PROGBITS,
    flags: SHF.ALLOC,
    content: Buffer.from('livepatch=Y\0license=GPL\0name=livepatch_toy\0vermagic=6.1.0-9-amd64 SMP mod_unload \0'),
  });
  const versions = builder.section({
    name: '__versions',
    type: SHT.PROGBITS,
    flags: SHF.ALLOC,
    content: new Uint8Array(64),
  });
  versions.content.set([0x78, 0x56, 0x34, 0x12]);
  versions.content.set(Buffer.from('_printk'), 8);
  builder.section({ name: '.BTF', type: SHT.PROGBITS, content: new Uint8Array(24) });
  object.sections.push(...builder.sections);
  object.symbols.push(...builder.symbols);
  return toy;
}

const KLP_FUNC_SIZE = 64;
const KLP_OBJECT_SIZE = 80;

export function finishedToy(): ElfObject {
  return finishModule(linkedToy().object, rules);
}

export const toyExpectations: ModuleExpectations = {
  machine: 62,
  name: 'livepatch_toy',
  release: '6.1.0-9-amd64',
  exports: new Map([['_printk', 0x12345678]]),
  functions: [{ object: 'toy', name: 'toy_show', sympos: 1 }],
  entrySizes: new Map([['__bug_table', 12]]),
  rules,
};

export function sectionOf(symbol: ElfSymbol): ElfSection {
  if (symbol.section === undefined) throw new Error(`${symbol.name} is in no section`);
  return symbol.section;
}

export function sectionNamed(object: ElfObject, name: string): ElfSection {
  const section = object.sections.find((candidate) => candidate.name === name);
  if (section === undefined) throw new Error(`there is no section ${name}`);
  return section;
}

export function symbolNamed(object: ElfObject, name: string): ElfSymbol {
  const symbol = object.symbols.find((candidate) => candidate.name === name);
  if (symbol === undefined) throw new Error(`there is no symbol ${name}`);
  return symbol;
}
