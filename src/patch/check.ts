/**
 * Holds a patch against the tree that it is for: which file is meant by each of its paths, and whether kptool can do
 * what it asks. All findings of all patches are collected, so that the user hears everything at once.
 */
import { realpath } from 'node:fs/promises';
import { extname } from 'node:path';
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { readingError } from '../system/system-error.js';
import type { Patch, PatchedFile } from './patch.js';
import { listFiles, type Place, placeInTree, reasonOutside, similarPaths, stripPath } from './tree-path.js';

export interface ResolvedPatch {
  readonly patch: Patch;
  /** How many leading folder names the paths of the patch have before they fit the tree. */
  readonly strip: number;
  /** Whether the user gave `strip`; otherwise it was found by trying. */
  readonly isStripGiven: boolean;
  readonly files: readonly ResolvedFile[];
  /** Errors among them mean that the patch must not be applied. */
  readonly findings: readonly Diagnostic[];
}

export interface ResolvedFile {
  /** Relative to the tree, without symbolic links. */
  readonly path: string;
  readonly change: PatchedFile;
}

export interface ResolveOptions {
  /** `-p` of patch; absent: found by trying. */
  readonly strip?: number | undefined;
}

/** Files that earlier patches of the same build add or take away, and the level at which the one before was read. */
interface EarlierPatches {
  readonly added: Set<string>;
  readonly deleted: Set<string>;
  strip: number | undefined;
}

const usualStrip = 1;
const deepestStrip = 12;
const nothing = '/dev/null';

/**
 * Resolves one patch against the tree at `tree`. Returns findings; throws only `input-missing` and `input-unreadable`
 * for the tree itself.
 */
export async function resolvePatch(patch: Patch, tree: string, options: ResolveOptions = {}): Promise<ResolvedPatch> {
  const [resolved] = await resolvePatches([patch], tree, options);
  if (resolved === undefined) throw new Error('one patch gave no result');
  return resolved;
}

/** As `resolvePatch`, for patches that are applied one after the other: a later one may change what an earlier one adds. */
export async function resolvePatches(
  patches: readonly Patch[],
  tree: string,
  options: ResolveOptions = {},
): Promise<ResolvedPatch[]> {
  const root = await realpath(tree).catch((error: unknown) => {
    throw readingError(error, tree);
  });
  const earlier: EarlierPatches = { added: new Set(), deleted: new Set(), strip: undefined };
  const resolved: ResolvedPatch[] = [];
  for (const patch of patches) resolved.push(await resolveOne(patch, root, options, earlier));
  return resolved;
}

async function resolveOne(
  patch: Patch,
  root: string,
  options: ResolveOptions,
  earlier: EarlierPatches,
): Promise<ResolvedPatch> {
  const strip = options.strip ?? (await findStrip(patch, root, earlier));
  const files: ResolvedFile[] = [];
  const findings: Diagnostic[] = [];
  for (const change of patch.files) {
    const refusals = refusalsOf(patch, change);
    findings.push(...refusals);
    if (refusals.length > 0) continue;
    const outcome = await locate(patch, change, strip, root, earlier);
    if ('code' in outcome) {
      findings.push(outcome);
      continue;
    }
    files.push({ path: outcome.path, change });
    noteForLaterPatches(earlier, outcome.path, change);
  }
  earlier.strip = strip;
  return { patch, strip, isStripGiven: options.strip !== undefined, files, findings };
}

function noteForLaterPatches(earlier: EarlierPatches, path: string, change: PatchedFile): void {
  if (change.kind === 'added') {
    earlier.added.add(path);
    earlier.deleted.delete(path);
  }
  if (change.kind === 'deleted') {
    earlier.deleted.add(path);
    earlier.added.delete(path);
  }
}

