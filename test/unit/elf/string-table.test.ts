import { describe, expect, test } from 'vitest';
import { ByteReader } from '../../../src/elf/bytes.js';
import { StringTable, StringTableBuilder } from '../../../src/elf/string-table.js';

const user = new ByteReader(new Uint8Array(24), 'mad.o', '.symtab', 'little');

function tableOf(text: string): StringTable {
  return new StringTable(new ByteReader(Buffer.from(text, 'latin1'), 'mad.o', '.strtab', 'little'));
}

describe('StringTable', () => {
  test('reads names, tails of names and the empty name', () => {
    const table = tableOf('\0.rela.text\0');
    expect(table.at(1, user, 0)).toBe('.rela.text');
    expect(table.at(6, user, 0)).toBe('.text');
    expect(table.at(0, user, 0)).toBe('');
    expect(tableOf('').at(0, user, 0)).toBe('');
  });

  test('refuses names outside, without end, and not in UTF-8', () => {
    expect(() => tableOf('\0abc\0').at(9, user, 24)).toThrow(
      'mad.o: .symtab+0x18: expected a name within the 5 bytes of .strtab, have 9 [elf-malformed]',
    );
    expect(() => tableOf('\0abc').at(1, user, 0)).toThrow('mad.o: .strtab+0x1: expected a name that ends');
    expect(() => tableOf('\0\xff\0').at(1, user, 0)).toThrow('mad.o: .strtab+0x1: expected a name in UTF-8');
  });

  test('refuses a table whose names are one long string from a thousand offsets', () => {
    const table = tableOf(`\0${'a'.repeat(100_000)}\0`);
    const readAll = () => Array.from({ length: 1000 }, (_, index) => table.at(index + 1, user, 0));
    expect(readAll).toThrow("names of at most 16 times the table's size");
  });
});

describe('StringTableBuilder', () => {
  test('stores whole strings once and never reuses a part of another', () => {
    const builder = new StringTableBuilder();
    const offsets = ['', 'ab', 'abc', 'b', 'ab', 'größe'].map((name) => builder.add(name));
    expect(offsets).toEqual([0, 1, 4, 8, 1, 10]);
    expect(Buffer.from(builder.build()).toString()).toBe('\0ab\0abc\0b\0größe\0');
  });

  test('refuses a name that would end early', () => {
    expect(() => new StringTableBuilder().add('a\0b')).toThrow('zero byte');
  });
});
