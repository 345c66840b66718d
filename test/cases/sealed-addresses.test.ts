/**
 * What gcc makes of a patch that takes the address of a function, on a kernel with indirect branch tracking: refused where
 * the target's list of sealed functions names it, and told where there is no list.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readImage } from '../../src/elf/image.js';
import { parseKernelConfig } from '../../src/kernel/config.js';
import { findSealedAddresses } from '../../src/pipeline/sealed-addresses.js';
import { compileCase, missingPrograms, runCase } from './diff-case.js';

const ibt = parseKernelConfig('CONFIG_X86_KERNEL_IBT=y\n');
const needs = missingPrograms.length === 0 ? '' : ` (skipped: needs ${missingPrograms.join(', ')})`;

describe.skipIf(missingPrograms.length > 0)(`addresses of sealed functions${needs}`, () => {
  let work = '';
  beforeAll(async () => {
    work = await mkdtemp(path.join(tmpdir(), 'kptool-sealed-'));
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  async function findingsOf(name: string, { config = ibt, wasSeen = true } = {}) {
    const result = runCase(await compileCase(name, work));
    if (result.kind !== 'changed') throw new Error(`${name} is ${result.kind}`);
    const file = path.join(work, name, 'target/toy.ko');
    const image = readImage(await readFile(file), file);
    return await findSealedAddresses({
      kernel: { config },
      contributions: [result],
      targets: [{ name: 'toy', module: { image }, wasSeen }],
      findKernelSeals: async () => undefined,
    });
  }

  test('refused, with the place', async () => {
    const [finding, ...more] = await findingsOf('address-of-sealed-function');
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ code: 'sealed-address-taken', severity: 'error' });
    expect(finding?.what).toContain('toy_scale');
    // gcc also compares the pointer with the function, to call that directly.
    expect(finding?.details.length).toBeGreaterThan(0);
    for (const line of finding?.details ?? []) expect(line).toMatch(/^address taken at toy_open\+0x[0-9a-f]+$/);
  });

  test('told where the running module was not seen', async () => {
    const findings = await findingsOf('address-of-sealed-function', { wasSeen: false });
    expect(findings.map(({ code, severity }) => `${severity} ${code}`)).toEqual(['warning seals-unknown']);
  });

  test('nobody minds where the kernel tracks no branches', async () => {
    expect(await findingsOf('address-of-sealed-function', { config: parseKernelConfig('') })).toEqual([]);
  });

  test.each(['call-of-sealed-function', 'address-of-function-without-endbr', 'entry-with-endbr-and-padding'])(
    'builds: %s',
    async (name) => {
      expect(await findingsOf(name)).toEqual([]);
      expect(await findingsOf(name, { wasSeen: false })).toEqual([]);
    },
  );
});
