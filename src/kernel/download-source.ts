/**
 * Downloads a source package and takes the archive out of it. apt-get checks the package against its signed lists; nothing is
 * installed, and no right is needed. All of it happens in a folder that goes again, whatever comes.
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { freeSpace } from '../system/free-space.js';
import { hashFile } from '../system/hash.js';
import { makeFolders } from '../system/make-folders.js';
import { runProgram } from '../system/run.js';
import { writingError } from '../system/system-error.js';
import { fetchedFolder, fetchedPath, fetchPrefix, keepFetched } from './fetched-source.js';
import type { SourceOffer } from './source-offer.js';

export interface DownloadQuestion {
  readonly offer: SourceOffer;
  readonly cache: string;
  readonly signal?: AbortSignal | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
}

/**
 * The path of the archive, in its place in the cache. The lock of fetched sources must be held. Throws `disk-full`,
 * `output-unwritable`, `interrupted`, `package-lists-outdated`, `package-archive-unreachable`, `package-download-failed` and
 * `package-damaged`.
 */
export async function downloadSource(question: DownloadQuestion): Promise<string> {
  const { offer, cache } = question;
  const sources = fetchedFolder(cache);
  await makeFolders(sources).catch((error: unknown) => {
    throw writingError(error, sources);
  });
  await removeLeftovers(sources);
  await requireSpace(sources, offer.bytes);
  const folder = await mkdtemp(path.join(sources, fetchPrefix)).catch((error: unknown) => {
    throw writingError(error, sources);
  });
  try {
    const packed = await download(question, folder);
    const archive = await unpack(question, packed, folder);
    const place = fetchedPath(cache, offer, /\.tar\.\w+$/.exec(archive)?.[0] ?? '');
    await keepFetched(archive, place);
    return place;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Of runs that were killed: whoever holds the lock is the only one. */
async function removeLeftovers(sources: string): Promise<void> {
  for (const name of await readdir(sources)) {
    if (name.startsWith(fetchPrefix)) await rm(path.join(sources, name), { recursive: true, force: true });
  }
}

/** The package and what is unpacked of it lie side by side; an archive within a package is not packed again. */
async function requireSpace(folder: string, bytes: number): Promise<void> {
  const free = await freeSpace(folder);
  const needed = 2 * bytes;
  if (free !== undefined && free < needed) {
    const inMegabytes = (size: number) => `${Math.ceil(size / 1e6)} MB`;
    fail('disk-full', { path: folder, reason: `${inMegabytes(needed)} are needed, and ${inMegabytes(free)} free` });
  }
}

async function download({ offer, signal, onLine }: DownloadQuestion, folder: string): Promise<string> {
  const { package: name, version, bytes } = offer;
  const result = await runProgram({
    program: 'apt-get',
    arguments: ['download', `${name}=${version}`],
    directory: folder,
    signal,
    ...(onLine === undefined ? {} : { onLine }),
  });
  if (result.exitStatus !== 0) refuseDownload(offer, result.output, folder);
  const [file, ...others] = (await readdir(folder)).filter((entry) => entry.endsWith('.deb'));
  if (file === undefined || others.length > 0) {
    fail('package-download-failed', { package: name, version, lastLines: lastLines(result.output) });
  }
  const place = path.join(folder, file);
  const { size } = await stat(place);
  if (size !== bytes) {
    fail('package-damaged', { package: name, version, reason: `it has ${size} bytes in place of ${bytes}` });
  }
  await checkSum(offer, place);
  return place;
}

const algorithms: Readonly<Record<string, string>> = {
  SHA512: 'sha512',
  SHA256: 'sha256',
  SHA1: 'sha1',
  MD5Sum: 'md5',
};

/** apt has done the same; a program in its place need not have. */
async function checkSum({ package: name, version, checksum }: SourceOffer, file: string): Promise<void> {
  const [kind = '', wanted] = checksum.split(':');
  const algorithm = algorithms[kind];
  if (algorithm === undefined || wanted === undefined) return;
  const found = await hashFile(file, algorithm);
  if (found !== wanted.toLowerCase()) {
    fail('package-damaged', { package: name, version, reason: `its ${kind} is ${found}, not ${wanted}` });
  }
}

/** What apt-get says where an archive has moved on, where it is out of reach, and where the disk is full (apt 2.6). */
const aptTroubles = [
  { code: 'package-lists-outdated', pattern: /\b404\b|File has unexpected size|Version .* was not found/ },
  {
    code: 'package-archive-unreachable',
    pattern:
      /Could not resolve|failure resolving|Could not connect|Cannot initiate the connection|[Cc]onnection (?:timed out|refused|failed)|is unreachable/,
  },
] as const;

function refuseDownload(offer: SourceOffer, output: string, folder: string): never {
  const { package: name, version } = offer;
  if (/No space left on device|enough free space/.test(output)) {
    fail('disk-full', { path: folder, reason: 'apt-get found no space for the package' });
  }
  const code = aptTroubles.find(({ pattern }) => pattern.test(output))?.code ?? 'package-download-failed';
  fail(code, { package: name, version, lastLines: lastLines(output) });
}

const lastLines = (output: string) =>
  output
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-5);

/** The archive in the package: the one file below usr/src that is a packed `linux…` (Debian's and Ubuntu's folders differ). */
async function unpack({ offer, signal }: DownloadQuestion, packed: string, folder: string): Promise<string> {
  const content = path.join(folder, 'content');
  const { package: name, version } = offer;
  const result = await runProgram({
    program: 'dpkg-deb',
    arguments: ['--extract', packed, content],
    directory: folder,
    signal,
  });
  if (result.exitStatus !== 0) {
    if (/No space left on device/.test(result.output)) {
      fail('disk-full', { path: folder, reason: 'dpkg-deb found no space for what is in the package' });
    }
    const [said = ''] = lastLines(result.output).slice(-1);
    fail('package-damaged', { package: name, version, reason: `dpkg-deb does not unpack it (${said})` });
  }
  const entries = await readdir(path.join(content, 'usr/src'), { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  // A link could lead anywhere; isFile says no of it.
  const [archive, ...others] = entries.filter((entry) => entry.isFile() && /^linux.*\.tar\.\w+$/.test(entry.name));
  if (archive === undefined || others.length > 0) {
    fail('package-damaged', { package: name, version, reason: 'not one packed source of a kernel is in it' });
  }
  return path.join(archive.parentPath, archive.name);
}
