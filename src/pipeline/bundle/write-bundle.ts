/** What a failed build leaves for those who look at it elsewhere: everything that the failure came from, in one file. */
import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { homedir, hostname, userInfo } from 'node:os';
import path from 'node:path';
import { diagnose, factsOf } from '../../diagnostics/catalogue.js';
import { type Diagnostic, KptoolError } from '../../diagnostics/diagnostic.js';
import { systemMessages } from '../../diagnostics/system-messages.js';
import { readCompileLog } from '../../kbuild/compiler-wrapper.js';
import { MakeRefusal } from '../../kbuild/make-output.js';
import { preprocessedFile } from '../../kbuild/preprocess.js';
import { writeOutputAtomically } from '../../system/files.js';
import { packArchive } from '../../system/tar-archive.js';
import type { WorkFolder } from '../../system/work-folder.js';
import type { BuildStep } from '../build-steps.js';
import type { FinishInput } from '../finish-livepatch.js';
import type { LivepatchSources } from '../link-livepatch.js';
import type { BuildOptions } from '../options.js';
import type { CheckedPatches } from '../patches.js';
import type { Target } from '../target.js';
import { workPlaces } from '../work-places.js';
import { Anonymiser } from './anonymise.js';
import { BundleFiles } from './bundle-files.js';
import { writtenFacts } from './facts.js';
import { rememberBundle } from './last-bundle.js';
import type { ManifestInput } from './manifest.js';
import { bundleComparison, bundleFinish, type ComparisonEvidence } from './step-inputs.js';
import { toolVersions } from './tool-versions.js';

/** What the steps of a build came by, as far as they got. */
export interface Evidence {
  comparison?: ComparisonEvidence;
  sources?: LivepatchSources;
  finish?: FinishInput;
}

export interface BundleScene {
  readonly options: BuildOptions;
  readonly target: Target;
  readonly patches: CheckedPatches;
  readonly work: WorkFolder;
  /** The livepatch's name. */
  readonly name: string;
}

/** Of a log, the last so many characters. */
const longestLog = 1024 * 1024;

/** What a failure leaves: the path of its bundle, or a warning that none could be written. Throws nothing. */
export async function leaveBundle(
  ...[scene, seen, step, error]: Parameters<typeof writeBundle>
): Promise<{ readonly bundle?: string | undefined; readonly warnings: readonly Diagnostic[] }> {
  try {
    return { bundle: await writeBundle(scene, seen, step, error), warnings: [] };
  } catch (problem) {
    // What the build failed for is what matters; that nobody can be sent a bundle of it is told beside it.
    const reason = problem instanceof Error ? problem.message : String(problem);
    return { warnings: [diagnose('bundle-unwritable', { reason })] };
  }
}

/**
 * Writes the bundle of a build that failed in `step` with `error`, and returns its path: in the folder that the options
 * name, or where that cannot be written, in the work folder. `undefined` where none is wanted, and where nothing failed: the
 * user stopped the build. Throws `output-unwritable`, `disk-full` and what reading the files of the build throws.
 */
async function writeBundle(
  scene: BundleScene,
  seen: Evidence,
  step: BuildStep | undefined,
  error: unknown,
): Promise<string | undefined> {
  const { options, work, name } = scene;
  if (options.bundle === undefined || step === undefined || isUsersDoing(error, options)) return undefined;
  const bundle = new BundleFiles(await anonymiserFor(scene));
  const manifest = await gather(scene, seen, { step, error }, bundle);
  const text = `${JSON.stringify(manifest, undefined, 1)}\n`;
  bundle.files.set('manifest.json', Buffer.from(text));
  const archive = await packArchive(bundle.files);
  const fileName = `kptool-failure-${name}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}.tar.gz`;
  const file = await writeSomewhere([options.bundle, work.path], fileName, archive);
  await rememberBundle(options.cache, file);
  return file;
}

/** The user stopped the build, or asked to go on with one that cannot be gone on with: that is no failure to look at. */
const usersDoing = ['interrupted', 'resume-step-missing', 'resume-input-changed'];

function isUsersDoing(error: unknown, { signal }: BuildOptions): boolean {
  if (signal?.aborted) return true;
  return error instanceof KptoolError && error.diagnostics.some(({ code }) => usersDoing.includes(code));
}

