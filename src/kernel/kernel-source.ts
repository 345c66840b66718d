/**
 * Where the kernel's source is: a folder or an archive that the user names, what `kptool kernel fetch` got for this kernel, or
 * the distribution's source package where it is installed. All are only read.
 */
import { readFile, readlink, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { diagnose, fail } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { readingError } from '../system/system-error.js';
import { fetchedFor } from './fetched-source.js';
import { installedSource } from './source-package.js';

export interface KernelSource {
  readonly kind: 'folder' | 'archive';
  /** Absolute, without symbolic links. */
  readonly path: string;
  /** In words: `--sourcedir`, `the package linux-source-6.1`. */
  readonly chosenBy: string;
  /** Of a package whose version is known: `6.1.192-2`. */
  readonly version?: string;
}

export interface KernelSourceQuestion {
  readonly release: string;
  /** `--sourcedir`: the source, or a folder that `make O=` built in. */
  readonly folder?: string | undefined;
  /** `--source-archive`. */
  readonly archive?: string | undefined;
  /** Where source packages lie; `/usr/src` unless a test says otherwise. */
  readonly packages?: string;
  /** kptool's folder, which holds what was fetched. */
  readonly cache: string;
}

/**
 * Throws `kernel-source-missing` where none is named, fetched or installed, `kernel-source-unusable` for a folder that holds no
 * kernel, and `input-*` for a path that is not there.
 */
export async function findKernelSource(question: KernelSourceQuestion): Promise<KernelSource> {
  const { folder, archive, release, packages = '/usr/src' } = question;
  if (folder !== undefined) {
    return { kind: 'folder', path: await sourceFolder(await real(folder)), chosenBy: '--sourcedir' };
  }
  if (archive !== undefined) return { kind: 'archive', path: await real(archive), chosenBy: '--source-archive' };
  // Fetched for this very kernel, in the version that it was built from; of what is installed the version is not known.
  const fetched = await fetchedFor(question.cache, release);
  if (fetched !== undefined) {
    const { path: place, version } = fetched;
    return { kind: 'archive', path: place, chosenBy: `the package ${fetched.package}, fetched`, version };
  }
  const found = await installedSource(release, packages);
  if (found === undefined) fail('kernel-source-missing', { release, series: seriesOf(release), folder: packages });
  const chosenBy = `the package ${path.basename(found).replace(/\.tar\.\w+$/, '')}`;
  const place = await real(found);
  const kind = (await stat(place)).isDirectory() ? 'folder' : 'archive';
  return { kind, path: kind === 'folder' ? await sourceFolder(place) : place, chosenBy };
}

async function real(file: string): Promise<string> {
  return realpath(file).catch((error: unknown) => {
    throw readingError(error, file);
  });
}

/** `6.1` of `6.1.0-56-amd64`. */
export function seriesOf(release: string): string {
  return /^\d+\.\d+/.exec(release)?.[0] ?? release;
}

/**
 * The source that a folder stands for: itself, or what `make O=` left a word of, the link `source`, or a Makefile that
 * includes the source's (`include /usr/src/linux/Makefile`, Documentation: top Makefile, outputmakefile).
 */
async function sourceFolder(folder: string): Promise<string> {
  const candidates = [folder];
  const link = await readlink(path.join(folder, 'source')).catch(() => undefined);
  if (link !== undefined) candidates.push(path.resolve(folder, link));
  const makefile = await readFile(path.join(folder, 'Makefile'), 'utf8').catch(() => '');
  const included = /^include\s+(\/\S+|\.\.\S*)\/Makefile\s*$/m.exec(makefile)?.[1];
  if (included !== undefined) candidates.push(path.resolve(folder, included));
  for (const candidate of candidates) {
    if (await isKernelSource(candidate)) return realpath(candidate);
  }
  return fail('kernel-source-unusable', {
    path: folder,
    reason: 'it has no Kbuild, Kconfig and scripts/Makefile.build',
  });
}

async function isKernelSource(folder: string): Promise<boolean> {
  const needed = ['Kbuild', 'Kconfig', 'scripts/Makefile.build', 'init/main.c'];
  const found = await Promise.all(
    needed.map((name) =>
      stat(path.join(folder, name)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.every((isThere) => isThere);
}

/**
 * `6.1.192`, as the top Makefile of a source or of headers says; headers may include that of the source (`include
 * /usr/src/linux-headers-6.1.0-56-common/Makefile`). `undefined` where it does not say.
 */
export async function versionOfTree(tree: string): Promise<string | undefined> {
  const text = await readFile(path.join(tree, 'Makefile'), 'utf8').catch(() => '');
  const number = (name: string) => new RegExp(`^${name}\\s*=\\s*(\\d+)`, 'm').exec(text)?.[1];
  const numbers = ['VERSION', 'PATCHLEVEL', 'SUBLEVEL'].map(number);
  if (numbers.every((found) => found !== undefined)) return numbers.join('.');
  const included = /^include\s+(\S+)\/Makefile\s*$/m.exec(text)?.[1];
  return included === undefined ? undefined : versionOfTree(path.resolve(tree, included));
}

/**
 * The finding `kernel-source-differs` where the tree is the source of another version than the build tree's: the stable series
 * changes functions and structures, under one release (`6.1.0-56-amd64`) or another.
 */
export async function checkSourceVersion({
  tree,
  source,
  buildDirectory,
  release,
}: {
  readonly tree: string;
  /** What the user knows the tree by. */
  readonly source: string;
  readonly buildDirectory: string;
  readonly release: string;
}): Promise<Diagnostic | undefined> {
  const [found, expected] = await Promise.all([versionOfTree(tree), versionOfTree(buildDirectory)]);
  if (found === undefined || expected === undefined || found === expected) return undefined;
  return diagnose('kernel-source-differs', { source, found, expected, release });
}
