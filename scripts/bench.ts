/**
 * `npm run bench [-- ROUNDS]`: wall time of `kptool build --oot` on fixtures/ib_mad against the bare work in it that
 * nobody can avoid: the kbuild runs that compile the changed objects, without and with the patch, and the one that links
 * the livepatch. Both are run in turn, so that whatever else the machine does meets both; the medians count. Then builds for
 * the kernel itself (bench-in-tree.ts), the check (bench-check.ts) and the comparison (bench-diff.ts).
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { execa } from 'execa';
import { newestKernel } from '../test/boot/kernels.js';
import { median } from './bench-clock.js';

const patch = resolve('fixtures/patches/constant-changed.patch');
const jobs = availableParallelism();
const sectionFlags = 'KCFLAGS=-ffunction-sections -fdata-sections';
const say = (text: string) => process.stdout.write(`${text}\n`);

interface Bench {
  readonly folder: string;
  readonly buildTree: string;
  readonly release: string;
  readonly cache: string;
}

/** A build by kptool of which the parts are known. */
interface Sample {
  /** Paths in the tree of the objects that were compiled. */
  readonly objects: readonly string[];
  /** A folder with what the livepatch is linked from. */
  readonly moduleSource: string;
}

const kernel = newestKernel('6.1');
if (kernel?.buildDirectory === undefined) {
  say('There is no 6.1 kernel with its headers to build for (linux-image-amd64, linux-headers-amd64).');
  process.exitCode = 2;
} else {
  const folder = mkdtempSync(join(tmpdir(), 'kptool-bench-'));
  try {
    const cache = join(folder, 'cache');
    await measure({ folder, buildTree: kernel.buildDirectory, release: kernel.release, cache }, rounds());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

say('\nThe kernel itself:');
await import('./bench-in-tree.js');

say('\nThe check:');
await import('./bench-check.js');

say('\nThe comparison:');
await import('./bench-diff.js');

say('\nThe replay of a bundle of 5 MiB:');
await import('./bench-reproduce.js');

function rounds(): number {
  const given = Number(process.argv[2] ?? 5);
  return Number.isInteger(given) && given > 0 ? given : 5;
}

async function measure(bench: Bench, count: number): Promise<void> {
  const { folder } = bench;
  const withModules = join(folder, 'with-modules');
  const withoutModules = join(folder, 'without-modules');
  cpSync('fixtures/ib_mad', withModules, { recursive: true });
  cpSync('fixtures/ib_mad', withoutModules, { recursive: true });
  await make(bench, withModules, ['modules']);

  say(`${bench.release}, ${cpus()[0]?.model ?? 'unknown CPU'}, ${jobs} CPUs, rounds: ${count}, ${basename(patch)}`);
  const first = await timed(() => kptool(bench, withModules, []));
  say(`first build for this kernel, which also measures its entry sizes: ${seconds(first)}`);
  const sample = await takeSample(bench, withModules);
  await compare('the modules lie in the tree, as a user has them', count, {
    kptool: () => kptool(bench, withModules, []),
    bare: () => bareWork(bench, sample, sample.objects),
  });
  // Without a module to read symbols from, the unpatched source has to be built and linked as a whole.
  await compare('no module lies in the tree: the original side is the whole tree', count, {
    kptool: () => kptool(bench, withoutModules, []),
    bare: () => bareWork(bench, sample, ['modules']),
  });
}

async function compare(
  title: string,
  count: number,
  work: { readonly kptool: () => Promise<unknown>; readonly bare: () => Promise<number> },
): Promise<void> {
  const kptoolTimes: number[] = [];
  const bareTimes: number[] = [];
  for (let round = 0; round < count; round += 1) {
    kptoolTimes.push(await timed(work.kptool));
    bareTimes.push(await work.bare());
  }
  const ratios = kptoolTimes.map((time, round) => time / (bareTimes[round] ?? Number.NaN));
  const range = (values: readonly number[], format: (value: number) => string) =>
    `${format(Math.min(...values))} to ${format(Math.max(...values))}`;
  const fixed = (value: number) => value.toFixed(2);
  say(`\n${title}`);
  say(`  kptool build  ${seconds(median(kptoolTimes))}  (${range(kptoolTimes, seconds)})`);
  say(`  bare work     ${seconds(median(bareTimes))}  (${range(bareTimes, seconds)})`);
  say(`  ratio         ${fixed(median(kptoolTimes) / median(bareTimes))}  (round by round ${range(ratios, fixed)})`);
}

async function kptool(bench: Bench, tree: string, words: readonly string[]): Promise<string> {
  const output = mkdtempSync(join(bench.folder, 'output-'));
  const options = ['--oot', tree, '--kernel', bench.release, '--output', output, '--cache', bench.cache];
  const run = await execa('node', ['dist/main.js', 'build', '--json', ...options, ...words, patch], {
    stdin: 'ignore',
  });
  return run.stdout;
}

/** What one build compiles and links from. */
async function takeSample(bench: Bench, tree: string): Promise<Sample> {
  const document = JSON.parse(await kptool(bench, tree, ['--keep'])) as {
    workFolder: string;
    objects: readonly { object: string }[];
  };
  const moduleStep = readdirSync(document.workFolder).find((name) => /^\d+-module$/.test(name));
  if (moduleStep === undefined) throw new Error(`no step "module" in ${document.workFolder}`);
  const moduleSource = join(bench.folder, 'module-source');
  const made = join(document.workFolder, moduleStep);
  cpSync(made, moduleSource, { recursive: true });
  await make(bench, moduleSource, ['clean']);
  // Clean takes these for its own, but they were written beside the object that is shipped: modpost wants to see them.
  for (const name of readdirSync(join(made, 'parts')).filter((part) => /^\.object-\d+\.o\.cmd$/.test(part))) {
    cpSync(join(made, 'parts', name), join(moduleSource, 'parts', name));
  }
  return { objects: document.objects.map(({ object }) => object), moduleSource };
}

/** The three kbuild runs; copying and patching in between are not measured. Seconds. */
async function bareWork(bench: Bench, sample: Sample, originalGoals: readonly string[]): Promise<number> {
  const work = mkdtempSync(join(bench.folder, 'bare-'));
  const tree = join(work, 'tree');
  const module = join(work, 'module');
  mkdirSync(tree);
  cpSync('fixtures/ib_mad', tree, { recursive: true });
  cpSync(sample.moduleSource, module, { recursive: true });

  const withoutDebug = ['CONFIG_DEBUG_INFO_BTF_MODULES='];
  const original = await timed(() => make(bench, tree, [...originalGoals, sectionFlags, ...withoutDebug]));
  await execa('patch', ['-p1', '--quiet', '--input', patch], { cwd: tree });
  const patched = await timed(() => make(bench, tree, [...sample.objects, sectionFlags, ...withoutDebug]));
  const linked = await timed(() => make(bench, module, ['modules', 'CONFIG_DEBUG_INFO=', ...withoutDebug]));
  rmSync(work, { recursive: true });
  return original + patched + linked;
}

async function make(bench: Bench, tree: string, words: readonly string[]): Promise<void> {
  await execa('make', [`-j${jobs}`, '-C', bench.buildTree, `M=${tree}`, ...words], { stdin: 'ignore' });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

function seconds(value: number): string {
  return `${value.toFixed(2)} s`;
}
