/** A test run leaves nothing behind in the folder for temporary files. */
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { setup } from '../temporary-files.js';

test('this run has a folder of its own, in which tests and their programs make theirs', () => {
  expect(basename(tmpdir())).toMatch(/^kptool-tests-/);
});

test('the folder goes with all that is in it, and the next run gets another one', () => {
  const before = tmpdir();
  const remove = setup();
  const folder = tmpdir();
  expect(dirname(folder)).toBe(before);
  const left = mkdtempSync(join(tmpdir(), 'kptool-left-'));
  mkdirSync(join(left, 'deep'));
  writeFileSync(join(left, 'deep/file'), 'x');
  remove();
  expect(existsSync(folder)).toBe(false);
  expect(tmpdir()).toBe(before);
});
