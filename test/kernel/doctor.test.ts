/** kptool doctor on this very machine, on which the other tests of the tier build. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { findTestKernel } from './requirements.js';

const { kernel, missing } = findTestKernel();
const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;
const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

const factSchema = z.looseObject({ subject: z.string(), state: z.string(), text: z.string() });
const documentSchema = z.looseObject({
  outcome: z.string(),
  machine: z.looseObject({
    isReady: z.boolean(),
    install: z.array(z.string()),
    facts: z.array(factSchema),
    kernels: z.array(z.looseObject({ release: z.string(), isReady: z.boolean(), facts: z.array(factSchema) })),
  }),
});

describe.skipIf(kernel === undefined)(`kptool doctor${needs}`, () => {
  let folder = '';
  const release = kernel?.release ?? '';

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'kptool-doctor-'));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function run(environment: Readonly<Record<string, string>> = {}) {
    const words = ['doctor', '--json', '--kernel', release, '--cache', path.join(folder, 'cache')];
    const { exitCode, stdout } = await execa(process.execPath, [program, ...words], {
      ...{ cwd: folder, env: environment, reject: false },
    });
    return { exitCode, ...documentSchema.parse(JSON.parse(stdout)) };
  }

  test('says that the kernel can be built for, and writes nothing', async () => {
    const { exitCode, outcome, machine } = await run();
    expect([...machine.facts, ...(machine.kernels[0]?.facts ?? [])].filter(({ state }) => state === 'missing')).toEqual(
      [],
    );
    expect({ exitCode, outcome, isReady: machine.isReady }).toEqual({
      exitCode: 0,
      outcome: 'examined',
      isReady: true,
    });
    expect(machine.kernels[0]).toMatchObject({ release, isReady: true });
    expect(machine.kernels[0]?.facts.find(({ subject }) => subject === 'compiler')?.text).toContain('gcc');
    // No rule of the target finds anything in the configuration of a distribution.
    const ruled = machine.kernels[0]?.facts.filter(({ subject }) => ['livepatching', 'signatures'].includes(subject));
    expect(ruled?.map(({ state }) => state)).toEqual(['found', 'found']);
    expect(await readdir(folder)).toEqual([]);
  });

  test('says what to type where PATH has nothing', async () => {
    const { exitCode, outcome, machine } = await run({ PATH: '' });
    expect({ exitCode, outcome, isReady: machine.isReady }).toEqual({ exitCode: 2, outcome: 'failed', isReady: false });
    expect(machine.install).toEqual([expect.stringMatching(/^apt-get install make patch binutils gawk gcc-\d+/)]);
  });
});
