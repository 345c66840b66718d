/** What a check says that a build would run is what the build then runs, and nothing of it has been done by the check. */
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { runBuild } from './command-line.js';
import { findTestKernel } from './requirements.js';
import { fixtures } from './scenario.js';

const { kernel, missing } = findTestKernel();
const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;

const planSchema = z.object({
  workFolder: z.string(),
  wholeTree: z.string().nullable(),
  objects: z.array(z.looseObject({ object: z.string() })),
  commands: z.array(
    z.object({
      purpose: z.string(),
      directory: z.string(),
      program: z.string(),
      arguments: z.array(z.string()),
      isCached: z.boolean(),
    }),
  ),
});

describe.skipIf(kernel === undefined)(`the plan${needs}`, () => {
  let folder = '';

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'kptool-plan-'));
    await cp(path.join(fixtures, 'ib_mad'), path.join(folder, 'ib_mad'), { recursive: true });
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function run(...more: string[]) {
    const { exitStatus, document, messages } = await runBuild([
      ...['--oot', path.join(folder, 'ib_mad'), '--output', folder, '--cache', path.join(folder, 'cache')],
      ...['--kernel', kernel?.release ?? '', path.join(fixtures, 'patches/header-inline-changed.patch'), ...more],
    ]);
    expect(exitStatus, messages).toBe(0);
    return z.looseObject({ plan: planSchema.nullable(), workFolder: z.string().nullable() }).parse(document);
  }

  /** The commands in the logs of a work folder, each with the folder that it ran in. */
  async function commandsIn(workFolder: string): Promise<string[]> {
    const logs = (await readdir(workFolder, { recursive: true })).filter((name) => name.endsWith('.log'));
    const texts = await Promise.all(logs.map((log) => readFile(path.join(workFolder, log), 'utf8')));
    return texts.flatMap((text) => text.split('\n').filter((line) => line.startsWith('$ ')));
  }

  test('names the commands that the build runs, word for word', async () => {
    const { plan } = await run('--dry-run');
    expect(await readdir(folder)).toEqual(['ib_mad']);
    expect(plan?.wholeTree).toBeNull();
    expect(plan?.objects.length).toBeGreaterThan(1);
    const { workFolder } = await run('--keep');
    const ran = await commandsIn(workFolder ?? '');
    const planned = (plan?.commands ?? [])
      .filter(({ purpose }) => !purpose.startsWith('entry sizes'))
      .map((command) => `$ ${[command.program, ...command.arguments].join(' ')}  (in ${command.directory})`)
      .map((line) => line.replaceAll(plan?.workFolder ?? '', workFolder ?? ''));
    expect(ran.map((line) => line.replaceAll("'", '')).sort()).toEqual(planned.sort());
    const cached = (await run('--dry-run')).plan?.commands.filter(({ isCached }) => isCached);
    expect(cached?.map(({ purpose }) => purpose)).toEqual(['entry sizes of the kernel’s tables']);
  });
});
