/**
 * The provocations of one tier as tests: each ends in exactly its code, well worded. What a machine lacks is skipped;
 * scripts/test installs it and forbids the skip.
 */
import { describe, expect, test } from 'vitest';
import { allProvocations } from './all.js';
import { findingsOf, isEverythingRequired, missingNeeds, problemsOf, runOf } from './check.js';
import type { Provocation } from './provocation.js';

export type Tier = 'unit' | 'cases' | 'kernel';

/** The first tier whose machines have what it needs. */
function tierOf(provocation: Provocation): Tier {
  const needs = typeof provocation === 'function' ? [] : provocation.needs;
  if (needs.includes('kernel-headers')) return 'kernel';
  return needs.length === 0 ? 'unit' : 'cases';
}

/** Enters the tests. */
export function testProvocations(tier: Tier): void {
  describe('each code comes out of bad input', () => {
    for (const [code, provocation] of Object.entries(allProvocations)) {
      if (tierOf(provocation) !== tier) continue;
      const missing = missingNeeds(provocation);
      const title = missing.length === 0 ? code : `${code} (needs ${missing.join(', ')})`;
      test.skipIf(missing.length > 0 && !isEverythingRequired)(title, { timeout: 120_000 }, async () => {
        expect(missing).toEqual([]);
        expect(problemsOf(code, await findingsOf(runOf(provocation)))).toEqual([]);
      });
    }
  });
}
