import { describe, expect, test } from 'vitest';
import { SHF, SHT, STB, STT } from '../../../src/elf/constants.js';
import { type ElfObject, ElfSection, ElfSymbol } from '../../../src/elf/object.js';
import { readElf } from '../../../src/elf/read.js';
import { writeElf } from '../../../src/elf/write.js';
import { encodeIntermediate } from '../../../src/livepatch/encode-intermediate.js';
import { exposeReplacements } from '../../../src/livepatch/expose-replacements.js';
import { finishModule } from '../../../src/livepatch/finish.js';
import {
  diffedToy,
  encodedToy,
  finishedToy,
  linkedToy,
  R_64,
  R_PLT32,
  rules,
  sectionNamed,
  symbolNamed,
} from '../../builders/livepatch.js';

const KLP_FLAGS = 0x0010_0000 | SHF.ALLOC | SHF.INFO_LINK;

describe('livepatch relocations', () => {
  test('become tables by object, named after their section', () => {
    const text = sectionNamed(finishedToy(), '.text.toy_show');
    expect(
      text.extraRelocationTables.map(({ name, flags, relocations }) => ({
        name,
        flags,
        relocations: relocations.map(({ offset, type, symbol, addend }) => [offset, type, symbol.name, addend]),
      })),
    ).toEqual([
      {
        name: '.klp.rela.toy..text.toy_show',
        flags: KLP_FLAGS,
        relocations: [[8, R_PLT32, '.klp.sym.toy.toy_find,2', -4]],
      },
      {
        name: '.klp.rela.vmlinux..text.toy_show',
        flags: KLP_FLAGS,
        relocations: [[16, R_PLT32, '.klp.sym.vmlinux.jiffies_hidden,0', -4]],
      },
    ]);
  });

  test('ordinary relocations stay', () => {
    const text = sectionNamed(finishedToy(), '.text.toy_show');
    expect(text.relocations.map(({ offset, symbol }) => [offset, symbol.name])).toEqual([[1, '_printk']]);
  });

  test('survive the file, with the flag that tells the kernel', () => {
    const module = finishedToy();
    const again = sectionNamed(readElf(writeElf(module), 'toy.ko'), '.text.toy_show');
    expect(again.extraRelocationTables.map(({ name, flags }) => [name, flags])).toEqual([
      ['.klp.rela.toy..text.toy_show', KLP_FLAGS],
      ['.klp.rela.vmlinux..text.toy_show', KLP_FLAGS],
    ]);
  });

  test('two places that mean one symbol share it', () => {
    const toy = diffedToy();
    const [first] = toy.parts.relocations;
    if (first === undefined) throw new Error('no relocation');
    const untyped = { ...first, symbol: { ...first.symbol, type: STT.NOTYPE } };
    const relocations = [untyped, { ...first, offset: 24 }];
    encodeIntermediate(toy.object, { ...toy.parts, relocations }, R_64);
    const module = finishModule(toy.object, rules);
    const klp = module.symbols.filter(({ place }) => place === 'livepatch');
    expect(klp.map(({ name, type, bind }) => [name, type, bind])).toEqual([
      ['.klp.sym.toy.toy_find,2', STT.FUNC, STB.LOCAL],
    ]);
    expect(sectionNamed(module, '.text.toy_show').extraRelocationTables[0]?.relocations.map((r) => r.symbol)).toEqual([
      klp[0],
      klp[0],
    ]);
  });
});

describe('references that another object of the livepatch may satisfy', () => {
  const toyWith = (definition: ElfSymbol | undefined, isExternal: boolean) => {
    const toy = diffedToy();
    const relocations = toy.parts.relocations.slice(0, 1).map((entry) => ({ ...entry, isExternal }));
    encodeIntermediate(toy.object, { ...toy.parts, relocations }, R_64);
    toy.object.sections.push(section);
    if (definition !== undefined) toy.object.symbols.push(definition);
    const text = sectionNamed(finishModule(toy.object, rules), '.text.toy_show');
    return {
      ordinary: text.relocations.map(({ symbol }) => symbol.name),
      klp: text.extraRelocationTables.flatMap(({ relocations: entries }) => entries.map(({ symbol }) => symbol.name)),
    };
  };
  const section = new ElfSection({ name: '.text.b', type: SHT.PROGBITS, content: new Uint8Array(8) });
  const define = (bind: number) => new ElfSymbol({ name: 'toy_find', place: section, bind, type: STT.FUNC });

  test('are ordinary where one does', () => {
    expect(toyWith(define(STB.GLOBAL), true)).toEqual({ ordinary: ['_printk', 'toy_find'], klp: [] });
  });

  test('are for the loader otherwise', () => {
    const expected = { ordinary: ['_printk'], klp: ['.klp.sym.toy.toy_find,2'] };
    expect(toyWith(undefined, true)).toEqual(expected);
    expect(toyWith(define(STB.LOCAL), true)).toEqual(expected);
  });

  test('and those that only the target can satisfy are always for the loader', () => {
    expect(toyWith(define(STB.GLOBAL), false)).toEqual({ ordinary: ['_printk'], klp: ['.klp.sym.toy.toy_find,2'] });
  });

  test('go to the original where the definition is a replacement', () => {
    const toy = diffedToy();
    toy.replacement.bind = STB.GLOBAL;
    const [first] = toy.parts.relocations;
    if (first === undefined) throw new Error('no relocation');
    const symbol = { ...first.symbol, name: 'toy_show', sympos: 1 };
    encodeIntermediate(toy.object, { ...toy.parts, relocations: [{ ...first, isExternal: true, symbol }] }, R_64);
    exposeReplacements(toy.object, toy.parts.functions, 0);
    const tables = sectionNamed(finishModule(toy.object, rules), '.text.toy_show').extraRelocationTables;
    expect(tables[0]?.relocations[0]?.symbol.name).toBe('.klp.sym.toy.toy_show,1');
  });
});

