import { describe, expect, test } from 'vitest';
import { SHF, STB, STT } from '../../../src/elf/constants.js';
import type { ElfImage, ImageSection } from '../../../src/elf/image.js';
import { tableOfImage } from '../../../src/lookup/symbol-table.js';
import { FUNC, GLOBAL, OBJECT, tableOf } from '../../builders/symbols.js';

describe('blocks of FILE symbols', () => {
  const table = tableOf([
    { name: 'before', section: 'absolute' },
    { file: 'cm.c' },
    { name: 'helper' },
    { name: 'state', type: OBJECT },
    { file: 'mad.c' },
    { name: 'helper' },
    { file: '' },
    { name: 'made_by_ld' },
    { name: 'cm_listen', bind: GLOBAL },
  ]);

  test('hold the local symbols up to the next one', () => {
    const blocks = table.files.map(({ name, symbols }) => [name, symbols.map((symbol) => symbol.name)]);
    expect(blocks).toEqual([
      ['cm.c', ['helper', 'state']],
      ['mad.c', ['helper']],
      ['', ['made_by_ld']],
    ]);
  });

  test('do not hold global symbols, nor what stands above the first', () => {
    expect(table.named('cm_listen')[0]?.file).toBeUndefined();
    expect(table.named('before')[0]?.file).toBeUndefined();
  });
});

test('namesakes come in table order', () => {
  const table = tableOf([{ name: 'f', value: 64 }, { name: 'g' }, { name: 'f', value: 0, bind: GLOBAL }]);
  expect(table.named('f').map(({ value }) => value)).toEqual([64n, 0n]);
  expect(table.named('absent')).toEqual([]);
});

test('the order among locals counts functions and objects with a section', () => {
  const table = tableOf([
    { name: 'a' },
    { name: '__crc_a', type: STT.NOTYPE },
    { name: 'b' },
    { name: 'c', bind: GLOBAL },
  ]);
  const orders = ['a', '__crc_a', 'b', 'c'].map((name) => {
    const [symbol] = table.named(name);
    return symbol === undefined ? 'absent' : table.orderAmongLocals(symbol);
  });
  expect(orders).toEqual([0, undefined, 1, undefined]);
});

test('an ELF image keeps order, sections and places', () => {
  const section = (index: number, name: string, flags: number): ImageSection => {
    return { index, name, type: 1, flags, address: 0n, size: 0, content: () => new Uint8Array() };
  };
  const text = section(1, '.text', SHF.ALLOC | SHF.EXECINSTR);
  const comment = section(2, '.comment', 0);
  const symbol = (
    name: string,
    place: ElfImage['symbols'][number]['section'],
    type: number,
    bind: number = STB.LOCAL,
  ) => {
    return { name, value: 4n, size: 8, bind, type, other: 0, section: place };
  };
  const table = tableOfImage({
    fileName: 'x.ko',
    format: { byteOrder: 'little', machine: 62, flags: 0, osAbi: 0, abiVersion: 0 },
    type: 1,
    bytes: new Uint8Array(),
    sections: [text, comment],
    symbols: [
      symbol('', text, STT.SECTION),
      symbol('x.c', 'absolute', STT.FILE),
      symbol('f', text, FUNC),
      symbol('noted', comment, OBJECT),
      symbol('printk', 'undefined', STT.NOTYPE, GLOBAL),
    ],
  });
  expect(table.symbols.map(({ index, name, file }) => [index, name, file?.name])).toEqual([
    [2, 'f', 'x.c'],
    [3, 'noted', 'x.c'],
    [4, 'printk', undefined],
  ]);
  expect(
    table.symbols.map(({ place }) => (typeof place === 'string' ? place : [place.index, place.name, place.flags])),
  ).toEqual([[1, '.text', SHF.ALLOC | SHF.EXECINSTR], [2, '.comment', 0], 'undefined']);
});
