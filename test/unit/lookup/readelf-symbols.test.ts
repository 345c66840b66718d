import { describe, expect, test } from 'vitest';
import { KptoolError } from '../../../src/diagnostics/diagnostic.js';
import { STB, STT } from '../../../src/elf/constants.js';
import { parseReadelfSymbols } from '../../../src/lookup/readelf-symbols.js';
import { growth, inProportion } from '../../builders/growth.js';

const COLUMNS = '   Num:    Value          Size Type    Bind   Vis      Ndx Name';

function print(rows: readonly string[], count = rows.length, table = '.symtab'): string {
  return ['', `Symbol table '${table}' contains ${count} entries:`, COLUMNS, ...rows, ''].join('\n');
}

function only(row: string) {
  return parseReadelfSymbols(print([row]), 'x').symbols[0];
}

function problemOf(text: string): string {
  try {
    parseReadelfSymbols(text, 'parent.symtab');
  } catch (error) {
    if (error instanceof KptoolError) return error.message;
    throw error;
  }
  return 'none';
}

describe('rows as readelf prints them', () => {
  const cases: [string, string, Record<string, unknown>][] = [
    [
      'x86-64 function',
      '   157: 0000000000000a20   168 FUNC    GLOBAL DEFAULT    2 ib_cm_listen',
      { name: 'ib_cm_listen', value: 0xa20n, size: 168, bind: STB.GLOBAL, type: STT.FUNC },
    ],
    [
      'ppc64le function with a local entry point',
      '     7: 0000000000000020    32 FUNC    GLOBAL DEFAULT [<localentry>: 8]     1 a_main',
      { name: 'a_main', value: 0x20n, size: 32, bind: STB.GLOBAL, type: STT.FUNC },
    ],
    [
      'aarch64 function with a vector calling convention',
      '     7: 0000000000000020    32 FUNC    WEAK   HIDDEN [VARIANT_PCS]     1 sve_save',
      { name: 'sve_save', bind: STB.WEAK },
    ],
    [
      'object of 100,000 bytes, which is printed in hex',
      '100045: ffffffff83a00000 0x186a0 OBJECT  LOCAL  DEFAULT   33 __log_buf',
      { name: '__log_buf', value: 0xffffffff83a00000n, size: 100_000, type: STT.OBJECT },
    ],
    ['undefined', '     3: 0000000000000000     0 NOTYPE  GLOBAL DEFAULT  UND printk', { place: 'undefined' }],
    ['absolute', '     3: 00000000a2f1c003     0 NOTYPE  GLOBAL DEFAULT  ABS __crc_x', { place: 'absolute' }],
    ['common', '     3: 0000000000000008     8 OBJECT  GLOBAL DEFAULT  COM tentative', { place: 'common' }],
    [
      'livepatch',
      '     3: 0000000000000000     0 NOTYPE  GLOBAL DEFAULT OS [0xff20] .klp.sym.a.b,1',
      { place: 'livepatch' },
    ],
    ['processor place', '     3: 0000000000000000     0 FUNC    GLOBAL DEFAULT PRC[0xff00] f', { place: 'reserved' }],
    ['unknown type', '     3: 0000000000000020    32 <processor specific>: 13 GLOBAL DEFAULT    1 f', { type: 13 }],
    ['unknown binding', '     3: 0000000000000020    32 FUNC    <OS specific>: 11 DEFAULT    1 f', { bind: 11 }],
    ['ifunc', '     3: 0000000000000020    32 IFUNC   GLOBAL DEFAULT    1 f', { type: STT.GNU_IFUNC }],
    [
      'a name with brackets',
      '     3: 0000000000000020    32 FUNC    LOCAL  DEFAULT    1 f[abi:x]',
      { name: 'f[abi:x]' },
    ],
  ];
  test.each(cases)('%s', (_, row, expected) => {
    expect(only(row)).toMatchObject(expected);
  });

  test('the null symbol has no name', () => {
    expect(only('     0: 0000000000000000     0 NOTYPE  LOCAL  DEFAULT  UND ')).toMatchObject({
      name: '',
      place: 'undefined',
    });
  });

  test('a section symbol names its section for the symbols after and before it', () => {
    const { symbols } = parseReadelfSymbols(
      print([
        '     1: 0000000000000000     8 FUNC    LOCAL  DEFAULT    7 early',
        '     2: 0000000000000000     0 SECTION LOCAL  DEFAULT    7 .init.text',
        '     3: 0000000000000010     8 FUNC    LOCAL  DEFAULT    7 setup',
        '     4: 0000000000000010     8 FUNC    LOCAL  DEFAULT    8 other',
      ]),
      'x',
    );
    expect(symbols.map(({ place }) => (typeof place === 'string' ? place : place.name))).toEqual([
      '.init.text',
      '.init.text',
      undefined,
    ]);
  });

  test('of several tables `.symtab` counts', () => {
    const row = (name: string) => `     1: 0000000000000000     8 FUNC    GLOBAL DEFAULT    7 ${name}`;
    const text = print([row('dynamic')], 1, '.dynsym') + print([row('static')]);
    expect(parseReadelfSymbols(text, 'x').symbols.map(({ name }) => name)).toEqual(['static']);
  });

  test('lines may end with CR', () => {
    const text = print(['     1: 0000000000000000     8 FUNC    GLOBAL DEFAULT    7 f']).replaceAll('\n', '\r\n');
    expect(parseReadelfSymbols(text, 'x').symbols[0]?.name).toBe('f');
  });
});

