import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { diagnose, factsOf } from '../../../src/diagnostics/catalogue.js';
import type { Manifest, ManifestInput } from '../../../src/pipeline/bundle/manifest.js';
import { reproduce } from '../../../src/pipeline/reproduce.js';
import { packArchive } from '../../../src/system/tar-archive.js';
import { emptyManifest } from '../../builders/bundle.js';
import { hostileArchives } from '../../builders/hostile-archives.js';
import { findingsOf } from '../system/findings.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kptool-reproduce-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function bundle(manifest: object, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const contents = Object.entries(files).map(([name, text]) => [name, Buffer.from(text)] as const);
  const hashes = contents.map(([name, bytes]) => [name, createHash('sha256').update(bytes).digest('hex')]);
  const whole = { ...emptyManifest, hashes: Object.fromEntries(hashes), ...manifest };
  const all = new Map([...contents, ['manifest.json', Buffer.from(JSON.stringify(whole))] as const]);
  const file = join(folder, 'kptool-failure.tar.gz');
  await writeFile(file, await packArchive(all));
  return file;
}

const full = diagnose('disk-full', { path: '<work>', reason: 'the disk is full' });
const ofFullDisk: Partial<ManifestInput> = {
  step: 'original',
  diagnostics: [{ ...full, details: [] }],
  facts: [factsOf(full) ?? null],
};

describe('what only the machine decides is worded again', () => {
  test('as it was', async () => {
    const report = await reproduce({ bundle: await bundle(ofFullDisk), cache: '/', workingDirectory: '/' });
    expect(report).toMatchObject({ outcome: 'reproduced', way: 'worded', step: 'original', replayed: [full] });
  });

  test('otherwise, where this version words it otherwise', async () => {
    const diagnostics = [{ ...full, details: [], fix: 'Buy a disk.' }];
    const report = await reproduce({
      bundle: await bundle({ ...ofFullDisk, diagnostics }),
      cache: '/',
      workingDirectory: '/',
    });
    expect(report.outcome).toBe('other-failure');
    expect(report.original[0]?.fix).toBe('Buy a disk.');
    expect(report.replayed).toEqual([full]);
  });

  test.each([
    ['a code that is gone', { code: 'disk-too-round', details: {} }],
    ['facts of another form', { code: 'program-timeout', details: null }],
    ['a code that objects have', { code: 'toString', details: {} }],
    ['no facts', null],
  ])('not at all for %s', async (_, facts) => {
    const file = await bundle({ ...ofFullDisk, facts: [facts] });
    expect(await findingsOf(reproduce({ bundle: file, cache: '/', workingDirectory: '/' }))).toMatchObject([
      { code: 'bundle-step-missing' },
    ]);
  });
});

describe('what make printed is judged again', () => {
  const failed = {
    ...{ side: 'patched', tree: '<work>/tree', log: '<work>/kbuild/patched.log', rules: [] },
    invocation: { program: 'make', arguments: [], directory: '<work>/tree' },
  };
  const judged = { kind: 'side', output: 'logs/judged.txt', failed };
  const ofMake = { step: 'patched', judged, facts: [null] } satisfies Partial<Record<keyof Manifest, unknown>>;
  const output = '<work>/tree/mad.c:3:9: error: expected expression\nmake: *** Error 2\n';
  const told = (details: string[]) => {
    const { errors, log } = { errors: details, log: failed.log };
    return [diagnose('compile-failed', { side: 'patched', errors, log })];
  };

  test('with the same result', async () => {
    const diagnostics = told(['mad.c:3:9: error: expected expression']);
    const file = await bundle({ ...ofMake, diagnostics }, { 'logs/judged.txt': output });
    expect(await reproduce({ bundle: file, cache: '/', workingDirectory: '/' })).toMatchObject({
      outcome: 'reproduced',
      way: 'judged',
    });
  });

  test('with another one', async () => {
    const diagnostics = told(['mad.c:4:1: error: something else']);
    const file = await bundle({ ...ofMake, diagnostics }, { 'logs/judged.txt': output });
    expect(await reproduce({ bundle: file, cache: '/', workingDirectory: '/' })).toMatchObject({
      outcome: 'other-failure',
      way: 'judged',
    });
  });
});

