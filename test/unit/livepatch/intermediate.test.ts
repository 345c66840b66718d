import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SHF, SHT, STB, STT } from '../../../src/elf/constants.js';
import type { ByteOrder, ElfObject } from '../../../src/elf/object.js';
import { readElf } from '../../../src/elf/read.js';
import { writeElf } from '../../../src/elf/write.js';
import { encodeIntermediate } from '../../../src/livepatch/encode-intermediate.js';
import { decodeIntermediate } from '../../../src/livepatch/intermediate.js';
import type { KlpRelocation, LivepatchParts } from '../../../src/livepatch/livepatch.js';
import { ObjectBuilder } from '../../builders/elf.js';
import { diffedToy, encodedToy, R_64, sectionNamed } from '../../builders/livepatch.js';

/** Comparable across objects: sections and symbols by name. */
function plain({ functions, relocations, archSections }: LivepatchParts) {
  return {
    functions: functions.map(({ replacement, ...rest }) => ({ ...rest, replacement: replacement.name })),
    relocations: relocations.map(({ section, ...rest }) => ({ ...rest, section: section.name })),
    archSections: archSections.map(({ section, object }) => ({ section: section.name, object })),
  };
}

/** Through the bytes of a file and back. */
function reread(object: ElfObject): ElfObject {
  return readElf(writeElf(object), object.fileName);
}

describe.each<ByteOrder>(['little', 'big'])('%s endian', (byteOrder) => {
  test('what is encoded comes back', () => {
    const { object, parts } = diffedToy(byteOrder);
    encodeIntermediate(object, parts, R_64);
    expect(plain(decodeIntermediate(reread(object), R_64))).toEqual(plain(parts));
  });

  test('whatever it is', () => {
    const text = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 });
    const relocation = fc.record({
      offset: fc.nat(31),
      type: fc.nat(0xffff_ffff),
      addend: fc.maxSafeInteger(),
      isExternal: fc.boolean(),
      object: text,
      symbol: fc.record({
        name: text,
        object: text,
        sympos: fc.nat(),
        bind: fc.nat(15),
        type: fc.nat(15),
        address: fc.constant(0n),
      }),
    });
    fc.assert(
      fc.property(fc.array(relocation), fc.bigInt(0n, 2n ** 64n - 1n), (relocations, originalAddress) => {
        const { object, parts, text: section } = diffedToy(byteOrder);
        const all: LivepatchParts = {
          functions: parts.functions.map((replaced) => ({ ...replaced, originalAddress })),
          relocations: relocations.map((entry): KlpRelocation => ({ ...entry, section })),
          callbacks: [],
          archSections: [{ section, object: 'toy' }],
        };
        encodeIntermediate(object, all, R_64);
        expect(plain(decodeIntermediate(reread(object), R_64))).toEqual(plain(all));
      }),
      { numRuns: 50 },
    );
  });
});

describe('the layout is that of the reference', () => {
  test('sections with flags, alignment, entry size', () => {
    const { object } = encodedToy();
    const intermediate = object.sections.filter(({ name }) => name.startsWith('.kpatch.'));
    expect(
      intermediate.map(({ name, type, flags, alignment, entrySize }) => [name, type, flags, alignment, entrySize]),
    ).toEqual([
      ['.kpatch.strings', SHT.PROGBITS, SHF.ALLOC, 1, 1],
      ['.kpatch.funcs', SHT.PROGBITS, SHF.ALLOC, 8, 56],
      ['.kpatch.symbols', SHT.PROGBITS, SHF.ALLOC, 8, 40],
      ['.kpatch.relocations', SHT.PROGBITS, SHF.ALLOC, 8, 40],
    ]);
  });

  test('the fields of one function', () => {
    const funcs = sectionNamed(encodedToy().object, '.kpatch.funcs');
    const words = new BigUint64Array(funcs.content.slice().buffer);
    expect([...words]).toEqual([0n, 32n, 0x40n, 30n, 1n, 0n, 0n]);
    expect(funcs.relocations.map(({ offset, type, symbol, addend }) => [offset, type, symbol.name, addend])).toEqual([
      [0, R_64, 'toy_show', 0],
      [40, R_64, '', 0],
      [48, R_64, '', 'toy_show'.length + 1],
    ]);
  });

  test('each string once', () => {
    const strings = sectionNamed(encodedToy().object, '.kpatch.strings');
    expect(Buffer.from(strings.content).toString()).toBe('toy_show\0toy\0toy_find\0jiffies_hidden\0vmlinux\0');
  });

  test('every relocation has a symbol entry of its own', () => {
    const { object, parts } = diffedToy();
    const [first] = parts.relocations;
    if (first === undefined) throw new Error('no relocation');
    const twice = { ...parts, relocations: [first, { ...first, offset: 24 }] };
    encodeIntermediate(object, twice, R_64);
    expect(sectionNamed(object, '.kpatch.symbols').size).toBe(80);
    const targets = sectionNamed(object, '.kpatch.relocations').relocations.filter(({ offset }) => offset % 40 === 32);
    expect(targets.map(({ addend }) => addend)).toEqual([0, 40]);
  });

  test('an address is written for vmlinux only', () => {
    const { object, parts } = diffedToy();
    const relocations = parts.relocations.map((entry) => ({
      ...entry,
      symbol: { ...entry.symbol, address: 0xffff_ffff_8100_0000n },
    }));
    encodeIntermediate(object, { ...parts, relocations }, R_64);
    const decoded = decodeIntermediate(object, R_64).relocations;
    expect(decoded.map((entry) => [entry.object, entry.symbol.address])).toEqual([
      ['toy', 0n],
      ['vmlinux', 0xffff_ffff_8100_0000n],
    ]);
  });

  test('an object without changes asks for nothing', () => {
    const builder = new ObjectBuilder();
    expect(decodeIntermediate(builder.build(), R_64)).toEqual({
      functions: [],
      relocations: [],
      callbacks: [],
      archSections: [],
    });
  });
});

