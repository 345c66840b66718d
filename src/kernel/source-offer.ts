/**
 * Which source package a kernel was built from, and whether apt has it. Asks dpkg and apt for what they know, without
 * the network and without any right.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { sourceAdvice } from '../system/kernel-source-advice.js';
import { runProgram } from '../system/run.js';
import type { PackageVersion } from './fetched-source.js';
import { seriesOf } from './kernel-source.js';

export interface AptQuestion {
  readonly release: string;
  /** The build tree, where the kernel's headers are installed or lie elsewhere. */
  readonly buildDirectory?: string | undefined;
  /** `--package-version`. */
  readonly version?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SourceOffer extends PackageVersion {
  /** In words, who says that the kernel was built from this version. */
  readonly saidBy: string;
  readonly url: string;
  readonly bytes: number;
  /** As apt has it, `SHA256:…`; `''` where it has none. */
  readonly checksum: string;
}

/** The version that the kernel was built from, by whom, and the name of the distribution's source, where it is known. */
interface BuiltFrom {
  readonly version: string;
  readonly saidBy: string;
  readonly source?: string;
}

/**
 * What `apt-get download` would bring. Throws `source-version-unknown`, `source-package-unknown`, `source-version-not-offered`,
 * `package-lists-outdated` where apt does not say where the package is, and what running apt throws.
 */
export async function findOffer(question: AptQuestion): Promise<SourceOffer> {
  const { release, version } = question;
  const advice = sourceAdvice(release, 'debian');
  const installed = await askInstalled(question);
  const known = version === undefined ? await builtFrom(question, installed) : undefined;
  const wanted = version ?? known?.version;
  if (wanted === undefined) fail('source-version-unknown', { release, asked: kernelPackages(release), advice });
  const names = sourcePackages(release, installed?.source);
  const offered = await askOffers(names, question);
  if (offered.length === 0) fail('source-package-unknown', { release, names, wanted, advice });
  const saidBy = known?.saidBy ?? '--package-version';
  const exact = offered.find((offer) => offer.version === wanted);
  if (exact === undefined) {
    const told = offered.map((offer) => ({ ...offer, difference: differenceOf(wanted, offer.version) }));
    fail('source-version-not-offered', { release, wanted, saidBy, offered: told, advice });
  }
  return { ...exact, saidBy, ...(await askPlace(exact, question)) };
}

/** The packages that are of the same version as the kernel's source, the one that names it first. */
const kernelPackages = (release: string) => [
  `linux-headers-${release}`,
  `linux-image-${release}`,
  `linux-image-unsigned-${release}`,
];

/**
 * What the source of a kernel is packed as: Debian's `linux-source-6.1`, Ubuntu's `linux-source-5.15.0`, and that of its other
 * series, `linux-hwe-5.15-source-5.15.0`.
 */
export function sourcePackages(release: string, source: string | undefined): string[] {
  const three = /^\d+\.\d+\.\d+/.exec(release)?.[0];
  return [
    `linux-source-${seriesOf(release)}`,
    ...(three === undefined ? [] : [`linux-source-${three}`]),
    ...(three === undefined || source === undefined ? [] : [`${source}-source-${three}`]),
  ];
}

/**
 * By levels: the build tree itself (Debian's packages write LINUX_PACKAGE_ID, `Debian 6.1.192-2`), the installed packages, those
 * that apt knows.
 */
async function builtFrom(question: AptQuestion, installed: BuiltFrom | undefined): Promise<BuiltFrom | undefined> {
  const { buildDirectory, release } = question;
  if (buildDirectory !== undefined) {
    const file = path.join(buildDirectory, 'include/generated/package.h');
    const text = await readFile(file, 'utf8').catch(() => '');
    const version = /^#define\s+LINUX_PACKAGE_ID\s+"\s*\w+ ([0-9][A-Za-z0-9.+:~-]*)"/m.exec(text)?.[1];
    if (version !== undefined) return { version: withoutRebuild(version), saidBy: file };
  }
  if (installed !== undefined) return installed;
  const [offer] = await askOffers(kernelPackages(release), question);
  if (offer === undefined) return undefined;
  return { version: withoutRebuild(offer.version), saidBy: `the package ${offer.package} that apt knows` };
}

