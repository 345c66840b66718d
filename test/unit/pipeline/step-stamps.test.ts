import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { BuildStep } from '../../../src/pipeline/build-steps.js';
import { StepRunner, stampedInputs } from '../../../src/pipeline/step-stamps.js';
import { createWorkFolder, type WorkFolder } from '../../../src/system/work-folder.js';
import { findingsOf } from '../system/findings.js';

let root: string;
let work: WorkFolder;
let done: string[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kptool-stamps-'));
  work = await createWorkFolder(root, 'fix');
  done = [];
});
afterEach(() => rm(root, { recursive: true }));

/** Runs three steps, the second of which fails where `patch` says so. */
async function run(from: BuildStep | undefined, { source = '1', patch = '1' } = {}): Promise<string[]> {
  const steps = new StepRunner(work, from);
  const original = await steps.run({
    step: 'original',
    inputs: async () => ({ 'the source a.c': source }),
    kept: z.string(),
    work: async () => noted('original'),
  });
  const patched = await steps.run({
    step: 'patched',
    inputs: async () => ({ ...steps.before('patched'), 'the patch': patch }),
    kept: z.string(),
    work: async () => {
      if (patch === 'bad') throw new RangeError('the patch is bad');
      return noted('patched');
    },
  });
  // It takes no time, so that its result is not kept.
  const diff = await steps.run({
    step: 'diff',
    inputs: async () => steps.before('diff'),
    work: async () => noted('diff'),
  });
  return [original, patched, diff];
}

function noted(step: string): string {
  done.push(step);
  return `result of ${step}`;
}

const results = ['result of original', 'result of patched', 'result of diff'];

test('every step is done, in a folder of its own', async () => {
  expect(await run(undefined)).toEqual(results);
  expect(done).toEqual(['original', 'patched', 'diff']);
  expect((await readdir(work.path)).filter((name) => /^\d/.test(name))).toEqual(['1-original', '2-patched', '3-diff']);
});

describe('a later run', () => {
  test('takes what comes before the step that it goes on from', async () => {
    await run(undefined);
    done = [];
    expect(await run('patched')).toEqual(results);
    expect(done).toEqual(['patched', 'diff']);
    done = [];
    expect(await run('module')).toEqual(results);
    expect(done).toEqual(['diff']);
  });

  test('goes on behind a failure with another patch', async () => {
    await expect(run(undefined, { patch: 'bad' })).rejects.toThrow('the patch is bad');
    done = [];
    expect(await run('patched', { patch: '2' })).toEqual(results);
    expect(done).toEqual(['patched', 'diff']);
  });

  test('refuses a step that has not been done', async () => {
    await expect(run(undefined, { patch: 'bad' })).rejects.toThrow('the patch is bad');
    const [finding] = await findingsOf(run('diff'));
    expect(finding).toMatchObject({ code: 'resume-step-missing', exitStatus: 2 });
    expect(finding?.what).toContain('"patched"');
  });

  test('names what has changed', async () => {
    await run(undefined);
    const [finding] = await findingsOf(run('patched', { source: '2' }));
    expect(finding).toMatchObject({ code: 'resume-input-changed', details: ['the source a.c'] });
    expect(await findingsOf(run('diff', { patch: '2' }))).toMatchObject([{ details: ['the patch'] }]);
  });

  test('knows that an earlier step has been done anew', async () => {
    await run(undefined);
    await run('patched', { patch: '2' });
    await expect(run('patched', { patch: 'bad' })).rejects.toThrow('the patch is bad');
    expect(await findingsOf(run('module', { patch: '1' }))).toMatchObject([{ code: 'resume-step-missing' }]);
  });

  test('does not take a stamp that is damaged', async () => {
    await run(undefined);
    await writeFile(join(work.path, '1-original/stamp.json'), '{"schema":');
    expect(await findingsOf(run('diff'))).toMatchObject([{ code: 'resume-step-missing' }]);
    expect(await stampedInputs(work.path, 'original')).toBeUndefined();
  });
});
