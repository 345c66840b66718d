/** `kptool check` on a tree, a home and a working directory that cannot be written to, and that are watched. */
import { chmod, chown, cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { otherUser, stateOf } from '../untouched.js';
import { program } from './command-line.js';
import { findTestKernel } from './requirements.js';
import { fixtures } from './scenario.js';

const { kernel, missing } = findTestKernel();
const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;
describe.skipIf(kernel === undefined)(`kptool check${needs}`, () => {
  let folder = '';
  let as: ReturnType<typeof otherUser> = {};
  const watched = ['tree', 'home', 'working'] as const;
  const place = (name: string) => path.join(folder, name);

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'kptool-watched-'));
    as = otherUser(program);
    await chmod(folder, 0o755);
    // The folder of the run, which mkdtemp made for its owner alone.
    await chmod(tmpdir(), 0o711);
    await cp(path.join(fixtures, 'ib_mad'), place('tree'), { recursive: true });
    for (const name of ['home', 'working', 'temporary']) await mkdir(place(name));
    for (const name of watched) await execa('chmod', ['-R', 'a-w,a+rX', place(name)]);
    if (as.uid !== undefined && as.gid !== undefined) await chown(place('temporary'), as.uid, as.gid);
  });

  afterAll(async () => {
    await execa('chmod', ['-R', 'u+w', folder]);
    await rm(folder, { recursive: true, force: true });
  });

  test.each([
    ['header-inline-changed.patch', 0],
    ['init-only.patch', 1],
    ['does-not-apply.patch', 1],
  ])('writes nothing: %s', async (patch, status) => {
    const before = await Promise.all(watched.map((name) => stateOf(place(name))));
    const words = ['--oot', place('tree'), '--kernel', kernel?.release ?? '', path.join(fixtures, 'patches', patch)];
    const run = await execa('node', [program, 'check', '--json', ...words], {
      ...as,
      cwd: place('working'),
      env: { HOME: place('home'), XDG_CACHE_HOME: path.join(place('home'), '.cache'), TMPDIR: place('temporary') },
      reject: false,
      stdin: 'ignore',
    });
    expect(run.exitCode, run.stderr).toBe(status);
    expect(await Promise.all(watched.map((name) => stateOf(place(name))))).toEqual(before);
    expect(await readdir(place('temporary'))).toEqual([]);
  });
});
