/**
 * Sources that `kptool kernel fetch` keeps in the cache: an archive each, `linux-source-6.1_6.1.192-2.tar.xz`, and for each
 * kernel that was fetched for a link of its release to the archive. Kernels of one version share it (`-amd64`, `-cloud-amd64`).
 */
import { open, readdir, readlink, realpath, rename, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { isLocked } from '../system/lock.js';
import { writingError } from '../system/system-error.js';

export interface PackageVersion {
  readonly package: string;
  readonly version: string;
}

export interface FetchedSource extends PackageVersion {
  /** Absolute path of the archive, without symbolic links. */
  readonly path: string;
}

export const fetchedFolder = (cache: string) => path.join(cache, 'sources');
/** Held by whoever fetches. */
export const fetchLock = (cache: string) => path.join(fetchedFolder(cache), 'lock');
/** What the folders begin with that packages are downloaded to; one that is left was a killed run's. */
export const fetchPrefix = '.fetch-';

const archiveName = /^(?<package>[a-z0-9.+-]+)_(?<version>[A-Za-z0-9.+~%-]+?)\.tar\.\w+$/;

/** Where the archive of a package lies or will lie; `suffix` is `.tar.xz` or the like. */
export function fetchedPath(cache: string, wanted: PackageVersion, suffix: string): string {
  // As in the names of Debian's packages: the colon of an epoch means another machine to tar.
  const version = wanted.version.replaceAll(':', '%3a');
  return path.join(fetchedFolder(cache), `${wanted.package}_${version}${suffix}`);
}

function parseArchiveName(file: string): PackageVersion | undefined {
  const { package: name, version } = archiveName.exec(path.basename(file))?.groups ?? {};
  return name === undefined || version === undefined
    ? undefined
    : { package: name, version: version.replaceAll('%3a', ':') };
}

/** What was fetched for the kernel `release`; `undefined` where nothing was, or it is gone. Throws nothing. */
export async function fetchedFor(cache: string, release: string): Promise<FetchedSource | undefined> {
  if (!isPlainRelease(release)) return undefined;
  const archive = await realpath(path.join(fetchedFolder(cache), release)).catch(() => undefined);
  const known = archive === undefined ? undefined : parseArchiveName(archive);
  return archive === undefined || known === undefined ? undefined : { ...known, path: archive };
}

/** The archive of that package in the cache, for whichever kernel it was fetched. Throws nothing. */
export async function findFetched(cache: string, wanted: PackageVersion): Promise<FetchedSource | undefined> {
  for (const { path: file } of await listFetched(cache)) {
    const known = parseArchiveName(file);
    if (known?.package === wanted.package && known.version === wanted.version) return { ...wanted, path: file };
  }
  return undefined;
}

/** A release that can be the name of a link beside archives and the lock. */
export function isPlainRelease(release: string): boolean {
  return /^\d[A-Za-z0-9._+~-]*$/.test(release) && !archiveName.test(release);
}

/** Makes `archive`, which lies in the folder of fetched sources, the source of `release`. Throws `output-unwritable`, `disk-full`. */
export async function useFetched(cache: string, release: string, archive: string): Promise<void> {
  const link = path.join(fetchedFolder(cache), release);
  const temporary = `${link}.${process.pid}.tmp`;
  try {
    await rm(temporary, { force: true });
    await symlink(path.basename(archive), temporary);
    await rename(temporary, link);
  } catch (error) {
    throw writingError(error, link);
  }
}

/**
 * Moves an unpacked archive, which is on the same disk, to its place: there at once and whole, also after a crash. Throws
 * `output-unwritable`, `disk-full`.
 */
export async function keepFetched(unpacked: string, place: string): Promise<void> {
  try {
    const file = await open(unpacked, 'r');
    try {
      // As old as its place here, for who cleans up by age.
      await file.utimes(new Date(), new Date());
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unpacked, place);
  } catch (error) {
    throw writingError(error, place);
  }
}

/** Archives, and what killed runs left, for `kptool clean`. Throws nothing. */
export async function listFetched(cache: string): Promise<{ readonly path: string; readonly isInUse: boolean }[]> {
  const folder = fetchedFolder(cache);
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const isFetching = await isLocked(fetchLock(cache));
  return entries.flatMap((entry) => {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory() && entry.name.startsWith(fetchPrefix)) return { path: place, isInUse: isFetching };
    return entry.isFile() && archiveName.test(entry.name) ? { path: place, isInUse: false } : [];
  });
}

/** Takes one away, with the links that lead to it. Throws the error of the operating system. */
export async function removeFetched(place: string): Promise<void> {
  await rm(place, { recursive: true, force: true });
  const folder = path.dirname(place);
  for (const name of await readdir(folder)) {
    const target = await readlink(path.join(folder, name)).catch(() => undefined);
    if (target === path.basename(place)) await rm(path.join(folder, name), { force: true });
  }
}
