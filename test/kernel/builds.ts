/**
 * The builds of the kernel tier: the fixture's modules as a user has them, and a livepatch for every scenario. They take
 * most of the tier's time, so each is made once, two at a time.
 */
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { type CliRun, runBuild } from './command-line.js';
import type { TestKernel } from './requirements.js';
import { fixtures } from './scenario.js';

/** The module names of the fixture, in the order in which they are loaded. */
export const moduleNames = ['ib_mad', 'ib_cm_stats', 'ib_mad_loopback'] as const;

/** Folders of the tier, all below one temporary folder. */
export interface Workbench {
  readonly kernel: TestKernel;
  /** The copy of fixtures/ib_mad with its modules built. */
  readonly tree: string;
  /** The modules after `strip --strip-debug`, as packages ship them. */
  /** The same tree in another place; what is built for it has a cache of its own and other jobs. */
  readonly copy: string;
  readonly stripped: string;
  /** The modules of the tree packed, `NAME.ko.xz` and so on, as distributions install them. */
  readonly compressed: string;
  readonly folder: string;
}

/** A livepatch that is wanted. */
export interface BuildRequest {
  readonly name: string;
  readonly patchFiles: readonly string[];
  /** It takes the place of all livepatches loaded before it; otherwise it is built with `--non-replace`. */
  readonly isReplacing: boolean;
  /** Which form of the target modules is given with `--module`; those of the tree are found there. */
  readonly targets: 'in the tree' | 'in a copy of the tree' | 'stripped' | 'compressed';
}

/** What came of a build; `error` where there is no document to look at. */
export type BuildResult = CliRun | { readonly error: string };

/** How each module is packed, and what busybox unpacks it with; it knows no zstd. */
export const packings = {
  ib_mad: { suffix: '.xz', pack: ['xz', '--check=crc32'], unpack: 'xzcat' },
  ib_cm_stats: { suffix: '.gz', pack: ['gzip'], unpack: 'zcat' },
  ib_mad_loopback: { suffix: '.gz', pack: ['gzip'], unpack: 'zcat' },
} as const;

/** Copies the fixture into `folder` and builds its modules there with make, then strips a copy of them and packs another. */
export async function setUpWorkbench(folder: string, kernel: TestKernel): Promise<Workbench> {
  const tree = path.join(folder, 'ib_mad');
  const [stripped, compressed] = [path.join(folder, 'stripped'), path.join(folder, 'compressed')];
  await cp(path.join(fixtures, 'ib_mad'), tree, { recursive: true });
  await execa('make', ['-j2', '-C', kernel.buildDirectory, `M=${tree}`, 'modules']);
  await Promise.all([mkdir(stripped), mkdir(compressed)]);
  for (const name of moduleNames) {
    await cp(path.join(tree, `${name}.ko`), path.join(stripped, `${name}.ko`));
    await execa('strip', ['--strip-debug', path.join(stripped, `${name}.ko`)]);
    await cp(path.join(tree, `${name}.ko`), path.join(compressed, `${name}.ko`));
    const [program, ...flags] = packings[name].pack;
    await execa(program, [...flags, path.join(compressed, `${name}.ko`)]);
  }
  const copy = path.join(folder, 'another/place/called otherwise');
  await cp(tree, copy, { recursive: true });
  return { kernel, tree, copy, stripped, compressed, folder };
}

/** Makes the livepatches, two at a time; the results come in the order of the requests. */
export async function buildAll(bench: Workbench, requests: readonly BuildRequest[]): Promise<BuildResult[]> {
  const output = (index: number) => path.join(bench.folder, 'output', String(index));
  return await twoAtATime(requests.map((request, index) => () => build(bench, request, output(index))));
}

/** Runs the tasks, two of them at any time; the results come in the order of the tasks. */
export async function twoAtATime<Result>(tasks: readonly (() => Promise<Result>)[]): Promise<Result[]> {
  const results: Result[] = [];
  const queue = [...tasks.entries()];
  async function work(): Promise<void> {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, task] = next;
      results[index] = await task();
    }
  }
  await Promise.all([work(), work()]);
  return results;
}

async function build(bench: Workbench, request: BuildRequest, output: string): Promise<BuildResult> {
  await mkdir(output, { recursive: true });
  const isCopy = request.targets === 'in a copy of the tree';
  const modules = {
    'in the tree': [],
    'in a copy of the tree': [],
    stripped: moduleNames.map((name) => path.join(bench.stripped, `${name}.ko`)),
    compressed: moduleNames.map((name) => path.join(bench.compressed, `${name}.ko${packings[name].suffix}`)),
  }[request.targets];
  try {
    return await runBuild([
      ...['--oot', isCopy ? bench.copy : bench.tree, '--jobs', isCopy ? '2' : '1'],
      ...['--cache', path.join(bench.folder, isCopy ? 'another cache' : 'cache')],
      ...['--kernel', bench.kernel.release, '--output', output, '--bundle', output],
      ...modules.flatMap((file) => ['--module', file]),
      ...(request.isReplacing ? [] : ['--non-replace']),
      ...request.patchFiles,
    ]);
  } catch (error) {
    return { error: String(error) };
  }
}

/** Path and digest of every file below `folder`, to see that nothing was written to it. */
export async function digestTree(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const lines = files.map(async (file) => {
    const digest = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    return `${path.relative(folder, file)} ${digest}`;
  });
  return (await Promise.all(lines)).sort();
}
