import { expect, test } from 'vitest';
import { STB, STT } from '../../../src/elf/constants.js';
import { ElfSymbol } from '../../../src/elf/object.js';
import { exposeReplacements, isReplacementAlias } from '../../../src/livepatch/expose-replacements.js';
import { diffedToy, symbolNamed } from '../../builders/livepatch.js';

test('an alias is a second, global name of the same code', () => {
  const { object, parts, replacement, text } = diffedToy();
  // On ppc64le st_other holds the distance to the local entry point.
  replacement.other = 0x60;
  replacement.value = 16;
  replacement.size = 12;
  expect(exposeReplacements(object, parts.functions, 7)).toEqual([
    { name: 'toy_show', object: 'toy', sympos: 1, alias: 'kptool_replacement_7_0' },
  ]);
  expect(symbolNamed(object, 'kptool_replacement_7_0')).toEqual(
    new ElfSymbol({
      name: 'kptool_replacement_7_0',
      place: text,
      value: 16,
      size: 12,
      bind: STB.GLOBAL,
      type: STT.FUNC,
      other: 0x60,
    }),
  );
  expect(replacement.bind).toBe(STB.LOCAL);
});

test('two functions get two names', () => {
  const { object, parts } = diffedToy();
  const twice = [...parts.functions, ...parts.functions];
  expect(exposeReplacements(object, twice, 0).map(({ alias }) => alias)).toEqual([
    'kptool_replacement_0_0',
    'kptool_replacement_0_1',
  ]);
});

test('only global symbols are aliases', () => {
  const name = 'kptool_replacement_0_0';
  expect(isReplacementAlias(new ElfSymbol({ name, place: 'undefined', bind: STB.GLOBAL }))).toBe(true);
  expect(isReplacementAlias(new ElfSymbol({ name, place: 'undefined', bind: STB.LOCAL }))).toBe(false);
  expect(isReplacementAlias(new ElfSymbol({ name: 'toy', place: 'undefined', bind: STB.GLOBAL }))).toBe(false);
});
