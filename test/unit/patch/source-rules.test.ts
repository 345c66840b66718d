import { describe, expect, test } from 'vitest';
import { check, ruleCases } from '../../provocations/source-rules.js';

const cases = Object.entries(ruleCases);

describe.each(cases)('%s', (id, { breaks, nearMisses }) => {
  test('is found, and nothing else', () => {
    expect(check(breaks).map(({ code }) => code)).toEqual([id]);
  });

  test.each(Object.entries(nearMisses))('is not found where %s', (_, files) => {
    expect(check(files).filter(({ code }) => code === id)).toEqual([]);
  });
});

test('findings name the place in the patched file', () => {
  const text = (value: string) => `int a;\n\nstatic int __init mad_start(void)\n{\n\treturn ${value};\n}\n`;
  const [finding] = check({ 'core/mad.c': [text('1'), text('2')] });
  expect(finding?.what).toBe('core/mad.c:3: the patch changes mad_start, which is __init');
  expect(finding?.page).toBe('docs/rules/init-function-touched.md');
});

test('a new export is refused as the build would', () => {
  const files = { 'mad.c': ['int f(void) { }\n', 'int f(void) { }\nEXPORT_SYMBOL_GPL(f);\n'] } as const;
  expect(check(files).map(({ code, severity }) => `${severity} ${code}`)).toEqual(['error export-added']);
});

test('a key of this file is told from one whose owner is not known', () => {
  const text = (define: string, value: string) =>
    `${define}int f(void) { return static_branch_likely(&on) ? ${value} : 0; }\n`;
  const what = (define: string) => check({ 'mad.c': [text(define, '1'), text(define, '2')] })[0]?.what;
  expect(what('DEFINE_STATIC_KEY_TRUE(on);\n')).toContain('which this file defines');
  expect(what('')).toContain('cannot be told here');
});
