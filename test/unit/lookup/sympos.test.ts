import { describe, expect, test } from 'vitest';
import { STT } from '../../../src/elf/constants.js';
import { positionOf } from '../../../src/lookup/sympos.js';
import { GLOBAL, OBJECT, type Row, tableOf, WEAK } from '../../builders/symbols.js';

/** Positions of all symbols of the name, in table order. */
function positions(objectName: string, rows: readonly Row[], name = 'f') {
  const table = tableOf(rows);
  return table.named(name).map((symbol) => {
    const position = positionOf(symbol, table, objectName);
    return position.kind === 'certain' ? position.sympos : position.kind;
  });
}

describe('a name that the object has once', () => {
  test('is 1 for a local symbol', () => {
    expect(positions('toy', [{ name: 'f' }, { name: 'g' }])).toEqual([1]);
  });
  test('is 0 for a global or weak one', () => {
    expect(positions('toy', [{ name: 'f', bind: GLOBAL }])).toEqual([0]);
    expect(positions('vmlinux', [{ name: 'f', bind: WEAK }])).toEqual([0]);
  });
});

describe('namesakes in a module', () => {
  test('count in the order of the table, not of their offsets', () => {
    const rows = [
      { name: 'f', value: 0x80 },
      { name: 'f', section: '.text.unlikely', value: 0 },
    ];
    expect(positions('toy', rows)).toEqual([1, 2]);
  });

  test('count whatever their type and binding', () => {
    const rows = [
      { name: 'f', type: OBJECT },
      { name: 'f', type: STT.NOTYPE },
      { name: 'f' },
      { name: 'f', bind: GLOBAL },
    ];
    expect(positions('toy', rows)).toEqual([1, 2, 3, 4]);
  });

  test('undefined ones do not count', () => {
    expect(positions('toy', [{ name: 'f' }, { name: 'f', section: 'undefined', bind: GLOBAL }])).toEqual([1, 'absent']);
  });

  test('an init symbol in front shifts the position when the module runs', () => {
    expect(positions('toy', [{ name: 'f', section: '.init.text' }, { name: 'f' }])).toEqual(['absent', 'shifting']);
  });

  test('an init symbol behind shifts nothing, but forbids position 0', () => {
    const rows = [
      { name: 'f', bind: GLOBAL },
      { name: 'f', section: '.init.text' },
    ];
    expect(positions('toy', rows)).toEqual([1, 'absent']);
  });

  test.each(['.modinfo', '__versions', '.comment', 'absolute'])(
    'what lies in %s is gone when the module runs',
    (section) => {
      expect(positions('toy', [{ name: 'f', section, type: OBJECT }, { name: 'f' }])).toEqual(['absent', 'shifting']);
    },
  );

  test.each(['.exit.text', '.data..percpu', '.data..ro_after_init'])('what lies in %s stays', (section) => {
    expect(positions('toy', [{ name: 'f', section, type: OBJECT }, { name: 'f' }])).toEqual([1, 2]);
  });

  test('the shift is told in words', () => {
    const table = tableOf([{ name: 'f', section: '.init.text' }, { name: 'f' }]);
    const second = table.named('f')[1];
    expect(second && positionOf(second, table, 'toy')).toEqual({
      kind: 'shifting',
      reason:
        'it is number 2 of its name while the module loads and number 1 afterwards, ' +
        'when the kernel has dropped its namesake in .init.text',
    });
  });
});

describe('namesakes in vmlinux', () => {
  test('count by address', () => {
    const rows = [
      { name: 'f', value: 0x300 },
      { name: 'f', value: 0x100 },
      { name: 'f', value: 0x200, bind: GLOBAL },
    ];
    expect(positions('vmlinux', rows)).toEqual([3, 1, 2]);
  });

  test('addresses above 2^63 are no negative numbers', () => {
    const table = tableOf([{ name: 'f', value: 0x100 }]);
    const [low] = table.named('f');
    if (low === undefined) throw new Error('no symbol');
    const high = { ...low, value: 0xffffffff81000000n };
    const both = { named: () => [high, low] } as unknown as typeof table;
    expect([high, low].map((symbol) => positionOf(symbol, both, 'vmlinux'))).toEqual([
      { kind: 'certain', sympos: 2 },
      { kind: 'certain', sympos: 1 },
    ]);
  });

  test('init symbols stay in kallsyms', () => {
    expect(
      positions('vmlinux', [
        { name: 'f', section: '.init.text', value: 0x1 },
        { name: 'f', value: 0x2 },
      ]),
    ).toEqual([1, 2]);
  });

  test('absolute and undefined ones are not in kallsyms', () => {
    const rows = [
      { name: 'f', section: 'absolute', value: 0 },
      { name: 'f', section: 'undefined' },
      { name: 'f', value: 0x2 },
    ];
    expect(positions('vmlinux', rows)).toEqual(['absent', 'absent', 1]);
  });
});