test('a folder that a bundle was unpacked into is replayed as well', async () => {
  const into = join(folder, 'look');
  const { unpackedTo } = await reproduce({
    bundle: await bundle(ofFullDisk, { 'logs/a.log': 'text' }),
    into,
    cache: '/',
    workingDirectory: '/',
  });
  expect(unpackedTo).toBe(into);
  expect((await readdir(into, { recursive: true })).sort()).toEqual(['logs', 'logs/a.log', 'manifest.json']);
  // Somebody looks at it and changes it; no hash is held against it.
  await writeFile(join(into, 'logs/a.log'), 'other text');
  expect(await reproduce({ bundle: into, cache: '/', workingDirectory: '/' })).toMatchObject({ outcome: 'reproduced' });
});

describe('refused, and nothing is written outside or inside:', () => {
  test.each(Object.entries(hostileArchives).filter(([what]) => !/entries$|[23]\d0 MiB/.test(what)))(
    '%s',
    async (_, make) => {
      const file = join(folder, 'evil.tar.gz');
      await writeFile(file, make());
      const into = join(folder, 'in', 'to');
      const before = await readdir(folder);
      const [finding] = await findingsOf(reproduce({ bundle: file, into, cache: '/', workingDirectory: '/' }));
      expect(finding?.code).toMatch(/^archive-(unsafe|damaged)$/);
      expect(await readdir(folder)).toEqual(before);
      for (const path of ['/tmp/kptool-evil', join(tmpdir(), 'evil'), join(folder, 'evil')])
        expect(existsSync(path)).toBe(false);
    },
  );

  test.each([
    ['a manifest that is no JSON', 'manifest', '{'],
    ['a manifest that is a list', 'manifest', '[]'],
    ['a manifest that is null', 'manifest', 'null'],
    ['a step that there is not', { step: 'compile' }, ''],
    ['a hash of another content', { hashes: { 'logs/a.log': '0'.repeat(64) } }, ''],
    ['a hash of a file that is not there', { hashes: { 'logs/b.log': '0'.repeat(64) } }, ''],
    ['numbers where texts should be', { version: 1 }, ''],
    ['a size of nothing', { comparison: { entrySizes: { BUG_STRUCT_SIZE: 0 } } }, ''],
    ['a form that is no form', { schema: 'bundle' }, ''],
  ])('%s', async (_, manifest, text) => {
    const file = await bundle(typeof manifest === 'string' ? {} : manifest, { 'logs/a.log': 'text' });
    if (typeof manifest === 'string')
      await writeFile(file, await packArchive(new Map([['manifest.json', Buffer.from(text)]])));
    const into = join(folder, 'into');
    expect(await findingsOf(reproduce({ bundle: file, into, cache: '/', workingDirectory: '/' }))).toMatchObject([
      { code: 'bundle-malformed' },
    ]);
    expect(existsSync(into)).toBe(false);
  });

  test('files that the manifest speaks of and that are not there, or lie elsewhere', async () => {
    const pair = { object: 'mad.o', modules: ['ib_mad'], patched: '../../../../etc/passwd' };
    const comparison = {
      ...{ pairs: [pair], targets: [], built: [], rebuilt: [], linked: [], entrySizes: {}, explain: false },
      ...{ versions: { original: [], patched: [] }, names: { drifting: [], companions: [] } },
      ...{ release: '6.1.0', skipCheck: false, skipCompilerCheck: false },
    };
    const file = await bundle({ isComputed: true, comparison });
    expect(await findingsOf(reproduce({ bundle: file, cache: '/', workingDirectory: '/' }))).toMatchObject([
      { code: 'bundle-malformed' },
    ]);
    const target = { name: 'ib_mad', chosenBy: 'a test', wasSeen: true, path: '/etc/passwd', file: '/etc/passwd' };
    const other = await bundle({ isComputed: true, comparison: { ...comparison, pairs: [], targets: [target] } });
    expect(await findingsOf(reproduce({ bundle: other, cache: '/', workingDirectory: '/' }))).toMatchObject([
      { code: 'bundle-malformed' },
    ]);
  });
});

test('a folder with something in it is not unpacked into', async () => {
  const into = join(folder, 'full');
  await mkdir(into);
  await writeFile(join(into, 'manifest.json'), 'mine');
  const file = await bundle(ofFullDisk);
  expect(await findingsOf(reproduce({ bundle: file, into, cache: '/', workingDirectory: '/' }))).toMatchObject([
    { code: 'output-not-empty' },
  ]);
});