/** `6.1.192-2+b1` is a package that was built again from `6.1.192-2` (Debian Policy, binary-only uploads). */
const withoutRebuild = (version: string) => version.replace(/\+b\d+$/, '');

/** Of the packages of the kernel that are installed, the source of the first one that names it, else the version of the first. */
async function askInstalled({ release, signal }: AptQuestion): Promise<BuiltFrom | undefined> {
  const found = (await askDpkg(kernelPackages(release), signal)).map(({ name, version, source, sourceVersion }) => {
    const saidBy = `the installed package ${name}`;
    // Signed images have a source of their own, `linux-signed-amd64`, that is numbered otherwise.
    const isOfSource = name.startsWith('linux-headers-');
    return isOfSource ? { version: sourceVersion, saidBy, source } : { version: withoutRebuild(version), saidBy };
  });
  return found.find(({ source }) => source !== undefined) ?? found[0];
}

/** Whether the package is installed in that very version. Throws what running dpkg-query throws. */
export async function isInstalled(wanted: PackageVersion, signal: AbortSignal | undefined): Promise<boolean> {
  const [found] = await askDpkg([wanted.package], signal);
  return found?.version === wanted.version;
}

/** Those of the packages that are installed. dpkg-query ends with 1 where it does not know one, and tells of the others. */
async function askDpkg(names: readonly string[], signal: AbortSignal | undefined) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query fills these in.
  const format = '${db:Status-Status} ${Package} ${Version} ${source:Package} ${source:Version}\\n';
  const { stdout } = await runProgram({
    program: 'dpkg-query',
    arguments: ['--show', `--showformat=${format}`, ...names],
    directory: '/',
    signal,
  });
  return stdout.split('\n').flatMap((line) => {
    const [status, name = '', version = '', source = '', sourceVersion = ''] = line.split(' ');
    return status === 'installed' ? { name, version, source, sourceVersion } : [];
  });
}

/** All versions of these packages that apt could download, the newest of each package first. */
async function askOffers(names: readonly string[], { signal }: AptQuestion): Promise<PackageVersion[]> {
  const { stdout } = await runProgram({
    program: 'apt-cache',
    arguments: ['madison', ...names],
    directory: '/',
    signal,
  });
  const offers = stdout.split('\n').flatMap((line) => {
    const [name = '', version = '', place = ''] = line.split('|').map((word) => word.trim());
    // Sources are listed by the name of a source package, where their lists are read.
    return names.includes(name) && version !== '' && !place.endsWith(' Sources') ? { package: name, version } : [];
  });
  // One version is told once for each archive that has it.
  return [...new Map(offers.map((offer) => [`${offer.package} ${offer.version}`, offer])).values()];
}

/** Where the package lies, how large it is and what it must hash to. */
async function askPlace(
  { package: name, version }: PackageVersion,
  { signal }: AptQuestion,
): Promise<Pick<SourceOffer, 'url' | 'bytes' | 'checksum'>> {
  const { stdout, output } = await runProgram({
    program: 'apt-get',
    arguments: ['download', '--print-uris', `${name}=${version}`],
    directory: '/',
    signal,
  });
  const found = /^'(?<url>[^']+)' \S+ (?<bytes>\d+) ?(?<checksum>\S*)$/m.exec(stdout)?.groups;
  if (found === undefined) {
    const lastLines = output.split('\n').filter((line) => line !== '');
    fail('package-lists-outdated', { package: name, version, lastLines: lastLines.slice(-5) });
  }
  // A password in it is nobody's business.
  const url = (found.url ?? '').replace(/\/\/[^/@]*@/, '//');
  return { url, bytes: Number(found.bytes), checksum: found.checksum ?? '' };
}

/** What a source of version `offered` would have that the kernel, built from `wanted`, has not. */
export function differenceOf(wanted: string, offered: string): string {
  const [want, have] = [wanted, offered].map((version) => version.replace(/^\d+:/, '').replace(/-[^-]*$/, ''));
  if (want === have) return `another revision of ${have}, with other patches of the distribution`;
  return `Linux ${have}, in which functions and structures may differ; a build refuses it without --skip-target-check`;
}