async function writeSomewhere(folders: readonly string[], name: string, bytes: Uint8Array): Promise<string> {
  let problem: unknown;
  for (const folder of folders) {
    const file = path.join(folder, name);
    try {
      await writeOutputAtomically(file, bytes);
      return file;
    } catch (error) {
      problem ??= error;
    }
  }
  throw problem;
}

async function gather(
  scene: BundleScene,
  seen: Evidence,
  { step, error }: { readonly step: BuildStep; readonly error: unknown },
  bundle: BundleFiles,
): Promise<ManifestInput> {
  const { options, target, name } = scene;
  const { anonymiser } = bundle;
  const { kernel, compiler } = target;
  const diagnostics = diagnosticsOf(error);
  const compared = seen.comparison && (await bundleComparison(seen.comparison, bundle));
  const finish = seen.finish && bundleFinish(seen.finish, bundle);
  await addSources(scene, bundle);
  await addLogs(scene, bundle);
  addLivepatchSources(seen, bundle);
  if (!(error instanceof KptoolError) && error instanceof Error) bundle.text('logs/stack.txt', error.stack ?? '');
  const config = await readFile(path.join(kernel.buildDirectory, '.config'), 'utf8').catch(() => undefined);
  return {
    schema: 'kptool-bundle/1',
    version: options.invocation.version,
    ...{ name, step },
    diagnostics: diagnostics.map((finding) => ({
      ...anonymiser.value(finding),
      details: anonymiser.value([...finding.details]),
    })),
    facts: diagnostics.map((finding) => anonymiser.value(writtenFacts(factsOf(finding) ?? null))),
    isComputed:
      (step === 'diff' ? compared : step === 'finish' ? finish : undefined) !== undefined && !isOfMachine(error),
    commandLine: anonymiser.value([...options.invocation.words]),
    configuration: anonymiser.value(settingsOf(options)),
    tools: anonymiser.value(await toolVersions(compiler)),
    kernel: {
      release: kernel.release,
      chosenBy: anonymiser.text(kernel.chosenBy),
      ...(config === undefined ? {} : { config: bundle.text('kernel/config', config) }),
    },
    compiler: anonymiser.value([...compiler.command]),
    patches: addPatches(scene.patches, bundle),
    commands: await addCommands(scene, bundle),
    ...(compared === undefined ? {} : { comparison: compared.comparison }),
    ...(finish === undefined ? {} : { finish: finish.finish }),
    exports: { diff: compared?.exports, finish: finish?.exports },
    ...(error instanceof MakeRefusal ? { judged: addJudged(error, bundle) } : {}),
    hashes: hashesOf(bundle.files),
  };
}

/** What the run ended with; a bug reads like a finding with its own text. */
export function diagnosticsOf(error: unknown): Diagnostic[] {
  if (error instanceof KptoolError) return [...error.diagnostics];
  const what = error instanceof Error ? error.message : String(error);
  return [{ code: 'internal-error', severity: 'error', exitStatus: 1, what, why: '', fix: '', details: [] }];
}

/** Full disks, missing programs and their like: what a step computes does not end in them. */
function isOfMachine(error: unknown): boolean {
  return error instanceof KptoolError && error.diagnostics.some((finding) => isFromMachine(finding));
}

/** What a program, a disk or the installed kernel's image answered, and what is in no bundle. */
function isFromMachine(finding: Diagnostic): boolean {
  if (Object.hasOwn(systemMessages, finding.code)) return true;
  const details = factsOf(finding)?.details as { readonly object?: unknown } | undefined;
  return finding.code === 'sealed-address-taken' && details?.object === 'vmlinux';
}

function addPatches({ resolved, contents }: CheckedPatches, bundle: BundleFiles): ManifestInput['patches'] {
  return resolved.map(({ patch, strip, files }, index) => ({
    file: bundle.source(`patches/${index + 1}-${path.basename(patch.fileName)}`, contents[index] ?? new Uint8Array()),
    path: bundle.anonymiser.text(patch.fileName),
    strip,
    files: files.map(({ path: inTree, change }) => [patch.files.indexOf(change), inTree]),
  }));
}

async function addSources({ target, patches, work }: BundleScene, bundle: BundleFiles): Promise<void> {
  const { tree: copy, sources } = workPlaces(work.path);
  // The copy of a kernel is everybody's again; what was of interest has been put aside.
  const sides =
    target.prepared === undefined
      ? { original: target.tree, patched: copy }
      : { original: path.join(sources, 'original'), patched: path.join(sources, 'patched') };
  for (const file of patches.touched) {
    for (const [side, tree] of Object.entries(sides)) {
      const bytes = await readFile(path.join(tree, file)).catch(() => undefined);
      if (bytes !== undefined) bundle.source(`sources/${side}/${file}`, bytes);
    }
  }
}

