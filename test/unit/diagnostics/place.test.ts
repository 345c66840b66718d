import { expect, test } from 'vitest';
import { diagnose } from '../../../src/diagnostics/catalogue.js';

test('a finding about a patch names its place in the patch file', () => {
  const details = { file: '/srv/fix.patch', line: 7, path: 'fw.bin' };
  expect(diagnose('patch-binary', details).place).toEqual({ of: 'patch', file: '/srv/fix.patch', line: 7 });
  expect(diagnose('patch-empty', { file: 'fix.patch' }).place).toEqual({ of: 'patch', file: 'fix.patch' });
});

test('a finding of a rule names its place in the tree', () => {
  const details = { file: 'core/mad.c', line: 3, variable: 'limit' };
  expect(diagnose('initial-value-touched', details).place).toEqual({ of: 'tree', file: 'core/mad.c', line: 3 });
  expect(diagnose('boot-code-touched', { file: 'boot.c' }).place).toEqual({ of: 'tree', file: 'boot.c' });
});

test('a finding about anything else names none', () => {
  expect(diagnose('usage-no-command', {}).place).toBeUndefined();
});
