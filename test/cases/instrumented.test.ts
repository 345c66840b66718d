/**
 * What GCC's instruments do to the comparison: the measure of the rule kernel-not-comparable, whose table names the options
 * that are in the way, and says which were tried and are not.
 */
import { describe, expect, test } from 'vitest';
import { comparePair, missingPrograms } from './inline-pair.js';

const source = (step: string, text: string) => `
int printk(const char *format, ...);
static int table[4] = { 1, 2, 3, 4 };
__attribute__((noinline)) int helper(int index) { return table[index & 3]; }
int changed(int index) { if (index > 3) printk("first\\n"); ${text} return helper(index) + ${step}; }
int other(int index) { table[index & 3] = index << 1; return helper(index); }
`;

const changesStep = { original: source('1', ''), patched: source('2', '') };
const addsText = { original: source('1', ''), patched: source('1', 'printk("second\\n");') };

describe.skipIf(missingPrograms.length > 0)('an instrument', () => {
  test.each([
    ['none', []],
    ['kcov', ['-fsanitize-coverage=trace-pc']],
    ['UBSAN', ['-fsanitize=bounds', '-fsanitize=shift', '-fsanitize=bool']],
    ['KCSAN', ['-fsanitize=thread', '--param', 'tsan-instrument-func-entry-exit=0']],
    ['split debug data', ['-g', '-gsplit-dwarf']],
    ['fixed random numbers', ['-frandom-seed=kptool']],
  ])('is not in the way: %s', (_, flags) => {
    for (const pair of [changesStep, addsText]) {
      expect(comparePair({ ...pair, flags })).toMatchObject({ kind: 'changed', changed: ['changed'] });
    }
  });

  test('gcov of everything is: counters and checksums are in data', () => {
    const { kind, codes } = comparePair({ ...changesStep, flags: ['-fprofile-arcs', '-ftest-coverage'] });
    expect(kind).toBe('refused');
    expect(codes).toContain('data-changed');
  });

  test('KASAN is where a patch brings data: one constructor registers all of it', () => {
    const flags = ['-fsanitize=kernel-address', '-fasan-shadow-offset=0xdffffc0000000000', '--param', 'asan-globals=1'];
    const { kind, findings } = comparePair({ ...addsText, flags });
    expect(kind).toBe('refused');
    expect(findings.map(({ what }) => what).join('\n')).toMatch(/_sub_I_/);
  });

  test('link time optimisation is: objects hold no code, and nothing seems to change', () => {
    const flags = ['-flto', '-fno-fat-lto-objects'];
    expect(comparePair({ ...changesStep, flags })).toMatchObject({ kind: 'unchanged' });
  });
});
