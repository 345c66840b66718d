/** What a refusal advises, on what gcc makes of two sources: the advice depends on why a function or data cannot change. */
import { describe, expect, test } from 'vitest';
import { comparePair, type InlinePair, missingPrograms } from './inline-pair.js';

const include = '#include "kernel.h"\n';

/** `code` out of all findings of the source with `@` before and after. */
function finding(code: string, source: string, before = '1', after = '2', flags: InlinePair['flags'] = []) {
  const side = (value: string) => include + source.replaceAll('@', value);
  const { findings } = comparePair({ original: side(before), patched: side(after), flags });
  const found = findings.filter((one) => one.code === code);
  expect(found).toHaveLength(1);
  return found[0];
}

describe.skipIf(missingPrograms.length > 0)('advice', () => {
  describe('for a function without an ftrace entry', () => {
    const other = 'int other(int x) { return _printk("%d", x); }\n';

    test.each([
      [
        'in a section that must not be traced',
        'section_named(".noinstr.text") notrace int f(int x) { return x + @; }',
        'noinstr',
        /^Change a function outside of that section that calls f/,
      ],
      [
        'static, and perhaps inline',
        'int (*hook)(int); static noinline notrace int f(int x) { return _printk("%d", x + @); } void set(void) { hook = f; }',
        'inline, which implies notrace',
        /write __always_inline/,
      ],
      [
        'global',
        'notrace int f(int x) { return _printk("%d", x + @); }',
        'it is notrace, or part',
        /^Change the callers of f: /,
      ],
    ])('%s', (_, source, why, fix) => {
      const found = finding('function-not-traceable', `${other}${source}\n`);
      expect(found?.why).toContain(why);
      expect(found?.fix).toMatch(fix);
    });

    test('in an object without any', () => {
      const source = 'int f(int x) { return _printk("%d", x + @); }\n';
      const found = finding('function-not-traceable', source, '1', '2', [
        '-fno-profile',
        '-mno-fentry',
        '-mno-record-mcount',
      ]);
      expect(found?.why).toContain('no function of the object has one');
    });
  });

  describe('for a table in memory', () => {
    const table = `struct ops { int (*open)(int); int limit; };
static noinline int open_old(int x) { return _printk("old %d", x); }
static noinline int open_new(int x) { return _printk("new %d", x); }
struct ops ops = { [[ops]] };
int opened(int x) { return ops.open(x) + open_new(x) + open_old(x); }
int idle(int x) { return _printk("%d", x); }
`;

    test('of functions: who reads it, and whom to call there', () => {
      const found = finding('data-changed', table.replace('[[ops]]', '@, 5'), 'open_old', 'open_new');
      expect(found?.fix).toBe(
        'Leave ops as it was, and decide in opened, or in the functions that it pointed to, when to call open_new.',
      );
    });

    test('of which only a number changes', () => {
      const found = finding('data-changed', table.replace('[[ops]]', 'open_old, @'));
      expect(found?.fix).toContain('Set the new value in a pre-patch callback');
    });
  });
});
