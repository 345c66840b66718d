import { describe, expect, test } from 'vitest';
import {
  canonicalName,
  isDebugSection,
  isDiscardedSection,
  isExportSection,
  isInitSection,
  isLiteralLabel,
  isMappingSymbol,
  isSourcePosition,
  isStaticLocal,
  isStringPool,
  isThrowawayStatic,
  isUnnamedData,
} from '../../../src/diff/names.js';
import { SHT, STB, STT } from '../../../src/elf/constants.js';
import { ElfSection, ElfSymbol } from '../../../src/elf/object.js';
import { growth, inProportion } from '../../builders/growth.js';

const section = (name: string) => new ElfSection({ name, type: SHT.PROGBITS });

describe('the name without the compiler’s numbers', () => {
  test.each([
    ['toy_open', 'toy_open'],
    ['toy_open2', 'toy_open2'],
    ['count.2', 'count'],
    ['toy_sum.isra.0', 'toy_sum.isra'],
    ['toy_sum.constprop.12.cold', 'toy_sum.constprop.#.cold'],
    ['toy_sum.cold', 'toy_sum.cold'],
    ['toy_sum.cold.3', 'toy_sum.cold'],
    ['toy_sum.isra.0.part.3', 'toy_sum.isra.#.part'],
    ['__UNIQUE_ID_toy_name3', '__UNIQUE_ID_toy_name'],
    ['__UNIQUE_ID___addressable_init_module123', '__UNIQUE_ID___addressable_init_module'],
    ['.data.__UNIQUE_ID_toy_name3', '.data.__UNIQUE_ID_toy_name'],
    ['__UNIQUE_ID_ddebug277.5', '__UNIQUE_ID_ddebug'],
    ['.bss.count.2', '.bss.count'],
    ['.text.toy_sum.isra.0', '.text.toy_sum.isra'],
    ['.rodata.str1.8', '.rodata.str1.8'],
    ['.rodata.toy_open.str1.1', '.rodata.toy_open.str1.1'],
    ['.altinstructions', '.altinstructions'],
    ['', ''],
  ])('%s → %s', (name, canonical) => {
    expect(canonicalName(name)).toBe(canonical);
  });

  test.each([
    ['toy_sum.isra.0', 'toy_sum.constprop.0'],
    ['toy_sum.isra.0', 'toy_sum.part.0'],
    ['toy_sum.isra.0', 'toy_sum'],
    ['toy_sum.cold', 'toy_sum'],
    ['.rodata.str1.1', '.rodata.str1.8'],
    ['__UNIQUE_ID_toy_name3', '__UNIQUE_ID_toy_level3'],
  ])('%s and %s stay apart', (one, other) => {
    expect(canonicalName(one)).not.toBe(canonicalName(other));
  });

  test('takes time in proportion to a name made to be slow', () => {
    const manyTimes = (digits: number) => {
      const name = `__UNIQUE_ID_${'1'.repeat(digits)}x`;
      return () => Array.from({ length: 200 }, () => canonicalName(name));
    };
    expect(growth(manyTimes, 2000, 8)).toBeLessThan(inProportion(8));
  });
});

interface Static {
  readonly name: string;
  readonly in: string;
  readonly type?: number;
  readonly bind?: number;
}

function symbolOf({ name, in: sectionName, type = STT.OBJECT, bind = STB.LOCAL }: Static): ElfSymbol {
  return new ElfSymbol({ name, place: section(sectionName), type, bind, size: 4 });
}

describe('statics that are thrown away', () => {
  test.each<Static>([
    { name: '__key.3', in: '.bss.__key.3' },
    { name: '__func__.17', in: '.rodata.__func__.17' },
    { name: '__warned.1', in: '.data.unlikely' },
    { name: '__already_done.0', in: '.data.once' },
    { name: '_rs.2', in: '.data._rs.2' },
    { name: 'CSWTCH.44', in: '.rodata.CSWTCH.44' },
    { name: 'toy_open.__key', in: '.bss.toy_open.__key' },
    { name: 'descriptor.4', in: '__dyndbg' },
    { name: 'anything', in: '__dyndbg' },
    { name: 'once.5', in: '.data..once' },
    { name: '', in: '__dyndbg', type: STT.SECTION },
    { name: '_entry.3', in: '.rodata._entry.3' },
    { name: '_entry_ptr.3', in: '.printk_index' },
  ])('$name in $in is', (init) => {
    expect(isThrowawayStatic(symbolOf(init), undefined)).toBe(true);
    expect(isStaticLocal(symbolOf(init), undefined)).toBe(false);
  });

  test.each<Static>([
    { name: 'count.2', in: '.bss.count.2' },
    { name: '_rs', in: '.data._rs' },
    { name: '__key', in: '.bss.__key' },
    { name: 'key.3', in: '.bss.key.3' },
    { name: 'my__key.3', in: '.bss.my__key.3' },
    { name: '__func__.17', in: '.rodata', type: STT.FUNC },
    { name: '__key.3', in: '.bss', bind: STB.GLOBAL },
    { name: '', in: '.data.once', type: STT.SECTION },
    { name: '', in: '.data', type: STT.SECTION },
  ])('$name in $in is not', (init) => {
    expect(isThrowawayStatic(symbolOf(init), undefined)).toBe(false);
  });

  test('a section symbol is what its section was made for', () => {
    const place = section('.bss.__key.3');
    const own = new ElfSymbol({ name: '__key.3', place, type: STT.OBJECT });
    const sectionSymbol = new ElfSymbol({ name: '', place, type: STT.SECTION });
    expect(isThrowawayStatic(sectionSymbol, own)).toBe(true);
  });

  test('an undefined symbol is none', () => {
    expect(isThrowawayStatic(new ElfSymbol({ name: '__key.3', place: 'undefined' }), undefined)).toBe(false);
  });
});

