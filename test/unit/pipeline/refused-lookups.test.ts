/** What a refusal says of symbols. */
import { expect, test } from 'vitest';
import { diagnose } from '../../../src/diagnostics/catalogue.js';
import { KptoolError } from '../../../src/diagnostics/diagnostic.js';
import type { LookupDecision } from '../../../src/pipeline/options.js';
import { lookupsOf, withLookups } from '../../../src/pipeline/refused-lookups.js';

const unknown = { level: undefined, rule: undefined, target: undefined, evidence: undefined };
const decision: LookupDecision = { ...unknown, symbol: 'helper', scope: 'local', outcome: 'missing' };
const decided = (object: string, ...lookups: LookupDecision[]) => ({ object, module: 'ib_mad', lookups });
const refusal = new KptoolError([diagnose('usage-no-command', {})]);

test('a refusal gets what had been decided, and stays what it was', () => {
  const told = withLookups(refusal, [decided('cm.o', decision), decided('mad.o')]);
  expect(told).toBeInstanceOf(KptoolError);
  expect(told).toMatchObject({ diagnostics: refusal.diagnostics, message: refusal.message, name: refusal.name });
  expect(lookupsOf(told)).toEqual([decided('cm.o', decision)]);
});

test('one that says it already keeps what it says', () => {
  const told = withLookups(refusal, [decided('cm.o', decision)]);
  expect(withLookups(told, [decided('mad.o', decision)])).toBe(told);
});

test('where nothing had been decided, and of a bug, nothing is said', () => {
  const bug = new TypeError('x is undefined');
  expect(withLookups(refusal, [decided('cm.o')])).toBe(refusal);
  expect(withLookups(bug, [decided('cm.o', decision)])).toBe(bug);
  expect([lookupsOf(refusal), lookupsOf(bug)]).toEqual([[], []]);
});