describe('what is refused, with file and line', () => {
  const row = '     1: 0000000000000000     8 FUNC    GLOBAL DEFAULT    7 f';
  const cases: [string, string, string][] = [
    ['an empty text', '', 'parent.symtab:1: no symbol table in it'],
    [
      'another text',
      'nm: vmlinux: no symbols',
      'parent.symtab:1: a heading was expected, not «nm: vmlinux: no symbols»',
    ],
    ['a cut table', print([row], 12), 'parent.symtab:2: the heading promises 12 symbols, 1 follow'],
    ['a cut row', print([row, '     2: 00000000000'], 2), 'parent.symtab:5: not a symbol: «     2: 00000000000»'],
    ['a cut name', print([`${row}[...]`]), 'parent.symtab:4: the name «f[...]» is cut, as readelf does without --wide'],
    [
      'a section that is not there',
      print([row.replace('    7', 'bad section index[200]')]),
      'parent.symtab:4: not a symbol',
    ],
    [
      'a size beyond sense',
      print([row.replace('     8 FUNC', ' 0x1000000000000000 FUNC')]),
      'a size of 0x1000000000000000 bytes',
    ],
  ];
  test.each(cases)('%s', (_, text, problem) => {
    expect(problemOf(text)).toContain(problem);
    expect(problemOf(text)).toContain('[symtab-malformed]');
  });
});

test('many symbols are read in time proportional to their number', () => {
  const readRows = (count: number) => {
    const rows = Array.from({ length: count }, (_, index) => {
      const address = (0xffffffff81000000n + BigInt(index * 16)).toString(16);
      return index % 56 === 0
        ? `${String(index).padStart(6)}: 0000000000000000     0 FILE    LOCAL  DEFAULT  ABS file_${index}.c`
        : `${String(index).padStart(6)}: ${address}    16 FUNC    LOCAL  DEFAULT    1 function_${index % (count - 300)}`;
    });
    const text = print(rows);
    return () => {
      const table = parseReadelfSymbols(text, 'vmlinux.symtab');
      expect(table.named('function_99')).toHaveLength(2);
      expect(table.files).toHaveLength(Math.ceil(count / 56));
    };
  };
  expect(growth(readRows, 4000, 16)).toBeLessThan(inProportion(16));
});
