/** The same tree and patch in two places, with two caches, at two times: the same bytes, or the section that differs. */
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readElf } from '../../src/elf/read.js';
import { runBuild } from './command-line.js';
import { findTestKernel } from './requirements.js';
import { fixtures } from './scenario.js';

const { kernel, missing } = findTestKernel();
const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;

describe.skipIf(kernel === undefined)(`the same build twice${needs}`, () => {
  let folder = '';

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'kptool-twice-'));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function build(place: string, jobs: string): Promise<Buffer> {
    const tree = path.join(folder, place, 'ib_mad');
    const output = path.join(folder, place, 'output');
    await cp(path.join(fixtures, 'ib_mad'), tree, { recursive: true });
    await mkdir(output);
    const run = await runBuild([
      ...['--oot', tree, '--output', output, '--cache', path.join(folder, place, 'cache'), '--jobs', jobs],
      ...['--kernel', kernel?.release ?? ''],
      path.join(fixtures, 'patches/warn-added.patch'),
    ]);
    expect(run.exitStatus, run.messages).toBe(0);
    return readFile(run.document.file ?? '');
  }

  /** Names of the sections that differ; `layout` where only what lies around them does. */
  function differences(first: Buffer, second: Buffer): string[] {
    if (first.equals(second)) return [];
    const [a, b] = [readElf(first, 'first'), readElf(second, 'second')];
    const differing = a.sections.filter(({ name, content }, index) => {
      const other = b.sections[index];
      return other?.name !== name || Buffer.compare(content, other.content) !== 0;
    });
    return differing.length > 0 ? differing.map(({ name }) => name) : ['layout'];
  }

  test('gives the same bytes', async () => {
    const first = await build('one', '1');
    const second = await build('another/place', '2');
    expect(differences(first, second)).toEqual([]);
  });
});
