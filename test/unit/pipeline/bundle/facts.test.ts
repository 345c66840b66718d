import { expect, test } from 'vitest';
import { diagnose, factsOf, wordAgain } from '../../../../src/diagnostics/catalogue.js';
import { readFacts, writtenFacts } from '../../../../src/pipeline/bundle/facts.js';

test('a finding about addresses is worded alike from the facts in a bundle', () => {
  const candidates = [0xffffffff83f88810n, 0xffffffff84084688n].map((address, index) => ({
    ...{ address, sympos: index + 1, size: 8, section: 'bss' },
  }));
  const asked = { name: 'rootdir', object: 'drivers/opp/debugfs.o', objectName: 'vmlinux' };
  const finding = diagnose('symbol-ambiguous', { ...asked, candidates });
  const kept = JSON.parse(JSON.stringify(writtenFacts(factsOf(finding)))) as { code: string; details: unknown };
  expect(wordAgain({ code: kept.code, details: readFacts(kept.details) })).toEqual(finding);
});

test('what is no address stays as it is, also in a bundle that somebody made', () => {
  const facts = { texts: ['$bigint', ''], none: null, flag: true, nested: { $bigint: 7 }, odd: { $bigint: '0x10' } };
  expect(readFacts(writtenFacts(facts))).toEqual(facts);
  expect(readFacts({ $bigint: '1'.repeat(21) })).toEqual({ $bigint: '1'.repeat(21) });
  expect(readFacts(undefined)).toBeUndefined();
});
