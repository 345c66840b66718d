import { expect, test } from 'vitest';
import { SHF, SHT, STB, STT } from '../../../src/elf/constants.js';
import { readImage } from '../../../src/elf/image.js';
import { writeElf } from '../../../src/elf/write.js';
import { type TargetTable, tableOfImage } from '../../../src/lookup/symbol-table.js';
import { parseSystemMap } from '../../../src/lookup/system-map.js';
import { tableOfText, tableText } from '../../../src/lookup/table-text.js';
import { ObjectBuilder } from '../../builders/elf.js';

const again = (table: TargetTable) => tableOfText(tableText(table), table.fileName);

test('a table of addresses comes back with the room of its symbols', () => {
  const table = parseSystemMap(
    '0000000000000000 A __per_cpu_start\nffffffff81000000 T _text\nffffffff81000010 t show\nffffffff81000010 t show\nffffffff82000000 d limit\n',
    'System.map',
  );
  expect(again(table)).toEqual(table);
  expect(again(table).symbols[2]?.room).toBe(0xfffff0);
});

test('a table of an ELF file comes back with its files and sections', () => {
  const builder = new ObjectBuilder();
  const text = builder.section({ name: '.text', type: SHT.PROGBITS, flags: SHF.ALLOC, content: new Uint8Array(64) });
  const local = (name: string, value: number) =>
    builder.symbol({ name, place: text, value, size: 8, bind: STB.LOCAL, type: STT.FUNC });
  for (const name of ['a.c', 'b.c']) {
    builder.symbol({ name, place: 'absolute', type: STT.FILE, bind: STB.LOCAL });
    local('show', name === 'a.c' ? 0 : 16);
  }
  builder.symbol({ name: 'start', place: text, value: 32, bind: STB.GLOBAL, type: STT.FUNC });
  builder.symbol({ name: 'printk', place: 'undefined', bind: STB.GLOBAL });
  const table = tableOfImage(readImage(writeElf(builder.build()), 'vmlinux'));
  expect(table.files.map(({ name }) => name)).toEqual(['a.c', 'b.c']);
  const strip = ({ symbols, files, sections, order }: TargetTable) => ({
    symbols: symbols.map(({ index: _, file, ...symbol }) => ({ ...symbol, file: file?.name })),
    files: files.map(({ name, order: place }) => [name, place]),
    ...{ sections, order },
  });
  expect(strip(again(table))).toEqual(strip(table));
});
