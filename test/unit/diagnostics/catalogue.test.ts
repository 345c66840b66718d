/**
 * Every code of the catalogue is provoked by bad input, and its words are there. A provocation that needs a compiler or
 * kernel headers is skipped where they are not installed; scripts/test installs them and forbids the skip.
 */
import { describe, expect, test } from 'vitest';
import { catalogue, diagnose } from '../../../src/diagnostics/catalogue.js';
import { allProvocations } from '../../provocations/all.js';
import { findingsOf, isEverythingRequired, missingNeeds, problemsOf, runOf } from '../../provocations/check.js';

const codes = Object.keys(catalogue).sort();

test('every code has a provocation, and every provocation a code', () => {
  expect(Object.keys(allProvocations).sort()).toEqual(codes);
});

describe('each code comes out of bad input', () => {
  for (const [code, provocation] of Object.entries(allProvocations)) {
    const missing = missingNeeds(provocation);
    const title = missing.length === 0 ? code : `${code} (needs ${missing.join(', ')})`;
    test.skipIf(missing.length > 0 && !isEverythingRequired)(title, { timeout: 120_000 }, async () => {
      expect(missing).toEqual([]);
      expect(problemsOf(code, await findingsOf(runOf(provocation)))).toEqual([]);
    });
  }
});

describe('the checker', () => {
  const finding = diagnose('usage-no-command', {});

  test('is content with exactly that code', () => {
    expect(problemsOf('usage-no-command', [finding])).toEqual([]);
  });

  test.each([
    ['nothing', []],
    ['another code', [diagnose('usage-extra-argument', { command: 'x', argument: 'y' })]],
    ['another code beside it', [finding, diagnose('usage-extra-argument', { command: 'x', argument: 'y' })]],
    ['no why', [{ ...finding, why: '' }]],
    ['no fix', [{ ...finding, fix: ' ' }]],
    ['a hole in the text', [{ ...finding, what: 'There is no undefined.' }]],
    ['an object in the text', [{ ...finding, fix: 'Use [object Object].' }]],
    ['several lines', [{ ...finding, what: 'a\nb' }]],
  ])('complains of %s', (_, findings) => {
    expect(problemsOf('usage-no-command', findings)).not.toEqual([]);
  });

  test('complains of a code that is not kebab-case', () => {
    expect(problemsOf('Usage_x', [{ ...finding, code: 'Usage_x' }])).not.toEqual([]);
  });

  test('does not take any other exception for a finding', async () => {
    await expect(findingsOf(() => Promise.reject(new TypeError('x')))).rejects.toThrow(TypeError);
  });
});
