import { describe, expect, test } from 'vitest';
import { parseSymvers } from '../../../src/kernel/symvers.js';

describe('parseSymvers', () => {
  test.each([
    ['without namespaces', '0x4c9d28b0\tmad_send\tdrivers/ib/ib_mad\tEXPORT_SYMBOL_GPL', ''],
    ['namespace before the module', '0x4c9d28b0\tmad_send\tIB\tdrivers/ib/ib_mad\tEXPORT_SYMBOL_GPL', 'IB'],
    ['empty namespace before the module', '0x4c9d28b0\tmad_send\t\tdrivers/ib/ib_mad\tEXPORT_SYMBOL_GPL', ''],
    ['namespace last', '0x4c9d28b0\tmad_send\tdrivers/ib/ib_mad\tEXPORT_SYMBOL_GPL\tIB', 'IB'],
    ['empty namespace last', '0x4c9d28b0\tmad_send\tdrivers/ib/ib_mad\tEXPORT_SYMBOL_GPL\t', ''],
  ])('%s', (_, line, namespace) => {
    const entry = { name: 'mad_send', crc: 0x4c9d28b0, module: 'drivers/ib/ib_mad', moduleName: 'ib_mad' };
    expect(parseSymvers(`${line}\n`, 'Module.symvers')).toEqual([
      { ...entry, namespace, exportType: 'EXPORT_SYMBOL_GPL' },
    ]);
  });

  test('one file may mix the orders, as when files were put together', () => {
    const text = '0x1\ta\tvmlinux\tEXPORT_SYMBOL\t\n0x2\tb\tNS\tx/snd-hda-intel\tEXPORT_SYMBOL\n';
    const symbols = parseSymvers(text, 'Module.symvers');
    expect(symbols.map(({ name, moduleName, namespace }) => [name, moduleName, namespace])).toEqual([
      ['a', 'vmlinux', ''],
      ['b', 'snd_hda_intel', 'NS'],
    ]);
  });

  test('a file without a newline at its end, and empty lines', () => {
    expect(parseSymvers('\n0x1\ta\tvmlinux\tEXPORT_SYMBOL\t', 'x')).toHaveLength(1);
    expect(parseSymvers('', 'x')).toEqual([]);
  });

  test.each([
    ['no tabs', '0x1 a vmlinux EXPORT_SYMBOL'],
    ['no checksum', 'a\tvmlinux\tEXPORT_SYMBOL\t'],
    ['a checksum that is no number', '0xzz\ta\tvmlinux\tEXPORT_SYMBOL\t'],
    ['no symbol', '0x1\t\tvmlinux\tEXPORT_SYMBOL\t'],
    ['no module', '0x1\ta\t\tEXPORT_SYMBOL\t'],
    ['no type', '0x1\ta\tvmlinux'],
    ['cut off within the type', '0x1\ta\tvmlinux\tEXPO'],
  ])('%s: says which line', (_, line) => {
    const text = `0x1\tgood\tvmlinux\tEXPORT_SYMBOL\t\n${line}\nEXPORT_SYMBOL\tx\ty\tz\n`;
    expect(() => parseSymvers(text, 'Module.symvers')).toThrow(/Module\.symvers, line 2 .*\[symvers-malformed\]/);
  });
});
