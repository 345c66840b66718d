import { expect, test } from 'vitest';
import { STT } from '../../../src/elf/constants.js';
import { LOOKUP_LEVELS } from '../../../src/lookup/create-lookup.js';
import { recordLookup } from '../../../src/lookup/explain-lookup.js';
import type { Lookup, LookupAnswer } from '../../../src/lookup/lookup.js';

const found: LookupAnswer = {
  kind: 'found',
  symbol: { name: 'helper.isra.1', object: 'ib_cm', sympos: 2, size: 8, address: 0n },
  isExported: false,
  level: 4,
  evidence: 'cm.c, 3 of 3 static functions found there',
};
const lookup: Lookup = {
  objectName: 'ib_cm',
  local: (name) => (name === 'helper' ? found : { kind: 'ambiguous', candidates: [], reason: 'no rule decided' }),
  global: () => ({ kind: 'missing' }),
};

test('the answers are those of the lookup, and each symbol is remembered once', () => {
  const { lookup: recorded, decisions } = recordLookup(lookup);
  expect(recorded.objectName).toBe('ib_cm');
  expect(recorded.local('helper', STT.FUNC)).toBe(found);
  expect(recorded.global('ours')).toEqual({ kind: 'missing' });
  recorded.local('state', STT.OBJECT);
  recorded.local('helper', STT.FUNC);
  expect(decisions()).toEqual([
    {
      symbol: 'helper',
      scope: 'local',
      outcome: 'found',
      level: 4,
      rule: LOOKUP_LEVELS.get(4),
      target: { name: 'helper.isra.1', object: 'ib_cm', sympos: 2 },
      evidence: 'cm.c, 3 of 3 static functions found there',
    },
    { symbol: 'ours', scope: 'global', outcome: 'missing' },
    { symbol: 'state', scope: 'local', outcome: 'ambiguous', evidence: 'no rule decided' },
  ]);
});
