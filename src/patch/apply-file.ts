/**
 * Applies what a patch says of one file. Files that come or go are compared as a whole and written here; changes within a
 * file are GNU patch's work. A file is either changed completely or left as it was.
 */
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { errorCode, readingError, writingError } from '../system/system-error.js';
import type { ResolvedFile } from './check.js';
import { explainHunk } from './explain.js';
import { type PatchReport, runPatch } from './gnu-patch.js';
import type { Patch, PatchedFile } from './patch.js';
import { placeInTree } from './tree-path.js';
import { newText, oldText, unifiedDiff } from './unified.js';

/** What came of one file: `applied` may bring warnings; nothing is written in the other cases. */
export type FileOutcome =
  | { readonly kind: 'applied'; readonly findings: readonly Diagnostic[] }
  | { readonly kind: 'already-applied' }
  | { readonly kind: 'refused'; readonly findings: readonly Diagnostic[] };

export interface FileJob {
  readonly patch: Patch;
  readonly strip: number;
  readonly file: ResolvedFile;
  /** The private copy; absolute, without symbolic links. */
  readonly tree: string;
  readonly signal?: AbortSignal | undefined;
}

/** Throws for the machine's problems only: what `runProgram` throws, `disk-full`, `work-folder-unwritable`. */
export async function applyFile(job: FileJob): Promise<FileOutcome> {
  const { path, change } = job.file;
  const outside = await outsideFinding(job);
  if (outside !== undefined) return { kind: 'refused', findings: [outside] };
  const before = await readIfThere(join(job.tree, path));
  if (change.kind === 'added') return addFile(job, before);
  if (change.kind === 'deleted') return deleteFile(job, before);
  if (before !== undefined) return changeFile(job, before);
  // Plain diff -N writes a file that was not there as one that was empty.
  return change.hunks[0]?.oldLength === 0 && change.hunks[0].oldStart === 0 ? addFile(job, before) : missingFile(job);
}

/** The paths were checked against the user's tree; the copy is asked again, as it is what gets written. */
async function outsideFinding(job: FileJob): Promise<Diagnostic | undefined> {
  const place = await placeInTree(job.tree, job.file.path);
  const isAsExpected = (place.kind === 'file' || place.kind === 'missing') && place.path === job.file.path;
  if (isAsExpected) return undefined;
  const reason = place.kind === 'outside' ? place.reason : 'in the copy of the tree no file can be there';
  return diagnose('patch-path-outside', { ...placeOf(job), reason });
}

const placeOf = ({ patch, file }: FileJob) => ({
  file: patch.fileName,
  line: file.change.lineInPatch,
  path: file.path,
});

function missingFile(job: FileJob): FileOutcome {
  const { tree, strip } = job;
  return { kind: 'refused', findings: [diagnose('patch-file-missing', { ...placeOf(job), strip, tree, similar: [] })] };
}

async function addFile(job: FileJob, before: Buffer | undefined): Promise<FileOutcome> {
  const { patch, file, tree } = job;
  const [hunk] = file.change.hunks;
  const content = Buffer.from(hunk === undefined ? '' : newText(hunk), patch.encoding);
  if (before?.equals(content)) return { kind: 'already-applied' };
  if (before !== undefined && before.length > 0) {
    return doesNotApply(job, 1, ['the patch makes this file anew, but the tree has it, with other content']);
  }
  const path = join(tree, file.path);
  await writing(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    await makeExecutable(path, file.change);
  });
  return { kind: 'applied', findings: [] };
}

async function deleteFile(job: FileJob, before: Buffer | undefined): Promise<FileOutcome> {
  const { patch, file, tree } = job;
  if (before === undefined) return { kind: 'already-applied' };
  const [hunk] = file.change.hunks;
  const expected = Buffer.from(hunk === undefined ? '' : oldText(hunk), patch.encoding);
  if (!withoutCarriageReturns(job, before).equals(expected)) {
    if (hunk === undefined) return doesNotApply(job, 1, ['the patch deletes an empty file; here it is not empty']);
    return doesNotApply(job, 1, explainHunk(hunk, before.toString(patch.encoding)));
  }
  await writing(join(tree, file.path), () => rm(join(tree, file.path)));
  return { kind: 'applied', findings: [] };
}

async function changeFile(job: FileJob, before: Buffer): Promise<FileOutcome> {
  const { patch, file, tree, signal } = job;
  if (file.change.hunks.length === 0) return { kind: 'applied', findings: [] };
  const change: PatchedFile = { ...file.change, kind: 'modified' };
  const diff = unifiedDiff(change, patch.encoding, needsCarriageReturns(job, before) ? '\r' : '');
  const path = join(tree, file.path);
  const report = await runPatch({ directory: tree, path: file.path, diff, signal });
  if (report.exitStatus === 0) {
    await writing(path, () => makeExecutable(path, change));
    return { kind: 'applied', findings: movedHunks(job, report) };
  }
  // Some of its hunks may have been applied.
  await writing(path, () => writeFile(path, before));
  if (report.exitStatus > 1 || report.failed.length === 0) {
    const finding = diagnose('patch-program-failed', { file: patch.fileName, path: file.path, lines: report.lines });
    return { kind: 'refused', findings: [finding] };
  }
  const reverse = await runPatch({ directory: tree, path: file.path, diff, isReverseTrial: true, signal });
  if (reverse.exitStatus === 0) return { kind: 'already-applied' };
  const text = withoutCarriageReturns(job, before).toString(patch.encoding);
  const findings = report.failed.flatMap((number) => {
    const hunk = file.change.hunks[number - 1];
    return hunk === undefined ? [] : [failedHunk(job, number, hunk.lineInPatch, explainHunk(hunk, text))];
  });
  return { kind: 'refused', findings };
}

/** A script that the build runs. */
async function makeExecutable(path: string, change: PatchedFile): Promise<void> {
  if (change.mode === '100755') await chmod(path, 0o755);
}

function movedHunks({ patch, file }: FileJob, report: PatchReport): Diagnostic[] {
  return report.moved.map(({ hunk, at, offset }) => {
    const line = file.change.hunks[hunk - 1]?.lineInPatch ?? file.change.lineInPatch;
    return diagnose('patch-offset', { file: patch.fileName, line, path: file.path, hunk, at, offset });
  });
}

function doesNotApply(job: FileJob, hunk: number, comparison: readonly string[]): FileOutcome {
  const line = job.file.change.hunks[hunk - 1]?.lineInPatch ?? job.file.change.lineInPatch;
  return { kind: 'refused', findings: [failedHunk(job, hunk, line, comparison)] };
}

function failedHunk({ patch, file }: FileJob, hunk: number, line: number, comparison: readonly string[]): Diagnostic {
  const hunks = Math.max(1, file.change.hunks.length);
  return diagnose('patch-does-not-apply', { file: patch.fileName, line, path: file.path, hunk, hunks, comparison });
}

/** The patch has lost the CR of every line end (mail, editor) or never had one, while the file's lines end so. */
function needsCarriageReturns({ patch }: FileJob, content: Buffer): boolean {
  return patch.hasCarriageReturns && /\r\n/.test(content.toString('latin1'));
}

function withoutCarriageReturns(job: FileJob, content: Buffer): Buffer {
  if (!needsCarriageReturns(job, content)) return content;
  return Buffer.from(content.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw readingError(error, path);
  }
}

async function writing(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw writingError(error, path, 'work-folder-unwritable');
  }
}
