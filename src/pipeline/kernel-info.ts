/** `kptool kernel info`: what is known of one kernel as a target, and where each fact comes from. */
import path from 'node:path';
import { findPreparedTree } from '../kbuild/kept-kernels.js';
import { cachedEntrySizes } from '../kernel/entry-sizes.js';
import { checkSourceVersion, findKernelSource, versionOfTree } from '../kernel/kernel-source.js';
import { describeOptions } from '../kernel/livepatch-options.js';
import { type Choice, chooseRelease, type TargetKernel } from '../kernel/resolve.js';
import { findKernelSymbols } from '../kernel/vmlinux-symbols.js';
import type { DoctorOptions } from './doctor.js';
import { type Fact, factOf } from './facts.js';
import { answerOrFindings, type ExaminedKernel, examineKernel, sourceFact } from './kernel-facts.js';
import { readKernelSymvers } from './known-exports.js';
import type { BuildOptions } from './options.js';

export interface KernelInfoOptions extends DoctorOptions, Pick<BuildOptions, 'vmlinux' | 'kernelSource'> {}

export interface SourcedFact extends Fact {
  /** The file, the folder, or the option that says so; `undefined` where the text has it. */
  readonly from?: string | undefined;
}

export interface KernelInfo {
  readonly chosen: Choice;
  /** A build could tell the target: its headers are whole, and it loads livepatches. */
  readonly isKnown: boolean;
  readonly facts: readonly SourcedFact[];
}

/**
 * Only reads, and runs compilers with `--version` and `-dumpmachine`. A boot image is not unpacked. Throws
 * `kernel-ambiguous`, `kernel-headers-missing` where there are none of any kernel, and `interrupted`.
 */
export async function describeKernel(options: KernelInfoOptions): Promise<KernelInfo> {
  const { kernel: requested, configuredKernel: configured, buildDirectory, places = {} } = options;
  const { modulesFolder = '/lib/modules', sourceFolder, root, running } = places;
  const chosen = await chooseRelease(
    { requested, configured, buildDirectory, modules: [], ...(running === undefined ? {} : { running }) },
    modulesFolder,
  );
  const { release } = chosen;
  const { makeArguments, cache, signal } = options;
  const question = { release, buildDirectory, makeArguments, modulesFolder, sourceFolder, root, cache, signal };
  const examined = await examineKernel(question);
  const { kernel } = examined;
  const wanted = buildDirectory ?? path.join(modulesFolder, release, 'build');
  const facts = examined.facts.map((fact) => ({ ...fact, from: originOf(fact, wanted, kernel) }));
  const first: SourcedFact = { subject: 'release', state: 'found', text: release, from: chosen.chosenBy };
  if (kernel === undefined) return { chosen, isKnown: false, facts: [first, ...facts] };
  const [tree, symvers, symbols, source, sizes] = await Promise.all([
    treeFacts(kernel),
    symversFact(kernel),
    symbolsFact(kernel, options),
    sourceFacts(kernel, examined, options),
    sizesFact(kernel, examined, options),
  ]);
  const [headers, ...others] = facts;
  const all = [first, headers, ...tree, ...others, symvers, symbols, ...source, sizes];
  return { chosen, isKnown: true, facts: all.filter((fact) => fact !== undefined) };
}

/** The facts that doctor tells too say the place themselves, but for those that the configuration decides. */
function originOf({ subject }: Fact, wanted: string, kernel: TargetKernel | undefined): string | undefined {
  if (subject === 'headers') return wanted;
  const isConfigured = ['livepatching', 'signatures', 'IBT'].includes(subject);
  return kernel !== undefined && isConfigured ? configurationOf(kernel) : undefined;
}

const configurationOf = ({ buildDirectory }: TargetKernel) => path.join(buildDirectory, '.config');

/** What the build tree and its configuration say of the kernel. */
async function treeFacts(kernel: TargetKernel): Promise<SourcedFact[]> {
  const { buildDirectory, config, compiler, architecture } = kernel;
  const version = await versionOfTree(buildDirectory);
  const from = configurationOf(kernel);
  const state = 'found';
  return [
    ...(version === undefined
      ? []
      : [{ subject: 'version', state, text: version, from: path.join(buildDirectory, 'Makefile') } as const]),
    { subject: 'CPU', state, text: architecture.name, from },
    {
      ...{ subject: 'built with', state, from },
      text: compiler.versionText || `${compiler.program}; it does not say which version`,
    },
    ...describeOptions(config).map(({ subject, text }) => ({ subject, state, text, from }) as const),
  ];
}