describe('static locals that carry state', () => {
  test.each<readonly [expected: boolean, init: Static]>([
    [true, { name: 'count.2', in: '.bss.count.2' }],
    [true, { name: 'toy_open.count', in: '.bss.toy_open.count' }],
    [false, { name: 'count', in: '.bss.count' }],
    [false, { name: 'count.2', in: '.bss.count.2', bind: STB.GLOBAL }],
    [false, { name: 'count.2', in: '.text', type: STT.FUNC }],
    [false, { name: '.L.str.3', in: '.rodata' }],
    [false, { name: '.LC3', in: '.rodata' }],
  ])('%s for %o', (expected, init) => {
    expect(isStaticLocal(symbolOf(init), undefined)).toBe(expected);
  });

  test('an undefined one is none', () => {
    const symbol = new ElfSymbol({ name: 'count.2', place: 'undefined', type: STT.OBJECT });
    expect(isStaticLocal(symbol, undefined)).toBe(false);
  });
});

test.each([
  [true, '.LC4', STT.NOTYPE],
  [false, '.L4', STT.NOTYPE],
  [false, '.LC4', STT.OBJECT],
])('literal label: %s for %s of type %i', (expected, name, type) => {
  expect(isLiteralLabel(new ElfSymbol({ name, place: 'absolute', type }))).toBe(expected);
});

test.each([
  [true, '$x', STB.LOCAL],
  [true, '$d.12', STB.LOCAL],
  [false, '$x', STB.GLOBAL],
  [false, 'x$', STB.LOCAL],
])('mapping symbol: %s for %s', (expected, name, bind) => {
  expect(isMappingSymbol(new ElfSymbol({ name, place: 'absolute', bind }))).toBe(expected);
});

describe('sections by name', () => {
  const predicates = {
    isUnnamedData,
    isSourcePosition,
    isDebugSection,
    isDiscardedSection,
    isInitSection,
    isExportSection,
    isStringPool,
  };
  test.each<readonly [keyof typeof predicates, boolean, string]>([
    ['isUnnamedData', true, '.data..Lubsan_data118'],
    ['isUnnamedData', true, '.rodata..L__unnamed_3'],
    ['isUnnamedData', true, '.data.rel.ro.local..L__unnamed_3'],
    ['isUnnamedData', false, '.data..read_mostly'],
    ['isUnnamedData', false, '.data.toy_level'],
    ['isSourcePosition', true, '.data..Lubsan_data118'],
    ['isSourcePosition', true, '.data.Lubsan_type2'],
    ['isSourcePosition', false, '.data..Lubsan_data118x'],
    ['isSourcePosition', false, '.data.ubsan_data'],
    ['isDebugSection', true, '.debug_info'],
    ['isDebugSection', true, '.BTF'],
    ['isDebugSection', true, '.BTF.ext'],
    ['isDebugSection', false, '.BTF_ids'],
    ['isDebugSection', false, '.data.debug_level'],
    ['isDiscardedSection', true, '.discard.addressable'],
    ['isDiscardedSection', false, '.data.discard'],
    ['isInitSection', true, '.init.text'],
    ['isInitSection', true, '.init.data'],
    ['isInitSection', true, '.exit.text'],
    ['isInitSection', true, '.initcall6.init'],
    ['isInitSection', true, '.con_initcall.init'],
    ['isInitSection', true, '.ref.text'],
    ['isInitSection', false, '.text.toy_init'],
    ['isInitSection', false, '.data.init_level'],
    ['isExportSection', true, '__ksymtab_gpl+toy_open'],
    ['isExportSection', true, '__ksymtab_strings'],
    ['isExportSection', true, '__kcrctab'],
    ['isExportSection', true, '.export_symbol'],
    ['isExportSection', false, '.data.__ksymtab'],
    ['isStringPool', true, '.rodata.str1.1'],
    ['isStringPool', true, '.rodata.toy_open.str1.8'],
    ['isStringPool', true, '.rodata.unlikely.toy_open.str1.8'],
    ['isStringPool', false, '.rodata.toy_open'],
    ['isStringPool', false, '.rodata.cst16'],
    ['isStringPool', false, '.data.str1.1'],
  ])('%s: %s for %s', (predicate, expected, name) => {
    expect(predicates[predicate](section(name))).toBe(expected);
  });

  test('a constant whose name begins like a pool is taken for one, as kpatch does', () => {
    expect(isStringPool(section('.rodata.strategy'))).toBe(true);
    expect(isStringPool(section('.rodata.str'))).toBe(true);
  });
});