async function addLogs({ work }: BundleScene, bundle: BundleFiles): Promise<void> {
  const { kbuild, module } = workPlaces(work.path);
  const logs = {
    original: path.join(kbuild, 'original.log'),
    patched: path.join(kbuild, 'patched.log'),
    module: `${module}.log`,
  };
  for (const [name, file] of Object.entries(logs)) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) bundle.text(`logs/${name}.log`, text.slice(-longestLog));
  }
}

function addLivepatchSources({ sources }: Evidence, bundle: BundleFiles): void {
  if (sources === undefined) return;
  bundle.source('module/livepatch.c', Buffer.from(sources.source));
  for (const { fileName, bytes } of sources.objects) bundle.binary(`module/objects/${fileName}`, bytes);
}

async function addCommands({ work, target }: BundleScene, bundle: BundleFiles): Promise<ManifestInput['commands']> {
  const { kbuild, tree: copy, preprocessed } = workPlaces(work.path);
  const tree = target.prepared?.tree ?? copy;
  const commands: ManifestInput['commands'] = [];
  for (const side of ['original', 'patched'] as const) {
    const compiled = await readCompileLog(path.join(kbuild, `compiled-${side}`), tree).catch(() => []);
    for (const { object, source, directory, arguments: words } of compiled) {
      const file = preprocessedFile(path.join(preprocessed, side), object);
      const bytes = await readFile(file).catch(() => undefined);
      const inBundle = bytes === undefined ? undefined : bundle.source(`preprocessed/${side}/${object}.i`, bytes);
      commands.push({
        ...bundle.anonymiser.value({ side, source, object, directory, arguments: [...words] }),
        ...(inBundle === undefined ? {} : { preprocessed: inBundle }),
      });
    }
  }
  return commands;
}

function addJudged({ judged }: MakeRefusal, bundle: BundleFiles): NonNullable<ManifestInput['judged']> {
  const output = bundle.text('logs/judged.txt', judged.output);
  if (judged.kind === 'link') return { kind: 'link', output, log: bundle.anonymiser.text(judged.log) };
  const { side, tree, log, rules, invocation } = judged.failed;
  const { program, arguments: words, directory } = invocation;
  const failed = { side, tree, log, rules: [...rules], invocation: { program, arguments: [...words], directory } };
  return { kind: 'side', output, failed: bundle.anonymiser.value(failed) };
}

/** The options after command line and configuration have been merged, but for what only the run itself needs. */
function settingsOf({ signal: _, invocation: __, rules, ...settings }: BuildOptions): Record<string, unknown> {
  return { ...settings, rules: Object.fromEntries(rules) };
}

function hashesOf(files: ReadonlyMap<string, Buffer>): Record<string, string> {
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([file, bytes]) => [file, createHash('sha256').update(bytes).digest('hex')]));
}

async function anonymiserFor({ options, target, patches, work }: BundleScene): Promise<Anonymiser> {
  const user = currentUser();
  const named = [...options.patches, ...options.modules, ...options.extraSymvers].map((file) => path.dirname(file));
  return new Anonymiser({
    places: [
      [work.path, '<work>'],
      [target.tree, '<tree>'],
      [target.place, '<tree>'],
      // A tree behind a link; make sees where it leads.
      [await realpath(target.tree).catch(() => ''), '<tree>'],
      [target.kernel.buildDirectory, '<kernel>'],
      [options.output, '<output>'],
      [options.cache, '<cache>'],
      [options.invocation.workingDirectory, '<here>'],
      ...named.map((folder) => [folder, '<path>'] as const),
      ...[homedir(), process.env.HOME ?? '', user.homedir].map((home) => [home, '<home>'] as const),
    ],
    names: [
      ...[user.username, process.env.USER, process.env.LOGNAME].map((name) => [name ?? '', '<user>'] as const),
      [hostname(), '<host>'],
    ],
    words: [...new Set(patches.touched.flatMap((file) => file.split(/[/.]/)))],
  });
}

/** In a container the user may have a number and no name. */
function currentUser(): { readonly username: string; readonly homedir: string } {
  try {
    return userInfo();
  } catch {
    return { username: '', homedir: '' };
  }
}
