/**
 * The folder that a kernel's modules are built against (`/lib/modules/RELEASE/build`): whether it is one, is whole, and
 * which kernel it belongs to.
 */
import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { KernelConfig } from './config.js';

/** What kbuild reads before it builds a module for this kernel; without one of them it stops half-way, in its own words. */
export const neededFiles = [
  'Makefile',
  '.config',
  'Module.symvers',
  'include/config/auto.conf',
  'include/generated/autoconf.h',
  'scripts/basic/fixdep',
  'scripts/mod/modpost',
] as const;

/** A part that the configuration makes kbuild use. */
interface ConditionalPart {
  readonly file: string;
  readonly isUsed: (config: KernelConfig) => boolean;
}

const plugin = (name: string, option: string): ConditionalPart => ({
  file: `scripts/gcc-plugins/${name}_plugin.so`,
  isUsed: (config) => config.isOn(option),
});

/**
 * Programs and files that scripts/Makefile.build, Makefile.lib and Makefile.gcc-plugins name under a condition. objtool
 * went by CONFIG_STACK_VALIDATION before CONFIG_OBJTOOL came (v5.19, commit 03f16cd020eb); checksums are genksyms' unless
 * CONFIG_GENDWARFKSYMS says otherwise (v6.14). The seed of a randomised layout is compiled into the plugin for gcc; clang
 * reads its file.
 */
const conditionalParts: readonly ConditionalPart[] = [
  {
    file: 'tools/objtool/objtool',
    isUsed: (config) => config.isOn('CONFIG_OBJTOOL') || config.isOn('CONFIG_STACK_VALIDATION'),
  },
  {
    file: 'scripts/genksyms/genksyms',
    isUsed: (config) => config.isOn('CONFIG_MODVERSIONS') && !config.isOn('CONFIG_GENDWARFKSYMS'),
  },
  {
    file: 'scripts/gendwarfksyms/gendwarfksyms',
    isUsed: (config) => config.isOn('CONFIG_MODVERSIONS') && config.isOn('CONFIG_GENDWARFKSYMS'),
  },
  { file: 'scripts/recordmcount', isUsed: (config) => config.isOn('CONFIG_FTRACE_MCOUNT_USE_RECORDMCOUNT') },
  { file: 'include/generated/randstruct_hash.h', isUsed: (config) => config.isOn('CONFIG_RANDSTRUCT') },
  {
    file: 'scripts/basic/randstruct.seed',
    isUsed: (config) => config.isOn('CONFIG_RANDSTRUCT') && config.isOn('CONFIG_CC_IS_CLANG'),
  },
  plugin('randomize_layout', 'CONFIG_GCC_PLUGIN_RANDSTRUCT'),
  plugin('latent_entropy', 'CONFIG_GCC_PLUGIN_LATENT_ENTROPY'),
  plugin('structleak', 'CONFIG_GCC_PLUGIN_STRUCTLEAK'),
  plugin('stackleak', 'CONFIG_GCC_PLUGIN_STACKLEAK'),
];

const isThere = (file: string) =>
  stat(file).then(
    () => true,
    () => false,
  );

export interface MissingPart {
  /** Relative to the build tree; absolute where it belongs to a tree beside it. */
  readonly file: string;
  /** Debian's package that has it, where the links of the headers say it: `linux-kbuild-6.1`. */
  readonly package: string | undefined;
}

/** What the build tree lacks of what kbuild needs; a tree that has no configuration is not asked for more than the rest. */
export async function missingParts(buildDirectory: string, config?: KernelConfig): Promise<MissingPart[]> {
  const used = config === undefined ? [] : conditionalParts.filter(({ isUsed }) => isUsed(config));
  const files = [...neededFiles, ...used.map(({ file }) => file), ...(await includedMakefiles(buildDirectory))];
  const found = await Promise.all(files.map((file) => isThere(path.resolve(buildDirectory, file))));
  const missing = files.filter((_, index) => found[index] === false);
  return Promise.all(missing.map(async (file) => ({ file, package: await packageOfPart(buildDirectory, file) })));
}

/** Debian's Makefile is one line that includes that of the headers which all flavours share. */
async function includedMakefiles(buildDirectory: string): Promise<string[]> {
  const text = (await readText(path.join(buildDirectory, 'Makefile'))) ?? '';
  return [...text.matchAll(/^include (\/[^\s$]+)$/gm)].map((match) => match[1] ?? '');
}

/** Debian's headers have links to other packages' folders, which are called as the packages are. */
async function packageOfPart(buildDirectory: string, file: string): Promise<string | undefined> {
  const top = path.join(buildDirectory, file.split('/')[0] ?? '');
  const leadsTo = path.isAbsolute(file) ? file : await readlink(top).catch(() => '');
  return /\/(linux-(?:kbuild-[^/]+|headers-[^/]+-common))(?:\/|$)/.exec(leadsTo)?.[1];
}

/**
 * The release of modules that are built there, or `undefined` where it is not said. `UTS_RELEASE` counts, since it is
 * what modules carry: Debian's include/config/kernel.release says 6.1.192 where its modules say 6.1.0-56-amd64.
 */
export async function releaseOfBuildTree(buildDirectory: string): Promise<string | undefined> {
  const header = await readText(path.join(buildDirectory, 'include/generated/utsrelease.h'));
  const release = header === undefined ? undefined : /^#define\s+UTS_RELEASE\s+"([^"]+)"/m.exec(header)?.[1];
  if (release !== undefined) return release;
  const text = await readText(path.join(buildDirectory, 'include/config/kernel.release'));
  return text?.trim() || undefined;
}

async function readText(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}

/**
 * A header of the kernel, of the build tree itself or of the source that it belongs to: Debian's build trees are a
 * makefile that includes that of the source, a build with `O=` leaves a link. `undefined` where it is not found.
 */
export async function findHeader(
  buildDirectory: string,
  header: string,
): Promise<{ readonly path: string; readonly text: string } | undefined> {
  const sources = (await includedMakefiles(buildDirectory)).map((makefile) => path.dirname(makefile));
  for (const folder of [buildDirectory, ...sources, path.join(buildDirectory, 'source')]) {
    const text = await readText(path.join(folder, header));
    if (text !== undefined) return { path: path.join(folder, header), text };
  }
  return undefined;
}

/** Releases below `modulesFolder` whose build tree is there; a link left by removed headers does not count. */
export async function installedReleases(modulesFolder: string): Promise<string[]> {
  const names = await readdir(modulesFolder).catch(() => []);
  const isInstalled = await Promise.all(
    names.map((name) => isThere(path.join(modulesFolder, name, 'build', 'Makefile'))),
  );
  return names.filter((_, index) => isInstalled[index]).sort();
}

/** The build tree without symbolic links on its way, or `undefined` where it is not there or is no folder. */
export async function realBuildDirectory(directory: string): Promise<string | undefined> {
  const real = await realpath(directory).catch(() => undefined);
  if (real === undefined) return undefined;
  return (await stat(real)).isDirectory() ? real : undefined;
}
