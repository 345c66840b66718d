/**
 * `npm run bench:in-tree [-- ROUNDS]`: `kptool build` of a one-line change to the kernel's own source, against the bare work in
 * it, in turn. Cold, once: against unpacking the source, olddefconfig and modules_prepare. Warm, with the prepared kernel in the
 * cache: against the kbuild runs that compile the object without and with the patch, and the one that links the livepatch. Then
 * the scan of the whole tree for includes, the first time and out of the cache, and a header that half the kernel includes.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { scanIncludes } from '../src/kbuild/kernel-includes.js';
import { treeOf } from '../src/kbuild/kernel-places.js';
import { readRecord } from '../src/kbuild/kernel-record.js';
import { newestKernel } from '../test/boot/kernels.js';
import { inWords, type Taken, taken, typical } from './bench-clock.js';

const archive = '/usr/src/linux-source-6.1.tar.xz';
const source = 'fs/proc/meminfo.c';
const object = 'fs/proc/meminfo.o';
const header = 'include/linux/sched.h';
const jobs = `-j${availableParallelism()}`;
const sectionFlags = 'KCFLAGS=-ffunction-sections -fdata-sections';
const withoutDebug = ['CONFIG_DEBUG_INFO=', 'CONFIG_DEBUG_INFO_BTF_MODULES='];
const rounds = Number(process.argv[2] ?? 5) || 5;
const say = (text: string) => process.stdout.write(`${text}\n`);

const work = mkdtempSync(join(tmpdir(), 'kptool-bench-in-tree-'));
const bare = join(work, 'bare');
const cache = join(work, 'cache');

const kernel = newestKernel('6.1');
try {
  if (kernel?.buildDirectory === undefined) say('There is no 6.1 kernel with its headers to build for.');
  else if (!existsSync(archive)) say(`There is no kernel source: ${archive}`);
  else await measure(kernel.release, kernel.buildDirectory);
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function measure(release: string, buildTree: string): Promise<void> {
  say(`${release}, ${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} CPUs, rounds: ${rounds}, ${source}`);
  const prepare = await taken(() => prepareBare(release, buildTree));
  const patch = await writePatch(source, /"VmallocChunk: {3}"/, '"VMALLOCCHUNK:   "');
  const cold = await taken(() => kptool(release, [patch]));
  say('\ncold: no prepared kernel in the cache');
  say(`  kptool build                                 ${inWords(cold)}`);
  say(`  unpack, olddefconfig, modules_prepare        ${inWords(prepare)}`);
  say(`  more than that: ${difference(cold, prepare)}; goal: 60 s`);

  const module = await moduleSource(release, buildTree, patch);
  const [build, compile] = await inTurn(
    () => kptool(release, [patch]),
    () => bareWork(release, buildTree, patch, module),
  );
  say('\nwarm: the prepared kernel is in the cache');
  say(`  kptool build                                 ${inWords(build)}`);
  say(`  both compiler runs by kbuild, and the link   ${inWords(compile)}`);
  say(`  ratio: elapsed ${ratio(build.elapsed, compile.elapsed)}, CPU ${ratio(build.cpu, compile.cpu)}; goal: 1.5`);

  await measureScan();
  await measureHeader(release);
}

/** Two kinds of work in turn, so that whatever else the machine does meets both. */
async function inTurn(first: () => unknown, second: () => unknown): Promise<[Taken, Taken]> {
  const all: [Taken[], Taken[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    all[0].push(await taken(first));
    all[1].push(await taken(second));
  }
  return [typical(all[0]), typical(all[1])];
}

function ratio(one: number, other: number): string {
  return (one / other).toFixed(2);
}

function difference(one: Taken, other: Taken): string {
  return `${(one.elapsed - other.elapsed).toFixed(1)} s elapsed, ${(one.cpu - other.cpu).toFixed(1)} s CPU`;
}

async function prepareBare(release: string, buildTree: string): Promise<void> {
  mkdirSync(bare);
  await execa('tar', ['--extract', '--strip-components=1', `--file=${archive}`, `--directory=${bare}`]);
  cpSync(join(buildTree, '.config'), join(bare, '.config'));
  for (const goal of ['olddefconfig', 'modules_prepare']) await make(bare, release, [goal]);
}

/** The change of one text in a file of the bare tree. */
async function writePatch(file: string, from: RegExp, to: string): Promise<string> {
  const patch = join(work, `${basename(file)}.patch`);
  const changed = join(work, 'changed');
  writeFileSync(changed, readFileSync(join(bare, file), 'utf8').replace(from, to));
  const labels = ['--label', `a/${file}`, '--label', `b/${file}`];
  const { stdout } = await execa('diff', ['-u', ...labels, join(bare, file), changed], { reject: false });
  writeFileSync(patch, `${stdout}\n`);
  return patch;
}

async function kptool(release: string, words: readonly string[]): Promise<string> {
  const output = mkdtempSync(join(work, 'output-'));
  const options = ['--json', '--kernel', release, '--source-archive', archive, '--output', output, '--cache', cache];
  const run = await execa('node', ['dist/main.js', 'build', ...options, ...words], { stdin: 'ignore', reject: false });
  if (run.exitCode === 0 || run.stdout.includes('"too-many-objects"')) return run.stdout;
  throw new Error(run.stderr);
}

/** What the livepatch of a build was linked from, ready to be linked again. */
async function moduleSource(release: string, buildTree: string, patch: string): Promise<string> {
  const { workFolder } = JSON.parse(await kptool(release, ['--keep', patch])) as { workFolder: string };
  const step = readdirSync(workFolder).find((name) => /^\d+-module$/.test(name));
  if (step === undefined) throw new Error(`no step "module" in ${workFolder}`);
  const made = join(workFolder, step);
  const module = join(work, 'module-source');
  cpSync(made, module, { recursive: true });
  await execa('make', ['-C', buildTree, `M=${module}`, 'clean']);
  // Clean takes these for its own, but they were written beside the object that is shipped: modpost wants to see them.
  for (const name of readdirSync(join(made, 'parts')).filter((part) => /^\.object-\d+\.o\.cmd$/.test(part))) {
    cpSync(join(made, 'parts', name), join(module, 'parts', name));
  }
  return module;
}

async function bareWork(release: string, buildTree: string, patch: string, module: string): Promise<void> {
  const linked = join(work, 'module');
  rmSync(linked, { recursive: true, force: true });
  cpSync(module, linked, { recursive: true });
  rmSync(join(bare, object), { force: true });
  await make(bare, release, [object, sectionFlags]);
  await execa('patch', ['-p1', '--quiet', '--input', patch], { cwd: bare });
  await make(bare, release, [object, sectionFlags]);
  await execa('patch', ['-p1', '--quiet', '--reverse', '--input', patch], { cwd: bare });
  await execa('make', [jobs, '-C', buildTree, `M=${linked}`, 'modules', ...withoutDebug], { stdin: 'ignore' });
}

async function make(tree: string, release: string, words: readonly string[]): Promise<void> {
  await execa('make', ['-C', tree, jobs, `KERNELRELEASE=${release}`, ...words], { stdin: 'ignore' });
}

async function measureScan(): Promise<void> {
  const folder = preparedFolder();
  const record = await readRecord(folder);
  if (record === undefined) throw new Error(`no prepared kernel in ${folder}`);
  const kept = join(work, 'scan');
  const scan = () => scanIncludes({ ...record, tree: treeOf(folder), folder: kept }, 'x86');
  const [first, cached] = await inTurn(() => {
    rmSync(kept, { recursive: true, force: true });
    mkdirSync(kept);
    return scan();
  }, scan);
  say('\nincludes of the whole tree');
  say(`  the first time                               ${inWords(first)}; goal: 10 s`);
  say(`  from the cache                               ${inWords(cached)}; goal: 1 s`);
}

/** What the makefiles say is forgotten before the first. */
async function measureHeader(release: string): Promise<void> {
  const patch = await writePatch(header, /^struct task_struct \{$/m, 'struct kptool_bench;\nstruct task_struct {');
  const [first, again] = await inTurn(
    () => {
      rmSync(join(preparedFolder(), 'owners.json'), { force: true });
      return kptool(release, [patch]);
    },
    () => kptool(release, [patch]),
  );
  say(`\n${header}, refused with the number of objects`);
  say(`  the first time                               ${inWords(first)}`);
  say(`  again                                        ${inWords(again)}`);
}

function preparedFolder(): string {
  const name = readdirSync(join(cache, 'kernels')).find((entry) => !entry.endsWith('.lock'));
  return join(cache, 'kernels', name ?? '');
}
