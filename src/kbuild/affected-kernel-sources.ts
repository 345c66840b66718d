/**
 * Which sources of a kernel tree have to be compiled for a patch: the touched C files, and those that include a touched file,
 * as far as the configuration builds them.
 */
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import type { Affected } from './affected-sources.js';
import { type KernelIncludes, scanIncludes } from './kernel-includes.js';
import { askOwners, type KernelOwners } from './kernel-owners.js';
import { isPlainPath } from './plain-path.js';
import type { KernelMakeQuestion, PreparedKernel } from './prepared-kernel.js';

export interface AffectedQuestion {
  readonly touched: readonly string[];
  /** Of the touched files, those that the patch adds; no makefile of the unpatched tree lists them. */
  readonly added: readonly string[];
  /** `--max-objects` */
  readonly maxObjects: number;
}

/** Throws `source-name-not-plain`, and what `chooseKernelSources`, `scanIncludes` and `askOwners` throw. */
export async function affectedKernelSources(
  make: KernelMakeQuestion,
  prepared: PreparedKernel,
  question: AffectedQuestion,
): Promise<Affected> {
  if (!question.touched.some(isCode)) return { kind: 'some', sources: [] };
  const strange = question.touched.find((file) => file.endsWith('.c') && !isPlainPath(file));
  if (strange !== undefined) fail('source-name-not-plain', { source: strange });
  const includes = await scanIncludes({
    tree: prepared.tree,
    listing: prepared.listing,
    sourceArchitecture: sourceArchitectures[make.kernel.architecture.name] ?? '',
    cache: path.join(prepared.folder, 'includes.json'),
  });
  const candidates = [...includes.sourcesOf(question.touched.filter(isCode))].filter(isPlainPath);
  const owners = await askOwners(make, prepared, candidates);
  return chooseKernelSources(includes, owners, question, make.kernel.release);
}

const isCode = (file: string) => /\.(?:c|h|inc|def|tbl)$/.test(file);

/**
 * Throws `source-not-in-kernel` for a touched C file that the configuration leaves out and nothing includes, and
 * `too-many-objects`.
 */
export function chooseKernelSources(
  includes: KernelIncludes,
  owners: KernelOwners,
  { touched, added, maxObjects }: AffectedQuestion,
  release: string,
): Affected {
  const affected = new Map<string, string[]>();
  for (const file of touched.filter(isCode)) {
    const built = [...includes.sourcesOf([file])].filter((source) => owners.of(source).length > 0);
    const isNew = file.endsWith('.c') && added.includes(file);
    if (file.endsWith('.c') && !isNew && built.length === 0) fail('source-not-in-kernel', { source: file, release });
    for (const source of isNew ? [...built, file] : built) {
      affected.set(source, [...(affected.get(source) ?? []), file]);
    }
  }
  if (affected.size > maxObjects) {
    const files = touched.filter((file) =>
      [...affected].some(([source, because]) => source !== file && because.includes(file)),
    );
    fail('too-many-objects', { files, count: affected.size, limit: maxObjects });
  }
  const sources = [...affected].map(([source, because]) => ({ source, because, modules: owners.of(source) }));
  return { kind: 'some', sources: sources.sort((a, b) => (a.source < b.source ? -1 : 1)) };
}

/** The folder of `arch/` (SRCARCH), by what `uname -m` says. */
const sourceArchitectures: Readonly<Record<string, string>> = {
  x86_64: 'x86',
  aarch64: 'arm64',
  ppc64le: 'powerpc',
  s390x: 's390',
  loongarch64: 'loongarch',
};
