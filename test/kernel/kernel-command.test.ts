/** kptool kernel on this very machine: what it says of each installed kernel is held against the machine's own files. */
import { mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { program } from './command-line.js';
import { findTestKernel, kernelSeries } from './requirements.js';

const factSchema = z.looseObject({
  subject: z.string(),
  state: z.string(),
  text: z.string(),
  from: z.string().nullable(),
});
const documentSchema = z.looseObject({
  outcome: z.string(),
  kernel: z.looseObject({ release: z.string() }).nullable(),
  kernelFacts: z.array(factSchema).nullable(),
  fetched: z
    .looseObject({ package: z.string(), version: z.string(), url: z.string(), bytes: z.number(), state: z.string() })
    .nullable(),
  diagnostics: z.array(z.looseObject({ code: z.string(), details: z.array(z.string()) })),
});

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'kptool-kernel-command-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function kptool(...words: string[]) {
  const options = { cwd: folder, reject: false, stdin: 'ignore' } as const;
  const all = ['kernel', ...words, '--json', '--cache', path.join(folder, 'cache')];
  const { exitCode, stdout } = await execa(process.execPath, [program, ...all], options);
  return { exitCode, ...documentSchema.parse(JSON.parse(stdout)) };
}

const valueIn = (text: string, name: string) => new RegExp(`^${name}\\s*=\\s*"?([^"\\n]*)"?$`, 'm').exec(text)?.[1];

describe.each(kernelSeries)('on %s', (series) => {
  const { kernel, missing } = findTestKernel(series);
  const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;
  const release = kernel?.release ?? '';

  test.skipIf(kernel === undefined)(`info tells what the machine's own files say${needs}`, async () => {
    const { exitCode, outcome, kernelFacts } = await kptool('info', '--kernel', release);
    expect({ exitCode, outcome }).toEqual({ exitCode: 0, outcome: 'examined' });
    const facts = new Map(kernelFacts?.map((fact) => [fact.subject, fact]));
    const build = await realpath(`/lib/modules/${release}/build`);
    const config = path.join(build, '.config');
    const configured = await readFile(config, 'utf8');
    const makefile = path.join(build, 'Makefile');
    const included = /^include (.*)$/m.exec(await readFile(makefile, 'utf8'))?.[1] ?? makefile;
    const top = await readFile(path.resolve(build, included), 'utf8');
    const version = ['VERSION', 'PATCHLEVEL', 'SUBLEVEL'].map((name) => valueIn(top, name)).join('.');
    const symvers = (await readFile(path.join(build, 'Module.symvers'), 'utf8')).trim().split('\n');
    const ofKernel = symvers.filter((line) => line.split('\t')[2] === 'vmlinux');
    const isSet = (name: string) => new RegExp(`^CONFIG_${name}=y$`, 'm').test(configured);
    const compiler = valueIn(configured, 'CONFIG_CC_VERSION_TEXT');
    const found = { state: 'found' };

    expect(facts.get('release')).toMatchObject({ ...found, text: release, from: 'the option --kernel' });
    expect(facts.get('headers')).toMatchObject({ ...found, text: build, from: `/lib/modules/${release}/build` });
    expect(facts.get('version')).toMatchObject({ ...found, text: version, from: makefile });
    expect(facts.get('CPU')).toMatchObject({ ...found, text: 'x86_64', from: config });
    expect(facts.get('built with')).toMatchObject({ ...found, text: compiler, from: config });
    expect(facts.get('exports')).toMatchObject({
      text: `${symvers.length} symbols, ${ofKernel.length} of them vmlinux’s`,
      from: path.join(build, 'Module.symvers'),
    });
    expect(facts.get('symbols')).toMatchObject({ ...found, from: kernel?.image });
    expect(facts.get('BTF')?.text.split(', ')[0]).toBe(isSet('DEBUG_INFO_BTF') ? 'CONFIG_DEBUG_INFO_BTF' : 'no');
    expect(facts.get('modversions')?.text).toBe(isSet('MODVERSIONS') ? 'CONFIG_MODVERSIONS' : 'no');
    expect(facts.get('IBT')?.text.startsWith('no')).toBe(!isSet('X86_KERNEL_IBT'));
    expect(facts.get('livepatching')).toMatchObject({ ...found, from: config });
    const missingFacts = [...facts.values()].filter(({ state }) => state === 'missing');
    expect(missingFacts).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  test.skipIf(kernel === undefined)(`fetch asks apt for the version of this kernel${needs}`, async () => {
    const { exitCode, outcome, fetched, diagnostics } = await kptool('fetch', '--dry-run', '--kernel', release);
    const own = await readFile(`/lib/modules/${release}/build/include/generated/package.h`, 'utf8');
    const wanted = /Debian ([^"]+)"/.exec(own)?.[1] ?? 'no version';
    if (exitCode === 0) {
      expect({ outcome, fetched }).toMatchObject({
        outcome: 'fetched',
        fetched: { package: `linux-source-${series}`, version: wanted, url: expect.stringMatching(/^\w+:.*\.deb$/) },
      });
    } else {
      // Of an old kernel the archive has the source no more, and without lists apt knows of none.
      const madison = await execa('apt-cache', ['madison', `linux-source-${series}`], { reject: false });
      expect(madison.stdout.includes(` ${wanted} `)).toBe(false);
      const [finding] = diagnostics;
      expect(['source-version-not-offered', 'source-package-unknown']).toContain(finding?.code);
    }
    expect(await readdir(folder)).toEqual([]);
  });
});