describe('what only the link needed is gone', () => {
  test('sections', () => {
    const names = finishedToy().sections.map(({ name }) => name);
    expect(names).toEqual(['.text.toy_show', '.rodata.str1.1', '.data', '.modinfo', '__versions']);
  });

  test('symbols of these sections, and the aliases', () => {
    expect(finishedToy().symbols.map(({ name, section }) => name || section?.name)).toEqual([
      'toy.c',
      'toy_show',
      '_printk',
      '.text.toy_show',
      '.rodata.str1.1',
      'kptool_functions_0',
      'kptool_objects',
      '.klp.sym.toy.toy_find,2',
      '.klp.sym.vmlinux.jiffies_hidden,0',
    ]);
  });

  test('the table of functions names the function itself', () => {
    const module = finishedToy();
    const pointer = sectionNamed(module, '.data').relocations.find(({ offset }) => offset === 8);
    expect(pointer?.symbol).toBe(symbolNamed(module, 'toy_show'));
  });

  test('undefined symbols that nothing uses, which the kernel would try to find', () => {
    const { object } = linkedToy();
    object.symbols.push(new ElfSymbol({ name: 'toy_find', place: 'undefined', bind: STB.GLOBAL }));
    const names = finishModule(object, rules).symbols.map(({ name }) => name);
    expect(names).not.toContain('toy_find');
    expect(names).toContain('_printk');
  });

  test('nothing else changes', () => {
    const before = linkedToy().object;
    const contents = new Map(before.sections.map(({ name, content }) => [name, content.slice()]));
    for (const { name, content } of finishModule(before, rules).sections) expect(content).toEqual(contents.get(name));
  });
});

describe('among several names of a function', () => {
  test('the one that covers it is taken', () => {
    const { object, replacement } = encodedToy();
    const prefix = new ElfSymbol({ name: '__pfx', place: replacement.place, type: STT.FUNC, size: 16 });
    object.symbols.splice(1, 0, prefix);
    const user = new ElfSection({ name: '.data', type: SHT.PROGBITS, flags: SHF.ALLOC, content: new Uint8Array(8) });
    user.relocations.push({ offset: 0, type: R_64, symbol: symbolNamed(object, 'kptool_replacement_0_0'), addend: 0 });
    object.sections.push(user);
    finishModule(object, rules);
    expect(user.relocations[0]?.symbol.name).toBe('toy_show');
  });
});

describe('refused', () => {
  const finishing = (damage: (object: ElfObject) => void) => () => {
    const { object } = encodedToy();
    damage(object);
    return finishModule(object, rules);
  };

  test('a place that an ordinary relocation fills as well', () => {
    const damaged = finishing((object) => {
      const symbol = symbolNamed(object, '_printk');
      sectionNamed(object, '.text.toy_show').relocations.push({ offset: 8, type: R_PLT32, symbol, addend: -4 });
    });
    expect(damaged).toThrow('.text.toy_show+0x8 is to be relocated to toy_find and to something else too');
  });

  test('a place that two livepatch relocations fill', () => {
    const damaged = finishing((object) => {
      for (const relocation of sectionNamed(object, '.kpatch.relocations').relocations) {
        if (relocation.offset % 40 === 0) relocation.addend = 20;
      }
    });
    expect(damaged).toThrow('.text.toy_show+0x14 is to be relocated to jiffies_hidden and to something else too');
  });

  test('a finished module', () => {
    const module = finishedToy();
    const { object } = encodedToy();
    const text = sectionNamed(object, '.text.toy_show');
    text.extraRelocationTables = sectionNamed(module, '.text.toy_show').extraRelocationTables;
    expect(() => finishModule(object, rules)).toThrow('klp-place-relocated-twice');
  });

  test('bytes where the kernel wants none', () => {
    const damaged = finishing((object) => {
      sectionNamed(object, '.text.toy_show').content[19] = 1;
    });
    expect(damaged).toThrow('.text.toy_show+0x10 is to be relocated to jiffies_hidden but already holds a value');
  });

  test('no bytes where the kernel does not look', () => {
    const { object } = encodedToy();
    sectionNamed(object, '.text.toy_show').content.fill(0x90);
    expect(() => finishModule(object, { ...rules, zeroedBytes: () => 0 })).not.toThrow();
  });

  test('what nobody would act on', () => {
    const damaged = finishing((object) => {
      object.sections.push(new ElfSection({ name: '.kpatch.hooks.load', type: SHT.PROGBITS }));
    });
    expect(damaged).toThrow('toy.o: the section .kpatch.hooks.load means nothing to kptool');
  });

  test('a reference to what goes', () => {
    const damaged = finishing((object) => {
      const symbol = object.symbols.find(({ section }) => section?.name === '.kpatch.strings');
      if (symbol === undefined) throw new Error('no symbol for the strings');
      sectionNamed(object, '.text.toy_show').relocations.push({ offset: 24, type: R_64, symbol, addend: 0 });
    });
    expect(damaged).toThrow('toy.o: .text.toy_show+0x18 refers to .kpatch.strings [intermediate-still-used]');
  });

  test('an alias of something that is no function', () => {
    const damaged = finishing((object) => {
      symbolNamed(object, 'toy_show').type = STT.OBJECT;
    });
    expect(damaged).toThrow('toy.o: there is no function where kptool_replacement_0_0 points');
  });
});