async function symversFact({ symversPath }: TargetKernel): Promise<SourcedFact> {
  const subject = 'exports';
  const read = await answerOrFindings(() => readKernelSymvers(symversPath));
  if ('findings' in read) return firstOf(subject, read.findings);
  const { entries } = read.answer;
  const ofKernel = entries.filter(({ moduleName }) => moduleName === 'vmlinux').length;
  return {
    subject,
    state: 'found',
    text: `${entries.length} symbols, ${ofKernel} of them vmlinux’s`,
    from: symversPath,
  };
}

/** Out-of-tree modules need none of the kernel's own. */
async function symbolsFact(
  kernel: TargetKernel,
  { vmlinux: given, cache, places = {} }: KernelInfoOptions,
): Promise<SourcedFact> {
  const subject = 'symbols';
  const { root } = places;
  const found = await answerOrFindings(() =>
    findKernelSymbols({ ...kernel, given, cache, ...(root === undefined ? {} : { root }) }),
  );
  if ('findings' in found)
    return { ...firstOf(subject, found.findings), state: given === undefined ? 'absent' : 'missing' };
  const { file, kind, image, map } = found.answer;
  const ofImage = image?.symbols.filter(({ name, section }) => name !== '' && typeof section !== 'string');
  const count = ofImage?.length ?? map?.trimEnd().split('\n').length;
  const amount = count === undefined ? 'not unpacked yet, the first build that needs them does' : `${count} symbols`;
  return { subject, state: 'found', text: `${kind}, ${amount}`, from: file };
}

/** The source, whether it is the kernel's, and whether it is prepared. Out-of-tree modules need none. */
async function sourceFacts(
  kernel: TargetKernel,
  { compiler }: ExaminedKernel,
  { kernelSource = {}, cache, makeArguments, places = {} }: KernelInfoOptions,
): Promise<SourcedFact[]> {
  const { sourceFolder: packages } = places;
  const isNamed = Object.keys(kernelSource).length > 0;
  const found = await answerOrFindings(() =>
    findKernelSource({
      ...kernelSource,
      release: kernel.release,
      cache,
      ...(packages === undefined ? {} : { packages }),
    }),
  );
  if ('findings' in found) {
    return [
      isNamed
        ? firstOf('source', found.findings)
        : { ...(await sourceFact(kernel.release, cache, packages)), subject: 'source' },
    ];
  }
  const source = found.answer;
  const prepared =
    compiler === undefined ? undefined : await findPreparedTree(cache, { source, kernel, compiler, makeArguments });
  const tree = source.kind === 'folder' ? source.path : prepared;
  const version = tree === undefined ? undefined : await versionOfTree(tree);
  const differing = tree === undefined ? undefined : await checkSourceVersion({ ...kernel, tree, source: source.path });
  const known = source.version ?? version;
  const text = `${source.path}, ${known ?? 'not unpacked yet, so that its version is not known'}`;
  return [
    differing === undefined
      ? { subject: 'source', state: 'found', text, from: source.chosenBy }
      : { ...factOf('source', differing), state: 'note', from: source.chosenBy },
    prepared === undefined
      ? {
          subject: 'prepared source',
          state: 'absent',
          text: notCached(compiler, 'the first build from it prepares it'),
          from: cache,
        }
      : { subject: 'prepared source', state: 'found', text: 'kept', from: prepared },
  ];
}

/** What is kept is kept for one compiler. */
function notCached(compiler: ExaminedKernel['compiler'], what: string): string {
  return compiler === undefined ? 'not known before the compiler is' : `not in the cache; ${what}`;
}

/** What the compiler said of the entries of special sections, to an earlier run. */
async function sizesFact(
  kernel: TargetKernel,
  { compiler }: ExaminedKernel,
  { cache }: KernelInfoOptions,
): Promise<SourcedFact> {
  const subject = 'entry sizes';
  const sizes = compiler === undefined ? undefined : await cachedEntrySizes({ kernel, compiler, cache });
  if (sizes === undefined) {
    return { subject, state: 'absent', text: notCached(compiler, 'the first build asks the compiler'), from: cache };
  }
  const text = Object.entries(sizes).map(([name, size]) => `${name.replace(/_STRUCT_SIZE$/, '')} ${size}`);
  return { subject, state: 'found', text: text.join(', '), from: cache };
}

function firstOf(subject: string, [finding]: readonly Parameters<typeof factOf>[1][]): SourcedFact {
  if (finding === undefined) throw new RangeError(`a refusal of ${subject} without a finding`);
  return factOf(subject, finding);
}