/** The name that messages use: without git's a/ or b/. */
function shownPath(change: PatchedFile): string {
  return (change.newPath === nothing ? change.oldPath : change.newPath).replace(/^[ab]\//, '');
}

/** What can be refused without looking at the tree. Each rule has a code of its own, and a file may break several. */
function refusalsOf(patch: Patch, change: PatchedFile): Diagnostic[] {
  const at = { file: patch.fileName, line: change.lineInPatch, path: shownPath(change) };
  const findings: Diagnostic[] = [];
  const paths = [change.oldPath, change.newPath].filter((path) => path !== nothing);
  const outside = paths.find((path) => reasonOutside(path) !== undefined);
  if (outside !== undefined) {
    const reason = reasonOutside(outside) ?? '';
    findings.push(diagnose('patch-path-outside', { ...at, path: outside, reason }));
  }
  if (change.isBinary) findings.push(diagnose('patch-binary', at));
  // .S is assembly with preprocessor lines, .s without.
  if (paths.some((path) => extname(path).toLowerCase() === '.s')) findings.push(diagnose('patch-assembly', at));
  const unsupported = unsupportedChange(change);
  if (unsupported !== undefined) findings.push(diagnose('patch-unsupported-change', { ...at, ...unsupported }));
  if (change.kind === 'mode' && findings.length === 0) findings.push(diagnose('patch-mode-ignored', at));
  return findings;
}

function unsupportedChange(change: PatchedFile): { change: string; fix: string } | undefined {
  const name = shownPath(change);
  if (change.mode?.startsWith('12')) {
    return { change: `changes the symbolic link ${name}`, fix: 'Change the file that the link leads to instead.' };
  }
  if (change.mode?.startsWith('16')) {
    return { change: `moves the submodule ${name}`, fix: 'Make a patch of the changes within the submodule instead.' };
  }
  if (change.kind === 'renamed') {
    const fix = 'Leave the file where it is and change it there; for a livepatch its place does not matter.';
    return { change: `renames ${change.oldPath} to ${change.newPath}`, fix };
  }
  if (change.kind === 'copied') {
    const fix = 'Make the patch with git diff --no-copies --no-renames, so that the new file is in it as a whole.';
    return { change: `makes ${change.newPath} as a copy of ${change.oldPath}`, fix };
  }
  return undefined;
}

/** The names that may stand for the file in the tree, likeliest first: `mad.c.orig` and `mad.c` name one file. */
function candidates(change: PatchedFile, strip: number): string[] {
  const names = change.kind === 'added' ? [change.newPath] : [change.newPath, change.oldPath];
  const stripped = names.filter((name) => name !== nothing).map((name) => stripPath(name, strip));
  return [...new Set(stripped.filter((name) => name !== undefined))];
}

async function placeOf(root: string, path: string, earlier: EarlierPatches): Promise<Place> {
  const place = await placeInTree(root, path);
  if (place.kind === 'missing' && earlier.added.has(place.path)) return { ...place, kind: 'file' };
  if (place.kind === 'file' && earlier.deleted.has(place.path)) return { ...place, kind: 'missing' };
  return place;
}

/** The file of the tree that is meant, or the finding that there is none. */
async function locate(
  patch: Patch,
  change: PatchedFile,
  strip: number,
  root: string,
  earlier: EarlierPatches,
): Promise<{ path: string } | Diagnostic> {
  const paths = candidates(change, strip);
  const places: Place[] = [];
  for (const path of paths) places.push(await placeOf(root, path, earlier));
  const file = places.find(({ kind }) => kind === 'file');
  if (file?.kind === 'file') return { path: file.path };

  const at = { file: patch.fileName, line: change.lineInPatch, path: paths[0] ?? shownPath(change) };
  const outside = places.find(({ kind }) => kind === 'outside');
  if (outside?.kind === 'outside') return diagnose('patch-path-outside', { ...at, reason: outside.reason });
  const [place] = places;
  if (place?.kind === 'unusable') {
    const problem = { change: `has ${at.path} as a file, which the tree does not allow there`, fix: fixOfUnusable };
    return diagnose('patch-unsupported-change', { ...at, ...problem });
  }
  if (place?.kind === 'missing' && canBeMade(change)) return { path: place.path };
  const similar = similarPaths(at.path, await listFiles(root));
  return diagnose('patch-file-missing', { ...at, strip, tree: root, similar });
}

const fixOfUnusable =
  'Check that the patch is for this tree: it has a folder, or something that is no ordinary file, at this path.';

/** New files; also a file that the patch finds empty, which plain diff -N writes in the same way. */
function canBeMade(change: PatchedFile): boolean {
  const [hunk] = change.hunks;
  return change.kind === 'added' || (change.kind === 'modified' && hunk?.oldStart === 0 && hunk.oldLength === 0);
}

/**
 * Finds how many folder names to take off. A patch made in the kernel's root says a/drivers/infiniband/core/mad.c, while
 * the tree is that folder. Levels are tried in the order 1 (git's a/ and b/), 0, 2, 3 …:
 *
 * 1. the first at which every file that the patch changes is in the tree;
 * 2. the level at which most of them are (the others are told as missing);
 * 3. where none is, or the patch only adds files: that of the patch before, else 1, or 0 for names without a folder.
 */
async function findStrip(patch: Patch, root: string, earlier: EarlierPatches): Promise<number> {
  const changed = patch.files.filter((change) => change.kind !== 'added' && change.kind !== 'mode');
  let best = { strip: usualStrip, count: 0 };
  for (const strip of levels(patch, earlier.strip)) {
    let count = 0;
    for (const change of changed) if (await isInTree(change, strip, root, earlier)) count += 1;
    if (count > best.count) best = { strip, count };
    if (count === changed.length && count > 0) return strip;
  }
  if (best.count > 0) return best.strip;
  if (earlier.strip !== undefined) return earlier.strip;
  return patch.files.every((change) => candidates(change, usualStrip).length > 0) ? usualStrip : 0;
}

function levels(patch: Patch, first: number | undefined): number[] {
  const paths = patch.files.flatMap(({ oldPath, newPath }) => [oldPath, newPath]);
  const longest = paths.reduce((most, path) => Math.max(most, path.split('/').length), 0);
  const deepest = Math.min(deepestStrip, longest);
  const usual = [usualStrip, 0, ...Array.from({ length: deepest }, (_, index) => index + 2)];
  return first === undefined ? usual : [first, ...usual];
}

async function isInTree(change: PatchedFile, strip: number, root: string, earlier: EarlierPatches): Promise<boolean> {
  for (const path of candidates(change, strip)) {
    const place = await placeOf(root, path, earlier);
    if (place.kind === 'file') return true;
  }
  return false;
}
