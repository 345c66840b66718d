/**
 * Which sources of a kernel tree have to be compiled for a patch: the touched C files, those that include a touched file, and
 * those that a touched makefile may give other flags, as far as the configuration builds them.
 */
import path from 'node:path';
import { diagnose, fail } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { Affected } from './affected-sources.js';
import type { IncludeGraph } from './include-graph.js';
import { scanIncludes } from './kernel-includes.js';
import type { KernelMakeQuestion } from './kernel-make.js';
import { askOwners, type KernelOwners } from './kernel-owners.js';
import { type MakefileReach, type MakefileTexts, reachOfMakefile } from './makefile-change.js';
import { isPlainPath } from './plain-path.js';
import type { PreparedKernel } from './prepared-kernel.js';

export interface AffectedQuestion {
  readonly touched: readonly string[];
  /** Of the touched files, those that the patch adds; no makefile of the unpatched tree lists them. */
  readonly added: readonly string[];
  /** Of the touched files, the makefiles; none without it. */
  readonly makefiles?: ReadonlyMap<string, MakefileTexts>;
  /** `--max-objects` */
  readonly maxObjects: number;
}

/** Throws `source-name-not-plain`, and what `chooseKernelSources`, `scanIncludes` and `askOwners` throw. */
export async function affectedKernelSources(
  make: KernelMakeQuestion,
  prepared: PreparedKernel,
  question: AffectedQuestion,
): Promise<Affected> {
  const { touched, makefiles = new Map() } = question;
  if (!touched.some(isCode) && makefiles.size === 0) return { kind: 'some', sources: [] };
  const strange = touched.find((file) => file.endsWith('.c') && !isPlainPath(file));
  if (strange !== undefined) fail('source-name-not-plain', { source: strange });
  const includes = await scanIncludes(prepared, sourceArchitectures[make.kernel.architecture.name] ?? '');
  const code = touched.filter(isCode);
  const ofMakefiles = sourcesOfMakefiles(includes, makefiles, new Set(code));
  const candidates = new Set([...includes.sourcesOf(code), ...ofMakefiles.keys()]);
  const owners = await askOwners(make, prepared, [...candidates].filter(isPlainPath));
  return chooseKernelSources(includes, owners, question, ofMakefiles, make.kernel.release);
}

/** A makefile, and whether it lists the source by name anew, or not any more. */
interface FromMakefile {
  readonly makefile: string;
  readonly isListed: boolean;
}

/** By source, the makefile that may give it other flags. `touched` are compiled anyway. */
function sourcesOfMakefiles(
  { files }: IncludeGraph,
  makefiles: ReadonlyMap<string, MakefileTexts>,
  touched: ReadonlySet<string>,
): Map<string, FromMakefile> {
  const found = new Map<string, FromMakefile>();
  const sources = files.filter((file) => file.endsWith('.c') && !touched.has(file));
  for (const [makefile, texts] of makefiles) {
    const reach = reachOfMakefile(makefile, texts);
    for (const source of reach.kind === 'all' ? [] : sources.filter((file) => isReached(file, reach))) {
      found.set(source, { makefile, isListed: reach.kind === 'listed' });
    }
  }
  return found;
}

function isReached(source: string, reach: Exclude<MakefileReach, { kind: 'all' }>): boolean {
  if (reach.kind === 'listed') return reach.sources.includes(source);
  return reach.isBelowToo ? source.startsWith(`${reach.folder}/`) : path.posix.dirname(source) === reach.folder;
}

const isCode = (file: string) => /\.(?:c|h|inc|def|tbl)$/.test(file);

/**
 * A fix to several files may well be for more than this kernel has: an alternative that its configuration leaves out. Throws
 * `source-not-in-kernel` where nothing is left but such C files, which nothing includes, and `too-many-objects`.
 */
function chooseKernelSources(
  includes: IncludeGraph,
  owners: KernelOwners,
  { touched, added, maxObjects }: AffectedQuestion,
  ofMakefiles: ReadonlyMap<string, FromMakefile>,
  release: string,
): Affected {
  const affected = new Map<string, string[]>();
  const leftOut: string[] = [];
  const addReason = (source: string, file: string) => affected.set(source, [...(affected.get(source) ?? []), file]);
  for (const file of touched.filter(isCode)) {
    const built = [...includes.sourcesOf([file])].filter((source) => owners.of(source).length > 0);
    const isNew = file.endsWith('.c') && added.includes(file);
    if (file.endsWith('.c') && !isNew && built.length === 0) leftOut.push(file);
    for (const source of isNew ? [...built, file] : built) addReason(source, file);
  }
  const unlisted = new Set<string>();
  for (const [source, { makefile, isListed }] of ofMakefiles) {
    const isBuilt = owners.of(source).length > 0;
    if (isBuilt || isListed) addReason(source, makefile);
    if (!isBuilt && isListed) unlisted.add(source);
  }
  const [source] = leftOut;
  if (source !== undefined && affected.size === 0) fail('source-not-in-kernel', { source, release });
  if (affected.size > maxObjects) {
    const files = touched.filter((file) =>
      [...affected].some(([source, because]) => source !== file && because.includes(file)),
    );
    fail('too-many-objects', { files, count: affected.size, limit: maxObjects });
  }
  const sources = [...affected].map(([source, because]) => ({
    ...{ source, because, modules: owners.of(source) },
    ...(unlisted.has(source) && { isUnlisted: true as const }),
  }));
  sources.sort((a, b) => (a.source < b.source ? -1 : 1));
  return { kind: 'some', sources, ...(leftOut.length > 0 && { leftOut }) };
}

/** Says which touched files the livepatch has nothing of. */
export function describeLeftOut(affected: Affected, release: string): Diagnostic[] {
  const leftOut = affected.kind === 'some' ? (affected.leftOut ?? []) : [];
  return leftOut.map((source) => diagnose('source-left-out', { source, release }));
}

/** The folder of `arch/` (SRCARCH), by what `uname -m` says. */
const sourceArchitectures: Readonly<Record<string, string>> = {
  x86_64: 'x86',
  aarch64: 'arm64',
  ppc64le: 'powerpc',
  s390x: 's390',
  loongarch64: 'loongarch',
};
