/**
 * Makes a regression case of a bundle: what the failure does not need is left out, part by part, as long as the step fails as it
 * did. test/cases/bundles.test.ts replays the cases.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { lightModule } from '../src/pipeline/bundle/light-module.js';
import type { Manifest } from '../src/pipeline/bundle/manifest.js';
import { type Bundle, readBundle } from '../src/pipeline/bundle/read-bundle.js';
import { replay } from '../src/pipeline/bundle/replay.js';
import { isSameFailure } from '../src/pipeline/reproduce.js';
import { writeOutputAtomically } from '../src/system/files.js';
import { packArchive } from '../src/system/tar-archive.js';

const say = (text: string) => process.stdout.write(`${text}\n`);
async function makeCase(file: string, target: string): Promise<void> {
  const whole = await readBundle(resolve(file));
  if (existsSync(target)) throw new Error(`${target} is there already`);
  mkdirSync(dirname(target), { recursive: true });
  if (!(await stillFails(whole)))
    throw new Error('the step does not fail as it did, so there is nothing to hold on to');
  let small = whole;
  for (const reduced of reductions) {
    for (const candidate of reduced(small)) if (await stillFails(candidate)) small = candidate;
  }
  const files = usedFiles(small);
  const manifest = Buffer.from(`${JSON.stringify(withHashes(small.manifest, files), undefined, 1)}\n`);
  const archive = await packArchive(new Map([...files, ['manifest.json', manifest]]));
  await writeOutputAtomically(target, archive);
  say(`${target}: ${files.size + 1} of ${whole.files.size} files, ${Math.ceil(archive.length / 1024)} KiB`);
}

async function stillFails(candidate: Bundle): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'kptool-case-'));
  try {
    const result = await replay(candidate, candidate.manifest.step, folder).catch(() => undefined);
    return result !== undefined && isSameFailure(candidate.manifest.diagnostics, result.diagnostics);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function withManifest(bundle: Bundle, change: Partial<Manifest>): Bundle {
  return { ...bundle, manifest: { ...bundle.manifest, ...change } };
}

function withFile({ manifest, files }: Bundle, name: string, content: Buffer): Bundle {
  const changed = new Map(files).set(name, content);
  const read = (wanted: string) => changed.get(wanted) ?? fail(wanted);
  return { manifest, files: changed, read };
}

function fail(wanted: string): never {
  throw new Error(`${wanted} is not in the bundle`);
}

type Comparison = NonNullable<Manifest['comparison']>;

/** Candidates that lack one entry of a list; each is made of what the ones before have left. */
function* without(bundle: Bundle, list: 'pairs' | 'targets' | 'built' | 'rebuilt' | 'linked'): Generator<Bundle> {
  const { comparison } = bundle.manifest;
  for (const entry of comparison?.[list] ?? []) {
    const shorter: Comparison = {
      ...(comparison as Comparison),
      [list]: [...(comparison?.[list] ?? [])].filter((one) => one !== entry),
    };
    yield withManifest(bundle, { comparison: shorter });
  }
}

const nothing = { commandLine: [], configuration: {}, tools: {}, commands: [] };

/** What can be left out, the largest first; of lists, as much as the last candidate that still fails leaves. */
const reductions: readonly ((bundle: Bundle) => Iterable<Bundle>)[] = [
  (bundle) => [withManifest(bundle, nothing)],
  ...Array.from({ length: 8 }, () => (bundle: Bundle) => without(bundle, 'pairs')),
  ...Array.from({ length: 4 }, () => (bundle: Bundle) => without(bundle, 'built')),
  ...Array.from({ length: 4 }, () => (bundle: Bundle) => without(bundle, 'rebuilt')),
  ...Array.from({ length: 4 }, () => (bundle: Bundle) => without(bundle, 'targets')),
  (bundle) => {
    const { comparison } = bundle.manifest;
    if (comparison === undefined) return [];
    return [
      withManifest(bundle, { comparison: { ...comparison, linked: [] } }),
      withManifest(bundle, { comparison: { ...comparison, versions: { original: [], patched: [] } } }),
    ];
  },
  (bundle) => [withManifest(bundle, { patches: [] })],
  (bundle) => [withManifest(bundle, { exports: {} })],
  ({ manifest, ...bundle }) => {
    const { release, chosenBy } = manifest.kernel;
    return [withManifest({ manifest, ...bundle }, { kernel: { release, chosenBy } })];
  },
  (bundle) => {
    const { step } = bundle.manifest;
    if (step === 'finish') return [];
    const { finish: _, ...manifest } = bundle.manifest;
    return [{ ...bundle, manifest }];
  },
  function* (bundle) {
    const objects = [...usedFiles(bundle)].filter(([name]) => name.endsWith('.o'));
    let all = bundle;
    for (const [name, content] of objects) all = withFile(all, name, lightModule(content, name));
    yield all;
  },
];

/** The files that the manifest still speaks of. */
function usedFiles({ manifest, files }: Bundle): Map<string, Buffer> {
  const { hashes: _, ...rest } = manifest;
  const texts = new Set<string>();
  JSON.stringify(rest, (_key, value: unknown) => {
    if (typeof value === 'string') texts.add(value);
    return value;
  });
  return new Map([...files].filter(([name]) => texts.has(name)));
}

function withHashes(manifest: Manifest, files: ReadonlyMap<string, Buffer>): Manifest {
  const hashes = [...files].map(([name, bytes]) => [name, createHash('sha256').update(bytes).digest('hex')] as const);
  return { ...manifest, hashes: Object.fromEntries(hashes) };
}

const [bundle, name] = process.argv.slice(2);
if (bundle === undefined || name === undefined || !/^[a-z0-9-]+$/.test(name)) {
  say('scripts/bundle-to-case BUNDLE NAME: the name has small letters, digits and dashes.');
  process.exitCode = 2;
} else {
  await makeCase(bundle, join('fixtures/bundles', `${name}.tar.gz`));
}
