import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findProgram } from '../../../src/system/find-program.js';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'kptool-programs-'));
  await mkdir(join(root, 'a/make'), { recursive: true });
  await mkdir(join(root, 'b'));
  await writeFile(join(root, 'b/make'), '');
  await chmod(join(root, 'b/make'), 0o755);
  await writeFile(join(root, 'a/patch'), '');
  await chmod(join(root, 'a/patch'), 0o644);
});
afterAll(() => rm(root, { recursive: true }));

test('a folder of that name is passed over', async () => {
  expect(await findProgram('make', `${root}/a::${root}/b`)).toBe(join(root, 'b/make'));
});

test('a file that may not be run is no program', async () => {
  expect(await findProgram('patch', `${root}/a`)).toBeUndefined();
});

test('an empty PATH has none, not even of the working directory', async () => {
  expect(await findProgram('package.json', '')).toBeUndefined();
  expect(await findProgram('make', '')).toBeUndefined();
});

test('a path leads to itself', async () => {
  expect(await findProgram(join(root, 'b/make'), '')).toBe(join(root, 'b/make'));
});
