import { describe, expect, test } from 'vitest';
import { githubAnnotations } from '../../../src/cli/github.js';
import { emptyDocument, jsonDiagnostic } from '../../../src/cli/json.js';
import { diagnose } from '../../../src/diagnostics/catalogue.js';
import type { Diagnostic } from '../../../src/diagnostics/diagnostic.js';

function annotations(diagnostics: readonly Diagnostic[], tree: string | null = '/ci/checkout/drivers/mad'): string {
  const document = emptyDocument('1.2.3', 'check', 'refused', 1);
  return githubAnnotations(
    { ...document, tree, diagnostics: diagnostics.map(jsonDiagnostic) },
    { folder: '/ci/checkout' },
  );
}

const value = diagnose('initial-value-touched', { file: 'core/mad.c', line: 3, variable: 'limit' });

describe('annotations', () => {
  test('name files relative to the checkout, the line and the code', () => {
    expect(annotations([value])).toBe(
      `::warning file=drivers/mad/core/mad.c,line=3,title=initial-value-touched::${value.what}%0A${value.why}%0A${value.fix}\n`,
    );
  });

  test('of a patch name the patch file', () => {
    const empty = diagnose('patch-empty', { file: '/ci/checkout/fix.patch' });
    expect(annotations([empty])).toMatch(/^::error file=fix\.patch,title=patch-empty::/);
  });

  test('keep the path of what lies outside of the checkout', () => {
    expect(annotations([value], '/srv/mad')).toMatch(/^::warning file=\/srv\/mad\/core\/mad\.c,line=3,/);
  });

  test('of what is in no file have a title only', () => {
    expect(annotations([diagnose('usage-no-command', {})], null)).toMatch(/^::error title=usage-no-command::/);
  });

  test('are one line each, whatever stands in them', () => {
    const odd = {
      ...value,
      what: '100 %\r\nsure',
      details: ['a\nb'],
      place: { of: 'tree' as const, file: 'a,b:c%.c' },
    };
    const [line, ...rest] = annotations([odd]).split('\n');
    expect(rest).toEqual(['']);
    expect(line).toContain('file=drivers/mad/a%2Cb%3Ac%25.c,');
    expect(line).toContain('::100 %25%0D%0Asure%0A');
    expect(line).toMatch(/%0Aa%0Ab$/);
  });

  test('are none where nothing was found', () => {
    expect(annotations([])).toBe('');
  });
});
