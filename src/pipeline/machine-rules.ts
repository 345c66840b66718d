/** The rules of live patching that this machine decides: room for the build, and whether the livepatch's name is free. */
import { lstat, readdir } from 'node:fs/promises';
import { release as runningRelease } from 'node:os';
import path from 'node:path';
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { installedModules } from '../kernel/installed-module.js';
import { requireOutputFolder, requireRoomBelow } from '../system/files.js';
import { freeSpace } from '../system/free-space.js';
import { plannedWorkFolder } from '../system/work-folder.js';
import { findingsOf } from './all-findings.js';
import type { BuildOptions } from './options.js';
import { applyRuleLevels } from './rule-levels.js';

export interface MachineQuestion {
  readonly options: Pick<BuildOptions, 'cache' | 'oot' | 'rules'>;
  /** The livepatch's. */
  readonly name: string;
  /** Of the kernel that will load it. */
  readonly release: string;
  /** What will be compiled; `undefined`: all of the tree. */
  readonly sources: readonly string[] | undefined;
  /** Bytes that are free; asked from the system unless a test says otherwise. */
  readonly free?: number | undefined;
}

/** What they find, as the user weighs it. Throws nothing. */
export async function checkMachineRules(question: MachineQuestion): Promise<Diagnostic[]> {
  const { options, name, release, sources, free } = question;
  const workFolder = await plannedWorkFolder(path.join(options.cache, 'work'), name);
  const found = await Promise.all([
    checkRoom({
      folder: path.dirname(workFolder),
      ...(options.oot === undefined ? {} : { tree: options.oot }),
      ...{ sources: sources?.length, free },
    }),
    checkName({ name, release }),
  ]);
  return applyRuleLevels(found.flat(), options.rules);
}

/**
 * What a build could not write to, as warnings: a check itself writes nothing, and the build may be meant for elsewhere.
 * Throws nothing.
 */
export async function checkPlaces(output: string, cache: string): Promise<Diagnostic[]> {
  const workFolder = await plannedWorkFolder(path.join(cache, 'work'), 'check');
  const findings = await Promise.all([
    findingsOf(() => requireOutputFolder(output)),
    findingsOf(() => requireRoomBelow(path.dirname(workFolder))),
  ]);
  return findings.flat().map((finding) => ({ ...finding, severity: 'warning' }));
}

export interface RoomQuestion {
  /** The one that work folders are made in, absolute; it need not be there. */
  readonly folder: string;
  /** What is copied; absent: nothing is. */
  readonly tree?: string;
  /** How many sources will be compiled; `undefined`: all of the tree. */
  readonly sources: number | undefined;
  /** Bytes that are free; asked from the system unless a test says otherwise. */
  readonly free?: number | undefined;
}

const megabyte = 1024 * 1024;
/** The objects of a driver with its debug data, in the copy and kept of both sides: cm.o of Debian's ib_cm has 1.5 MB each. */
const bytesPerSource = 4 * megabyte;
/** Logs, the probe, and the livepatch's own tree. */
const bytesBeside = 16 * megabyte;
/** With as much as this the tree is not measured: few are larger, and walking a large one takes long. */
const plenty = 8 * 1024 * megabyte;

/** `disk-space-short`, where a build may not fit. Throws nothing: a tree that cannot be read is told elsewhere. */
export async function checkRoom({ folder, tree, sources, free }: RoomQuestion): Promise<Diagnostic[]> {
  const available = free ?? (await freeSpace(folder));
  if (available === undefined || available > plenty) return [];
  const { bytes, cFiles } = tree === undefined ? { bytes: 0, cFiles: 0 } : await measure(tree);
  const needed = bytes + (sources ?? cFiles) * bytesPerSource + bytesBeside;
  if (needed <= available) return [];
  const inMegabytes = (size: number) => Math.round(size / megabyte);
  return [
    diagnose('disk-space-short', {
      folder,
      freeMegabytes: inMegabytes(available),
      neededMegabytes: inMegabytes(needed),
    }),
  ];
}

async function measure(folder: string): Promise<{ bytes: number; cFiles: number }> {
  const total = { bytes: 0, cFiles: 0 };
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => [])) {
    if (!entry.isFile()) continue;
    total.bytes += (await lstat(path.join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0;
    if (entry.name.endsWith('.c')) total.cFiles += 1;
  }
  return total;
}

export interface NameQuestion {
  readonly name: string;
  /** Of the kernel that will load the livepatch. */
  readonly release: string;
  /** Where installed kernels lie, the modules that are loaded, and what runs; those of this machine unless a test says otherwise. */
  readonly modulesFolder?: string;
  readonly loadedFolder?: string;
  readonly running?: string;
}

/**
 * `livepatch-name-in-use`, where the kernel brings a module of that name, or has one loaded on this machine. What the
 * livepatch patches itself is no rule (`requireLivepatchName`). Throws nothing.
 */
export async function checkName(question: NameQuestion): Promise<Diagnostic[]> {
  const { name, release, modulesFolder, loadedFolder = '/sys/module', running = runningRelease() } = question;
  const kernelName = name.replaceAll('-', '_');
  const installed = (await installedModules(release, modulesFolder)).get(kernelName);
  if (installed !== undefined) {
    return [diagnose('livepatch-name-in-use', { name, user: `a module of kernel ${release}, ${installed}` })];
  }
  if (release !== running) return [];
  // What is built in has a folder too; what is loaded says in which state it is.
  const state = await lstat(path.join(loadedFolder, kernelName, 'initstate')).catch(() => undefined);
  return state === undefined
    ? []
    : [diagnose('livepatch-name-in-use', { name, user: 'a module that is loaded on this machine' })];
}
