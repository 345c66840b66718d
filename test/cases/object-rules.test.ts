/**
 * The rules that need objects, on what gcc makes of both sides. That each is broken by its case, and nothing else, the
 * provocations test; here are the near misses, and what the findings say.
 */
import { describe, expect, test } from 'vitest';
import { objectRuleCases } from '../provocations/object-rules.js';
import { compareTree, findingsOfRule } from '../provocations/rule-tree.js';
import { missingPrograms } from './inline-pair.js';

const cases = Object.entries(objectRuleCases);

describe.skipIf(missingPrograms.length > 0)('rules that need objects', () => {
  describe.each(cases)('%s', (id, { nearMisses }) => {
    test.each(Object.entries(nearMisses))('is not found where %s', async (_, tree) => {
      expect(await findingsOfRule(id, tree)).toEqual([]);
    });
  });

  test('a type is told member by member, with the way to it', async () => {
    const { breaks } = objectRuleCases['type-layout-changed'];
    const [finding] = await findingsOfRule('type-layout-changed', breaks);
    expect(finding?.what).toBe('struct mad is laid out anew: 8 bytes become 24');
    expect(finding?.details).toEqual([
      'state: at 16, 4 bytes, was at 4, 4 bytes',
      'since: new, at 8, 8 bytes',
      'reached from mad_send -> struct mad (mad.o)',
    ]);
    expect(finding?.page).toBe('docs/rules/type-layout-changed.md');
  });

  test('levels: an error that is a warning lets the build go on, a warning that is an error does not', async () => {
    const { breaks } = objectRuleCases['type-layout-of-data'];
    const severities = async (id: string, level: 'warn' | 'error' | 'off') =>
      (await findingsOfRule(id, breaks, level)).map(({ code, severity }) => `${severity} ${code}`);
    expect(await severities('type-layout-of-data', 'warn')).toEqual(['warning type-layout-of-data']);
    expect(await severities('type-layout-changed', 'error')).toEqual(['error type-layout-changed']);
    expect(await severities('type-layout-of-data', 'off')).toEqual([]);
  });

  test('what the source could only suspect of a type is settled, where the types can be compared', async () => {
    const { breaks } = objectRuleCases['type-layout-changed'];
    const codes = ['type-layout-touched', 'enumerators-renumbered'];
    expect((await compareTree(breaks, new Map())).settled).toEqual(codes);
    expect((await compareTree({ ...breaks, flags: [] }, new Map())).settled).toEqual([]);
  });
});
