/**
 * The folder that a kernel's modules are built against (`/lib/modules/RELEASE/build`): whether it is one, is whole, and
 * which kernel it belongs to.
 */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';

/** What kbuild reads before it builds a module for this kernel; without one of them it stops half-way, in its own words. */
export const neededFiles = [
  'Makefile',
  '.config',
  'Module.symvers',
  'include/config/auto.conf',
  'include/generated/autoconf.h',
  'scripts/mod/modpost',
] as const;

const isThere = (file: string) =>
  stat(file).then(
    () => true,
    () => false,
  );

/** The needed files that the build tree lacks. */
export async function missingFiles(buildDirectory: string): Promise<string[]> {
  const found = await Promise.all(neededFiles.map((file) => isThere(path.join(buildDirectory, file))));
  return neededFiles.filter((_, index) => found[index] === false);
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
