import { describe, expect, test } from 'vitest';
import {
  BUILT_IN_NAMES,
  isCompanion,
  isDrifting,
  isNamePattern,
  mayDrift,
  nameRules,
  stemOf,
} from '../../../src/lookup/drifting-names.js';

const numbered = BUILT_IN_NAMES.numbered.flatMap(({ examples }) => examples);
const companions = BUILT_IN_NAMES.companions.flatMap(({ examples }) => examples);

test('every rule has an example, and each example is of its own rule', () => {
  for (const rule of BUILT_IN_NAMES.numbered) {
    expect(rule.examples.length).toBeGreaterThan(0);
    for (const [name] of rule.examples) expect(name.replace(rule.pattern, rule.stem)).not.toBe(name);
  }
  for (const { pattern, examples } of BUILT_IN_NAMES.companions) {
    expect(examples.length).toBeGreaterThan(0);
    for (const name of examples) expect(pattern.test(name)).toBe(true);
  }
});

test.each(numbered)('%s may have another number', (name, stem) => {
  expect(stemOf(name)).toBe(stem);
  expect(isDrifting(name)).toBe(true);
});

test.each(numbered)('%s with another number has the same stem', (_, stem) => {
  expect(stemOf(stem.replaceAll('#', '98'))).toBe(stem);
});

test.each([
  'cm_listen',
  'sha256',
  'crc32c.table',
  'state',
  'v4l2.5g_mode',
  'ipv4.isra',
  'my__UNIQUE_ID_7',
  '__initcall__kmod_x',
])('%s is a name', (name) => {
  expect(stemOf(name)).toBe(name);
  expect(isDrifting(name)).toBe(false);
});

test('a plain name and a numbered one are no kin, nor are two kinds of clones', () => {
  expect(stemOf('state')).not.toBe(stemOf('state.0'));
  expect(stemOf('send.isra.0')).not.toBe(stemOf('send.part.0'));
});

test('a cold part may get a number, though it has none', () => {
  expect(isDrifting('cm_destroy.cold')).toBe(false);
  expect(mayDrift('cm_destroy.cold')).toBe(true);
  expect(mayDrift('cm_destroy')).toBe(false);
});

test.each(companions)('%s stands beside another symbol', (name) => {
  expect(isCompanion(name)).toBe(true);
});

test.each(['cm_listen', 'x__pfx_cm_listen', 'export_symbol_table', 'addressable_list'])(
  '%s stands for itself',
  (name) => {
    expect(isCompanion(name)).toBe(false);
  },
);

describe('names that the configuration adds', () => {
  const rules = nameRules({ drifting: ['__my_id_#', '__gen_*_#_end', '__auto_*#', 'a.$#'], companions: ['__tool_*'] });

  test.each([
    ['__my_id_17', '__my_id_#'],
    ['__gen_cm_open_3_end', '__gen_cm_open_#_end'],
    ['__auto_sha256', '__auto_sha#'],
    ['a.$12', 'a.$#'],
    ['state.4', 'state.#'],
  ])('%s has the stem %s', (name, stem) => {
    expect(stemOf(name, rules)).toBe(stem);
  });

  test.each(['__my_id_', '__my_id_1x', 'x__my_id_1', '__gen_cm_open_end', 'ab$12', '__auto_'])(
    '%s is a name',
    (name) => {
      expect(isDrifting(name, rules)).toBe(false);
    },
  );

  test('without them they are names', () => {
    expect(isDrifting('__my_id_17')).toBe(false);
    expect(isDrifting('__my_id_17', nameRules({}))).toBe(false);
    expect(isCompanion('__tool_cm_open')).toBe(false);
    expect(isCompanion('__tool_cm_open', rules)).toBe(true);
    expect(isCompanion('__pfx_cm_open', rules)).toBe(true);
  });

  test.each(['__my_id_#', '__gen_*_#_end', '__auto_*#', 'x#', '__tool_*', 'a-b.$#'])('%s is a pattern', (pattern) => {
    expect(isNamePattern(pattern)).toBe(true);
  });

  test.each([
    '',
    '#',
    '*',
    '*#',
    '(a+)+#',
    'a|b#',
    'a*b*#',
    'a##',
    'a#*',
    'a#1#',
    'a1#',
    'a b#',
    '[0-9]',
    'a#b#c#d#e#',
    'x'.repeat(201),
  ])('«%s» is none', (pattern) => {
    expect(isNamePattern(pattern)).toBe(false);
  });

  test('the worst pattern is done with the longest name at once', () => {
    const worst = nameRules({ drifting: ['a*#b#_#c'] });
    expect(isDrifting('a1b1_1'.repeat(3000), worst)).toBe(false);
    expect(isDrifting(`a${'1'.repeat(9000)}`, worst)).toBe(false);
  });
});
