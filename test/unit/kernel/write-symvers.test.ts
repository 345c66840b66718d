import { expect, test } from 'vitest';
import { parseSymvers } from '../../../src/kernel/symvers.js';
import { layoutOf, symversText } from '../../../src/kernel/write-symvers.js';

const layouts = [
  ['without namespace', '0x00000001\tmad_key\t/src/mad_keys\tEXPORT_SYMBOL_GPL\n'],
  ['namespace third', '0x00000001\tmad_key\tMAD\t/src/mad_keys\tEXPORT_SYMBOL_GPL\n'],
  ['namespace third', '0x00000001\tmad_key\t\t/src/mad_keys\tEXPORT_SYMBOL_GPL\n'],
  ['namespace last', '0x00000001\tmad_key\t/src/mad_keys\tEXPORT_SYMBOL_GPL\tMAD\n'],
  ['namespace last', '0x00000001\tmad_key\t/src/mad_keys\tEXPORT_SYMBOL_GPL\t\n'],
] as const;

test.each(layouts)('%s: %j is read, and written as it was', (layout, text) => {
  expect(layoutOf(text)).toBe(layout);
  expect(symversText(parseSymvers(text, 'Module.symvers'), layout)).toBe(text);
});

test('a file of another kernel is written in the order of this one', () => {
  expect(symversText(parseSymvers(layouts[1][1], 'x'), 'namespace last')).toBe(layouts[3][1]);
  expect(layoutOf('')).toBe('namespace last');
});
