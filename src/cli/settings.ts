/** Merges the command line and the configuration into what the pipeline is asked for; the command line wins. */
import { realpathSync } from 'node:fs';
import { availableParallelism, homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { isRule, ruleIds } from '../diagnostics/rules.js';
import { type BuildOptions, type BuildStep, laterSteps, type MakeStep } from '../pipeline/options.js';
import { type RuleLevel, ruleLevels } from '../pipeline/rule-levels.js';
import type { Flags } from './command-line.js';
import type { ConfigFile } from './config.js';
import type { Config } from './config-schema.js';
import { chosenFormat } from './format.js';
import { nearest } from './nearest.js';

export interface Invocation {
  readonly command: string;
  readonly files: readonly string[];
  readonly flags: Flags;
  /** Absolute. */
  readonly workingDirectory: string;
  readonly environment: NodeJS.ProcessEnv;
  /** kptool's own. */
  readonly version: string;
  /** What followed its name. */
  readonly words: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * The options of one build. Throws `usage-two-trees`, and `usage-bad-value` for values that cannot be what the
 * option asks for.
 */
export function buildOptions(invocation: Invocation, found: ConfigFile | undefined): BuildOptions {
  const { flags, workingDirectory, environment } = invocation;
  const isDocument = chosenFormat(flags) === 'json';
  const config = found?.config ?? {};
  const here = (path: string) => resolve(workingDirectory, path);
  const inConfig = (path: string) => resolve(dirname(found?.file ?? workingDirectory), path);
  const source = chooseSource(flags, config, { here, inConfig });
  const vmlinux = pick(flags.one('vmlinux'), here) ?? pick(config.vmlinux, inConfig);
  const given = flags.all('module');
  const extra = flags.all('extra-symvers');
  const buildDirectory = pick(flags.one('build-directory'), here) ?? pick(config.buildDirectory, inConfig);
  const kernel = checkedRelease(flags.one('kernel'));
  const name = checkedName(flags.one('name')) ?? config.name;
  const seconds = checkedNumber('--timeout', flags.one('timeout'), 1_000_000) ?? config.timeout;
  const from = checkedStep(flags.one('from'));
  const configuredBundle = config.bundle === false ? undefined : (pick(config.bundle, inConfig) ?? workingDirectory);
  const bundle = flags.isSet('no-bundle') ? undefined : (pick(flags.one('bundle'), here) ?? configuredBundle);

  return {
    ...source.place,
    ...(vmlinux === undefined ? {} : { vmlinux }),
    patches: invocation.files.map(here),
    modules: given.length > 0 ? given.map(here) : (source.settings.modules ?? []).map(inConfig),
    ...(kernel === undefined ? {} : { kernel }),
    ...(config.kernel === undefined ? {} : { configuredKernel: config.kernel }),
    ...(buildDirectory === undefined ? {} : { buildDirectory }),
    // make takes the last of two assignments to one variable, so the command line wins here too.
    makeArguments: [...(source.settings.makeArguments ?? []), ...flags.all('make-arg').map(checkedAssignment)],
    ...(source.settings.make === undefined ? {} : { makeSteps: source.settings.make.map(makeStep) }),
    extraSymvers: extra.length > 0 ? extra.map(here) : (source.settings.extraSymvers ?? []).map(inConfig),
    extraSymbolsVariable: environment.KBUILD_EXTRA_SYMBOLS ?? '',
    maxObjects: checkedNumber('--max-objects', flags.one('max-objects'), 999_999) ?? config.maxObjects ?? 200,
    jobs: checkedNumber('--jobs', flags.one('jobs'), 4096) ?? config.jobs ?? availableParallelism(),
    ...(seconds === undefined ? {} : { timeout: seconds * 1000 }),
    ...(from === undefined ? {} : { from }),
    ...(config.lookup === undefined ? {} : { names: namePatterns(config.lookup) }),
    ...(name === undefined ? {} : { name }),
    output: pick(flags.one('output'), here) ?? pick(config.output, inConfig) ?? workingDirectory,
    replace: negated(flags.isSet('non-replace')) ?? config.replace ?? true,
    skipCompilerCheck: flags.isSet('skip-compiler-check') ?? config.skipCompilerCheck ?? false,
    skipTargetCheck: flags.isSet('skip-target-check') ?? config.skipTargetCheck ?? false,
    rules: new Map([...configuredRules(config), ...flags.all('rule').map(checkedRule)]),
    keep: flags.isSet('keep') ?? false,
    ...(bundle === undefined ? {} : { bundle }),
    bundleFull: flags.isSet('bundle-full') ?? false,
    debug: flags.isSet('debug') ?? false,
    // The document always tells; finding out takes a moment, so that people ask for it.
    explain: (flags.isSet('explain') ?? false) || isDocument,
    explainLookup: (flags.isSet('explain-lookup') ?? false) || isDocument,
    dryRun: invocation.command === 'check' || (flags.isSet('dry-run') ?? false),
    cache: pick(flags.one('cache'), here) ?? pick(config.cache, inConfig) ?? defaultCache(environment),
    invocation: { version: invocation.version, words: invocation.words, workingDirectory },
    signal: invocation.signal,
  };
}

/**
 * What a command without patches has to know of the machine: the settings that do not hang on a tree, and those of the
 * configuration's own tree. Throws `usage-bad-value`.
 */
export function machineSettings(
  { flags, workingDirectory, environment }: Pick<Invocation, 'flags' | 'workingDirectory' | 'environment'>,
  found: ConfigFile | undefined,
): Pick<BuildOptions, 'kernel' | 'configuredKernel' | 'buildDirectory' | 'makeArguments' | 'cache'> {
  const config = found?.config ?? {};
  const here = (path: string) => resolve(workingDirectory, path);
  const inConfig = (path: string) => resolve(dirname(found?.file ?? workingDirectory), path);
  const buildDirectory = pick(flags.one('build-directory'), here) ?? pick(config.buildDirectory, inConfig);
  const kernel = checkedRelease(flags.one('kernel'));
  return {
    ...(kernel === undefined ? {} : { kernel }),
    ...(config.kernel === undefined ? {} : { configuredKernel: config.kernel }),
    ...(buildDirectory === undefined ? {} : { buildDirectory }),
    // make takes the last of two assignments to one variable, so the command line wins here too.
    makeArguments: [...(config.oot?.makeArguments ?? []), ...flags.all('make-arg').map(checkedAssignment)],
    cache: pick(flags.one('cache'), here) ?? pick(config.cache, inConfig) ?? defaultCache(environment),
  };
}

/** The same, with where the kernel's source and symbols are. Throws `usage-bad-value` and `usage-two-trees`. */
export function kernelSettings(
  invocation: Pick<Invocation, 'flags' | 'workingDirectory' | 'environment'>,
  found: ConfigFile | undefined,
): ReturnType<typeof machineSettings> & Pick<BuildOptions, 'vmlinux' | 'kernelSource'> {
  const { flags, workingDirectory } = invocation;
  const config = found?.config ?? {};
  const here = (path: string) => resolve(workingDirectory, path);
  const inConfig = (path: string) => resolve(dirname(found?.file ?? workingDirectory), path);
  const { place, settings } = chooseSource(flags, config, { here, inConfig });
  const vmlinux = pick(flags.one('vmlinux'), here) ?? pick(config.vmlinux, inConfig);
  return {
    ...machineSettings(invocation, found),
    // As a build of that source has them: they decide which prepared kernel it takes.
    makeArguments: [...(settings.makeArguments ?? []), ...flags.all('make-arg').map(checkedAssignment)],
    kernelSource: place.kernelSource ?? {},
    ...(vmlinux === undefined ? {} : { vmlinux }),
  };
}

/** `$XDG_CACHE_HOME/kptool`, else `~/.cache/kptool`; the XDG base directory specification ignores relative paths. */
export function defaultCache(environment: NodeJS.ProcessEnv): string {
  const folder = environment.XDG_CACHE_HOME ?? '';
  return join(isAbsolute(folder) ? folder : join(homedir(), '.cache'), 'kptool');
}

type OotSettings = NonNullable<Config['oot']>;

/** How paths are made absolute. */
interface Places {
  readonly here: (path: string) => string;
  readonly inConfig: (path: string) => string;
}

interface ChosenSource {
  readonly place: Pick<BuildOptions, 'oot' | 'kernelSource'>;
  readonly settings: OotSettings;
}

/**
 * What is patched: the tree of out-of-tree modules, or the kernel, where no such tree is named. The command line decides before
 * the configuration, and there oot.dir before sourcedir.
 */
function chooseSource(flags: Flags, config: Config, places: Places): ChosenSource {
  const { here, inConfig } = places;
  const [first, second] = (['oot', 'sourcedir', 'source-archive'] as const).filter(
    (name) => flags.one(name) !== undefined,
  );
  if (first !== undefined && second !== undefined) {
    fail('usage-two-trees', { first: `--${first}`, second: `--${second}` });
  }
  const folder = pick(flags.one('sourcedir'), here);
  const archive = pick(flags.one('source-archive'), here);
  if (folder !== undefined) return { place: { kernelSource: { folder } }, settings: {} };
  if (archive !== undefined) return { place: { kernelSource: { archive } }, settings: {} };
  const oot = chooseTree(flags.one('oot'), config, places);
  if (oot !== undefined) return oot;
  const kernelSource = {
    ...(config.sourcedir === undefined ? {} : { folder: inConfig(config.sourcedir) }),
    ...(config.sourceArchive === undefined ? {} : { archive: inConfig(config.sourceArchive) }),
  };
  return { place: { kernelSource }, settings: config.oot ?? {} };
}

/**
 * The tree, if there is one, and the settings that hold for it: what the configuration says of its own tree (how it is made,
 * which modules run) would be wrong for another one that --oot names.
 */
function chooseTree(flag: string | undefined, config: Config, { here, inConfig }: Places): ChosenSource | undefined {
  const settings = config.oot ?? {};
  const configured = pick(settings.dir, inConfig);
  const directory = pick(flag, here) ?? configured;
  if (directory === undefined) return undefined;
  const isSame = configured === undefined || realPath(configured) === realPath(directory);
  return { place: { oot: directory }, settings: isSame ? settings : {} };
}

/** Without symbolic links; a path that leads nowhere stands for itself. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function makeStep(step: NonNullable<OotSettings['make']>[number]): MakeStep {
  const directory = step.directory ?? '.';
  if (step.command !== undefined) return { kind: 'command', directory, command: step.command };
  return { kind: 'make', directory, arguments: step.arguments ?? [] };
}

function namePatterns({ driftingNames = [], companionNames = [] }: NonNullable<Config['lookup']>) {
  return { drifting: driftingNames, companions: companionNames };
}

function pick(path: string | undefined, toAbsolute: (path: string) => string): string | undefined {
  return path === undefined ? undefined : toAbsolute(path);
}

function negated(value: boolean | undefined): boolean | undefined {
  return value === undefined ? undefined : !value;
}

function checkedNumber(option: string, value: string | undefined, most: number): number | undefined {
  if (value === undefined) return undefined;
  const number = /^\d{1,7}$/.test(value) ? Number(value) : 0;
  if (number >= 1 && number <= most) return number;
  fail('usage-bad-value', { option, value, expected: `a whole number from 1 to ${most}` });
}

function checkedStep(value: string | undefined): BuildStep | undefined {
  if (value === undefined) return undefined;
  const step = laterSteps.find((candidate) => candidate === value);
  return step ?? fail('usage-bad-value', { option: '--from', value, expected: `one of ${laterSteps.join(', ')}` });
}

function checkedRelease(value: string | undefined): string | undefined {
  if (value === undefined || /^[A-Za-z0-9][A-Za-z0-9._+~-]*$/.test(value)) return value;
  fail('usage-bad-value', { option: '--kernel', value, expected: 'a kernel release, as `uname -r` prints it' });
}

function checkedName(value: string | undefined): string | undefined {
  if (value === undefined || /^[A-Za-z0-9_-]{1,55}$/.test(value)) return value;
  const expected = 'a name of 1 to 55 letters, digits, dashes and underscores';
  fail('usage-bad-value', { option: '--name', value, expected });
}

function checkedAssignment(value: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*=/.test(value)) return value;
  fail('usage-bad-value', { option: '--make-arg', value, expected: 'an assignment VAR=VALUE' });
}

function configuredRules({ rules = {} }: Config): [string, RuleLevel][] {
  return Object.entries(rules).flatMap(([id, level]) => (level === undefined ? [] : [[id, level]]));
}

function checkedRule(value: string): [string, RuleLevel] {
  const [id = '', given] = value.split('=', 2);
  const level = ruleLevels.find((candidate) => candidate === given);
  if (isRule(id) && level !== undefined) return [id, level];
  if (!isRule(id)) fail('usage-unknown-rule', { rule: id, nearest: nearest(id, ruleIds), known: ruleIds });
  const expected = ruleLevels.map((each) => `${id}=${each}`).join(' or ');
  fail('usage-bad-value', { option: '--rule', value, expected });
}
