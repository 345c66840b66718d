/** Every code of the catalogue has a provocation; those that need no more than Node run here. */
import { describe, expect, test } from 'vitest';
import { catalogue, diagnose } from '../../../src/diagnostics/catalogue.js';
import { allProvocations } from '../../provocations/all.js';
import { findingsOf, problemsOf } from '../../provocations/check.js';
import { testProvocations } from '../../provocations/tiers.js';

const codes = Object.keys(catalogue).sort();

test('every code has a provocation, and every provocation a code', () => {
  expect(Object.keys(allProvocations).sort()).toEqual(codes);
});

testProvocations('unit');

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
