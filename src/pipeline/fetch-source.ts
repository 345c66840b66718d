/** `kptool kernel fetch`: the distribution's source of one kernel, in the version that it was built from, into the cache. */
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { downloadSource } from '../kernel/download-source.js';
import {
  fetchedFolder,
  fetchedFor,
  fetchedPath,
  fetchLock,
  findFetched,
  isPlainRelease,
  useFetched,
} from '../kernel/fetched-source.js';
import { realBuildDirectory } from '../kernel/headers.js';
import { type Choice, chooseRelease } from '../kernel/resolve.js';
import { findOffer, isInstalled, type SourceOffer } from '../kernel/source-offer.js';
import { installedSource } from '../kernel/source-package.js';
import { type Distribution, thisDistribution } from '../system/distribution.js';
import { requireRoomBelow } from '../system/files.js';
import { findProgram } from '../system/find-program.js';
import { sourceAdvice } from '../system/kernel-source-advice.js';
import { takeLock } from '../system/lock.js';
import { howToInstallKernel } from '../system/packages.js';
import type { DoctorOptions } from './doctor.js';
import type { Progress } from './progress.js';

export interface FetchOptions extends Omit<DoctorOptions, 'makeArguments'> {
  /** `--package-version`; absent: the version that the kernel was built from. */
  readonly version?: string | undefined;
  /** Nothing is downloaded; what would be is told. */
  readonly dryRun: boolean;
  /** Asked once, before anything is downloaded; `false` ends the run. */
  readonly confirm: (plan: FetchReport) => Promise<boolean>;
  /** The machine's own, unless a test says otherwise. */
  readonly distribution?: Distribution;
}

export interface FetchReport extends Pick<SourceOffer, 'package' | 'version' | 'saidBy' | 'url'> {
  readonly kernel: Choice;
  /** To download; 0 where the package is in the cache for another kernel, or nothing is to be done. */
  readonly bytes: number;
  /** Absolute path of the archive, where it lies or will lie; how it is packed is not known before it is there. */
  readonly file: string;
  /** `present`: nothing had to be done. `planned`: a dry run. */
  readonly state: 'present' | 'planned' | 'fetched';
}

/**
 * Changes nothing but the cache, and needs no right. Throws `kernel-ambiguous`, `source-fetch-unsupported`, what `findOffer` and
 * `downloadSource` throw, `work-folder-unwritable`, `output-unwritable`, and `interrupted` also where the user says no.
 */
export async function fetchSource(options: FetchOptions, progress: Progress): Promise<FetchReport> {
  const { cache, dryRun, signal } = options;
  const kernel = await chooseKernel(options);
  await requireApt(kernel.release, options.distribution ?? thisDistribution());
  const { offer, file } = await progress.step('Asking apt', () => look(kernel.release, options));
  const { package: name, version, saidBy, url } = offer;
  const found = { package: name, version, saidBy, url, kernel };
  if (file !== undefined) return { ...found, file, bytes: 0, state: 'present' };
  const known = await findFetched(cache, offer);
  const plan: FetchReport = {
    ...{ ...found, state: 'planned', bytes: known === undefined ? offer.bytes : 0 },
    file: known?.path ?? fetchedPath(cache, offer, '.tar.xz'),
  };
  if (dryRun) return plan;
  await requireRoomBelow(fetchedFolder(cache));
  if (plan.bytes > 0 && !(await options.confirm(plan))) {
    fail('interrupted', { during: 'the question whether to download it' });
  }
  const lock = await takeLock({ file: fetchLock(cache), signal });
  try {
    const shared = await findFetched(cache, offer);
    const archive =
      shared?.path ??
      (await progress.step(`Downloading ${name} ${version}`, (report) =>
        downloadSource({ offer, cache, signal, onLine: report }),
      ));
    await useFetched(cache, kernel.release, archive);
    return { ...plan, file: archive, state: 'fetched' };
  } finally {
    await lock.release();
  }
}

async function chooseKernel({ kernel, configuredKernel, buildDirectory, places = {} }: FetchOptions): Promise<Choice> {
  const { modulesFolder, running } = places;
  const question = { requested: kernel, configured: configuredKernel, buildDirectory, modules: [] };
  const choice = await chooseRelease({ ...question, ...(running === undefined ? {} : { running }) }, modulesFolder);
  // It becomes a part of names of packages and files; a build tree may say anything.
  if (!isPlainRelease(choice.release)) {
    fail('source-version-unknown', { release: choice.release, asked: ['no package can be called so'], advice: [] });
  }
  return choice;
}

/** Tells by family what to do where there is no apt. */
async function requireApt(release: string, { name, family }: Distribution): Promise<void> {
  const advice = sourceAdvice(release, family);
  if (family !== 'debian') {
    const install = howToInstallKernel('source', release, { name, family });
    const reason = `${name === '' ? 'this machine' : name} has none`;
    fail('source-fetch-unsupported', { release, reason, install, advice });
  }
  for (const program of ['apt-cache', 'apt-get', 'dpkg-query', 'dpkg-deb']) {
    if ((await findProgram(program)) !== undefined) continue;
    fail('source-fetch-unsupported', { release, reason: `${program} is not in PATH`, install: undefined, advice });
  }
}

/** What apt has, and where the same lies already: fetched for this kernel, or installed. */
async function look(
  release: string,
  { version, cache, buildDirectory, signal, places = {} }: FetchOptions,
): Promise<{ readonly offer: SourceOffer; readonly file: string | undefined }> {
  const { modulesFolder = '/lib/modules', sourceFolder } = places;
  const tree = await realBuildDirectory(buildDirectory ?? path.join(modulesFolder, release, 'build'));
  const offer = await findOffer({ release, buildDirectory: tree, version, signal });
  const fetched = await fetchedFor(cache, release);
  if (fetched?.package === offer.package && fetched.version === offer.version) return { offer, file: fetched.path };
  // What was fetched in another version would count before what is installed.
  if (fetched !== undefined || !(await isInstalled(offer, signal))) return { offer, file: undefined };
  return { offer, file: await installedSource(release, sourceFolder) };
}