describe('damaged intermediate sections', () => {
  const decode = (damage: (object: ElfObject) => void) => {
    const { object } = encodedToy();
    damage(object);
    return () => decodeIntermediate(object, R_64);
  };

  test('a section cut short', () => {
    const damaged = decode((object) => {
      const funcs = sectionNamed(object, '.kpatch.funcs');
      funcs.content = funcs.content.subarray(0, 50);
      funcs.size = 50;
    });
    expect(damaged).toThrow(
      'toy.o: .kpatch.funcs has 50 bytes, which are no whole entries of 56 [intermediate-size-odd]',
    );
  });

  test('a pointer that is not there', () => {
    const damaged = decode((object) => sectionNamed(object, '.kpatch.relocations').relocations.shift());
    expect(damaged).toThrow('toy.o: .kpatch.relocations+0x0: the place is missing [intermediate-pointer-missing]');
  });

  test('a pointer of another width', () => {
    const damaged = decode((object) => {
      for (const relocation of sectionNamed(object, '.kpatch.symbols').relocations) relocation.type = 10;
    });
    expect(damaged).toThrow('it is a relocation of type 10, not of type 1');
  });

  test.each([-1, 32, 1000])('a place at offset %i', (addend) => {
    const damaged = decode((object) => {
      const [place] = sectionNamed(object, '.kpatch.relocations').relocations;
      if (place !== undefined) place.addend = addend;
    });
    expect(damaged).toThrow(`it points to offset ${addend} of .text.toy_show, which has 32 bytes`);
  });

  test('a place in an undefined symbol', () => {
    const damaged = decode((object) => {
      const [place] = sectionNamed(object, '.kpatch.relocations').relocations;
      const printk = object.symbols.find(({ name }) => name === '_printk');
      if (place !== undefined && printk !== undefined) place.symbol = printk;
    });
    expect(damaged).toThrow('the symbol "_printk" is in no section');
  });

  test('a new function that is a place within one', () => {
    const damaged = decode((object) => {
      const [pointer] = sectionNamed(object, '.kpatch.funcs').relocations;
      if (pointer !== undefined) pointer.addend = 4;
    });
    expect(damaged).toThrow('it does not name a function of this file');
  });

  test('a string that is in another section', () => {
    const damaged = decode((object) => {
      const name = sectionNamed(object, '.kpatch.funcs').relocations[1];
      const [place] = sectionNamed(object, '.kpatch.relocations').relocations;
      sectionNamed(object, '.text.toy_show').content.set(Buffer.from('other'));
      if (name !== undefined && place !== undefined) name.symbol = place.symbol;
    });
    expect(damaged).toThrow('.kpatch.funcs+0x28: the name is not a string of .kpatch.strings');
  });

  test('a string without end', () => {
    const damaged = decode((object) => {
      const strings = sectionNamed(object, '.kpatch.strings');
      strings.content = strings.content.map((byte) => byte || 1);
    });
    expect(damaged).toThrow('intermediate-string-invalid');
  });

  test('a symbol between two entries', () => {
    const damaged = decode((object) => {
      const symbol = sectionNamed(object, '.kpatch.relocations').relocations.find(({ offset }) => offset === 32);
      if (symbol !== undefined) symbol.addend = 8;
    });
    expect(damaged).toThrow('it does not point to an entry of .kpatch.symbols');
  });

  test('a binding that does not fit a symbol', () => {
    const damaged = decode((object) => {
      sectionNamed(object, '.kpatch.symbols').content[16] = 16;
    });
    expect(damaged).toThrow('.kpatch.symbols+0x10: 16 is no binding of a symbol');
  });

  test('no random damage gets past with a stack trace', () => {
    const { object } = encodedToy();
    const bytes = writeElf(object);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (offset, value) => {
        const damaged = bytes.slice();
        damaged[offset] = value;
        try {
          decodeIntermediate(readElf(damaged, 'damaged.o'), R_64);
        } catch (error) {
          expect(error).toMatchObject({ name: 'KptoolError' });
        }
      }),
      { numRuns: 2000 },
    );
  });
});

test('section symbols that the format needs are added as local ones', () => {
  const { object } = encodedToy();
  const added = object.symbols.filter(({ type }) => type === STT.SECTION);
  expect(added.map(({ bind, section }) => [bind, section?.name])).toEqual([
    [STB.LOCAL, '.kpatch.strings'],
    [STB.LOCAL, '.kpatch.symbols'],
    [STB.LOCAL, '.text.toy_show'],
  ]);
});
