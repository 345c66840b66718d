/**
 * Applies resolved patches, in order, to the private copy of the tree, or on trial to copies of just the files they
 * touch. All files of a patch are tried, so that the user sees everything that does not fit; the next patch is not, since
 * it would be judged against a tree that is not there.
 */
import { chmod, copyFile, mkdir, mkdtemp, realpath, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { diagnose } from '../diagnostics/catalogue.js';
import { type Diagnostic, KptoolError } from '../diagnostics/diagnostic.js';
import { readInput } from '../system/files.js';
import { errorCode, readingError, writingError } from '../system/system-error.js';
import { applyFile } from './apply-file.js';
import type { ResolvedPatch } from './check.js';
import { decode } from './read.js';

export interface ApplyOptions {
  /**
   * Milliseconds since 1970: the changed files get a time of last change after it. Given the time of the newest object,
   * make sees them as newer also when the clock went backwards in between.
   */
  readonly newerThan?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface AppliedPatch {
  /** Files that were changed, added or deleted; relative to the tree, sorted, each once. */
  readonly touched: readonly string[];
  readonly added: readonly string[];
  readonly deleted: readonly string[];
  /** Warnings: `patch-offset`, and those of the check. */
  readonly findings: readonly Diagnostic[];
}

/** What `tryPatches` found. Where findings hold an error, the texts are those up to it. */
export interface TriedPatches extends AppliedPatch {
  /** By path in the tree: the text before and after; undefined where the file is not there. */
  readonly texts: ReadonlyMap<string, { readonly original: string | undefined; readonly patched: string | undefined }>;
}

/**
 * Applies the patches to the private copy at `tree`. Throws a KptoolError with everything that was found where anything
 * does not fit: `patch-does-not-apply` (a finding for each hunk), `patch-already-applied`, `patch-file-missing`, findings
 * of the check; or what `runProgram` throws. The copy is not to be used then.
 */
export async function applyPatches(
  resolved: readonly ResolvedPatch[],
  tree: string,
  options: ApplyOptions = {},
): Promise<AppliedPatch> {
  const applied = await applyInOrder(resolved, tree, options);
  if (applied.findings.some(isError)) throw new KptoolError(applied.findings);
  return applied;
}

/**
 * Tries the patches on copies of the files that they touch, in a temporary folder; the tree is only read. Returns the
 * findings that `applyPatches` would throw, and the texts before and after. Throws for problems of the machine.
 */
export async function tryPatches(
  resolved: readonly ResolvedPatch[],
  userTree: string,
  options: ApplyOptions = {},
): Promise<TriedPatches> {
  const folder = await temporaryFolder();
  try {
    const paths = [...new Set(resolved.flatMap(({ files }) => files.map(({ path }) => path)))].sort();
    for (const path of paths) await copyIfThere(join(userTree, path), join(folder, path));
    const applied = await applyInOrder(resolved, folder, options);
    const texts = new Map<string, { original: string | undefined; patched: string | undefined }>();
    for (const path of paths) {
      texts.set(path, { original: await textOf(join(userTree, path)), patched: await textOf(join(folder, path)) });
    }
    return { ...applied, texts };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function applyInOrder(
  resolved: readonly ResolvedPatch[],
  tree: string,
  options: ApplyOptions,
): Promise<AppliedPatch> {
  const root = await realpath(tree).catch((error: unknown) => {
    throw readingError(error, tree);
  });
  const findings = resolved.flatMap((one) => one.findings);
  const kinds = new Map<string, 'modified' | 'added' | 'deleted'>();
  for (const one of resolved) {
    if (findings.some(isError)) break;
    findings.push(...(await applyOne(one, root, options.signal, kinds)));
  }
  const ofKind = (kind: string) => [...kinds].filter(([, is]) => is === kind).map(([path]) => path);
  const deleted = ofKind('deleted').sort();
  const touched = [...kinds.keys()].sort();
  await setTimes(
    root,
    touched.filter((path) => !deleted.includes(path)),
    options.newerThan,
  );
  return { touched, added: ofKind('added').sort(), deleted, findings };
}

async function applyOne(
  resolved: ResolvedPatch,
  tree: string,
  signal: AbortSignal | undefined,
  kinds: Map<string, 'modified' | 'added' | 'deleted'>,
): Promise<Diagnostic[]> {
  const { patch, strip, files } = resolved;
  const findings: Diagnostic[] = [];
  const already: string[] = [];
  for (const file of files) {
    const outcome = await applyFile({ patch, strip, file, tree, signal });
    if (outcome.kind === 'already-applied') {
      already.push(file.path);
      continue;
    }
    findings.push(...outcome.findings);
    if (outcome.kind === 'refused') continue;
    const { kind } = file.change;
    // A file that an earlier patch has made is new to the tree, whatever changes it afterwards.
    const isNew = kinds.get(file.path) === 'added' && kind !== 'deleted';
    kinds.set(file.path, isNew || kind === 'added' ? 'added' : kind === 'deleted' ? 'deleted' : 'modified');
  }
  if (already.length > 0) {
    const isWhole = already.length === files.length;
    findings.push(diagnose('patch-already-applied', { file: patch.fileName, paths: already, isWhole }));
  }
  return findings;
}

const isError = ({ severity }: Diagnostic) => severity === 'error';

/** Gives the changed files one time of last change: now, or later where `newerThan` asks for it. */
async function setTimes(tree: string, paths: readonly string[], newerThan: number | undefined): Promise<void> {
  // A millisecond more than asked for: make looks at fractions that a number of milliseconds has lost.
  const time = new Date(Math.max(Date.now(), Math.ceil(newerThan ?? 0) + 1));
  for (const path of paths) {
    await utimes(join(tree, path), time, time).catch((error: unknown) => {
      throw writingError(error, join(tree, path), 'work-folder-unwritable');
    });
  }
}

async function temporaryFolder(): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), 'kptool-check-'));
  } catch (error) {
    throw writingError(error, tmpdir(), 'work-folder-unwritable');
  }
}

async function copyIfThere(source: string, destination: string): Promise<void> {
  try {
    await mkdir(dirname(destination), { recursive: true });
    await copyFile(source, destination);
    await chmod(destination, 0o600);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw writingError(error, destination, 'work-folder-unwritable');
  }
}

async function textOf(path: string): Promise<string | undefined> {
  const content = await readInput(path).catch((error: unknown) => {
    const isMissing = error instanceof KptoolError && error.diagnostics.some(({ code }) => code === 'input-missing');
    if (isMissing) return undefined;
    throw error;
  });
  return content === undefined ? undefined : decode(content).text;
}
