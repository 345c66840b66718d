/**
 * Which kernel is patched: the release, how it was chosen, and the build tree that its modules are built against. Every
 * later stage works from what is decided here.
 */
import { readFile } from 'node:fs/promises';
import { release as runningRelease } from 'node:os';
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { howToInstallKernel, howToReinstallKernel } from '../system/packages.js';
import { architectureOf, type KernelArchitecture, machineName } from './architectures.js';
import { compilerOfConfig, type KernelCompiler } from './compiler.js';
import { type KernelConfig, parseKernelConfig } from './config.js';
import { findHeader, installedReleases, missingParts, realBuildDirectory, releaseOfBuildTree } from './headers.js';
import { missingOptions } from './livepatch-options.js';
import type { ModuleFile } from './module-file.js';

export interface TargetKernel {
  /** As `uname -r` says it on the machine that runs the kernel. */
  readonly release: string;
  /** In words, for the user: `the vermagic of ib_mad.ko`. */
  readonly chosenBy: string;
  /** Absolute, without symbolic links: what `make -C` gets. */
  readonly buildDirectory: string;
  readonly config: KernelConfig;
  /** Absolute path of `Module.symvers`. */
  readonly symversPath: string;
  readonly architecture: KernelArchitecture;
  /** What the kernel itself was built with. */
  readonly compiler: KernelCompiler;
}

export interface KernelQuestion {
  /** `--kernel` */
  readonly requested?: string | undefined;
  /** `kernel` of the configuration. */
  readonly configured?: string | undefined;
  /** The build tree, where it is not `/lib/modules/RELEASE/build`. */
  readonly buildDirectory?: string | undefined;
  /** The target modules as they run. */
  readonly modules: readonly ModuleFile[];
  /** Where installed kernels lie; `/lib/modules` unless a test says otherwise. */
  readonly modulesFolder?: string;
  /** The release that runs on this machine; asked from the system unless a test says otherwise. */
  readonly running?: string;
}

export interface Choice {
  readonly release: string;
  readonly chosenBy: string;
}

/**
 * Decides the target kernel. The first that is there counts: `requested`, `configured`, the version magic of the
 * modules, the release of a given build tree, the running kernel if its headers are installed, the only headers
 * installed. Throws `kernel-modules-disagree`, `kernel-ambiguous`, `kernel-headers-missing`, `kernel-headers-incomplete`,
 * `kernel-headers-other-release`, `kernel-no-livepatch`, `kernel-livepatch-too-old`, `kernel-architecture-unknown`, `module-other-kernel` and
 * `module-wrong-machine`.
 */
export async function resolveKernel(question: KernelQuestion): Promise<TargetKernel> {
  const modulesFolder = question.modulesFolder ?? '/lib/modules';
  const choice = await chooseRelease(question, modulesFolder);
  const wanted = question.buildDirectory ?? path.join(modulesFolder, choice.release, 'build');
  const isPlainName = !choice.release.includes('/') && !choice.release.startsWith('.');
  const buildDirectory = isPlainName ? await realBuildDirectory(wanted) : undefined;
  if (buildDirectory === undefined) {
    const installed = await installedReleases(modulesFolder);
    const install = howToInstallKernel('headers', choice.release);
    fail('kernel-headers-missing', { ...choice, directory: wanted, installed, install });
  }
  const config = await checkHeaders(buildDirectory, choice);
  await checkLivepatching(buildDirectory, choice.release, config);
  const architecture = architectureOf(config);
  if (architecture === undefined) fail('kernel-architecture-unknown', { release: choice.release, buildDirectory });
  for (const module of question.modules) checkModule(module, choice, architecture);
  return {
    ...choice,
    buildDirectory,
    config,
    symversPath: path.join(buildDirectory, 'Module.symvers'),
    architecture,
    compiler: compilerOfConfig(config),
  };
}

/**
 * The release that `resolveKernel` would take, whether or not it can be built for. Throws `kernel-modules-disagree`,
 * `kernel-ambiguous` and, where no headers are installed at all, `kernel-headers-missing`.
 */
export async function chooseRelease(question: KernelQuestion, modulesFolder = '/lib/modules'): Promise<Choice> {
  if (question.requested !== undefined) return { release: question.requested, chosenBy: 'the option --kernel' };
  if (question.configured !== undefined)
    return { release: question.configured, chosenBy: 'kernel in the configuration' };
  const [module] = question.modules;
  if (module !== undefined) {
    const other = question.modules.find((candidate) => candidate.release !== module.release);
    if (other !== undefined) fail('kernel-modules-disagree', { modules: question.modules.map(namedRelease) });
    return { release: module.release, chosenBy: `the vermagic of ${path.basename(module.path)}` };
  }
  if (question.buildDirectory !== undefined) {
    const release = await releaseOfBuildTree(question.buildDirectory);
    if (release !== undefined) return { release, chosenBy: `the build tree ${question.buildDirectory}` };
  }
  const installed = await installedReleases(modulesFolder);
  const running = question.running ?? runningRelease();
  if (installed.includes(running)) return { release: running, chosenBy: 'the running kernel' };
  const [only] = installed;
  if (only === undefined) {
    const directory = path.join(modulesFolder, running, 'build');
    const install = howToInstallKernel('headers', running);
    fail('kernel-headers-missing', { release: running, chosenBy: 'the running kernel', directory, installed, install });
  }
  if (installed.length > 1) fail('kernel-ambiguous', { running, installed });
  return { release: only, chosenBy: 'the only kernel headers installed' };
}

const namedRelease = ({ path: file, release }: ModuleFile) => ({ file, release });

/** The configuration of headers that are whole and those of the release. */
async function checkHeaders(buildDirectory: string, { release, chosenBy }: Choice): Promise<KernelConfig> {
  const text = await readFile(path.join(buildDirectory, '.config'), 'utf8').catch(() => undefined);
  const config = text === undefined ? undefined : parseKernelConfig(text);
  const [parts, found] = await Promise.all([missingParts(buildDirectory, config), releaseOfBuildTree(buildDirectory)]);
  const unnamed = found === undefined ? [{ file: 'include/generated/utsrelease.h', package: undefined }] : [];
  const missing = [...parts, ...unnamed];
  if (missing.length > 0 || config === undefined) {
    const install = howToReinstallKernel(release, missing);
    fail('kernel-headers-incomplete', { release, buildDirectory, missing, install });
  }
  if (found !== undefined && found !== release) {
    const install = howToInstallKernel('headers', release);
    fail('kernel-headers-other-release', { release, chosenBy, buildDirectory, found, install });
  }
  return config;
}

async function checkLivepatching(buildDirectory: string, release: string, config: KernelConfig): Promise<void> {
  const missing = missingOptions(config);
  if (missing.length > 0) fail('kernel-no-livepatch', { release, buildDirectory, missing });
  const header = await findHeader(buildDirectory, 'include/linux/livepatch.h');
  // Since Linux commit e1452b607c48; a header that is not found says nothing.
  if (header !== undefined && !/\bbool\s+replace\b/.test(header.text)) {
    fail('kernel-livepatch-too-old', { release, header: header.path });
  }
}

/** A livepatch fits one kernel and its modules. A module of another kernel has other code under the same names. */
function checkModule(module: ModuleFile, { release, chosenBy }: Choice, architecture: KernelArchitecture): void {
  if (module.image.format.machine !== architecture.machine) {
    const found = machineName(module.image.format.machine);
    fail('module-wrong-machine', { file: module.path, found, release, expected: architecture.name });
  }
  if (module.release !== release) {
    fail('module-other-kernel', { file: module.path, found: module.release, release, chosenBy });
  }
}
