/** Wording of the findings of `patch`: what a patch file says, whether it fits the tree, whether it applies. */
import type { Wording } from './diagnostic.js';

const inTree = 'kptool builds the files of one module tree and applies patches to a private copy of it, nowhere else.';

export const patchMessages = {
  'patch-malformed': (details: { file: string; line: number; problem: string; text: string | undefined }) => ({
    what: `${details.file}:${details.line}: ${details.problem}.`,
    why: 'The patch was cut off, edited or changed on its way; what it means is not certain.',
    fix: 'Make it anew with git diff or diff -Nru, and send it as a file, not as the text of a mail.',
    details: details.text === undefined ? [] : [`line ${details.line}: ${details.text.slice(0, 80)}`],
  }),
  'patch-empty': (details: { file: string }) => ({
    what: `${details.file} changes no file.`,
    why: 'It holds no unified diff: neither a "diff --git" line nor "---" and "+++" lines with hunks.',
    fix: 'Make the patch with git diff or diff -Nru, and check that the file is the one you mean.',
  }),
  'patch-binary': (details: { file: string; line: number; path: string }) => ({
    what: `${details.file}:${details.line}: the patch changes the binary file ${details.path}.`,
    why: 'A livepatch is built from changed source text; objects and firmware cannot be replaced by it.',
    fix: `Leave ${details.path} out of the patch.`,
  }),
  'patch-path-outside': (details: { file: string; line: number; path: string; reason: string }) => ({
    what: `${details.file}:${details.line}: the path ${details.path} leads out of the tree: ${details.reason}.`,
    why: inTree,
    fix: 'Make the patch from within the tree, with paths relative to it, and leave other files out.',
  }),
  'patch-file-missing': (details: {
    file: string;
    line: number;
    path: string;
    strip: number;
    tree: string;
    similar: readonly string[];
  }) => ({
    what: `${details.file}:${details.line}: the file ${details.path} is not in ${details.tree}.`,
    why: `${details.strip} leading folder name${details.strip === 1 ? ' was' : 's were'} taken off the paths of the patch, and it changes this file.`,
    fix: 'Check that the patch is for this tree, and that other patches that it needs come before it.',
    details: details.similar.map((path) => `the tree has ${path}`),
  }),
  'patch-assembly': (details: { file: string; line: number; path: string }) => ({
    what: `${details.file}:${details.line}: the patch changes the assembly source ${details.path}.`,
    why: 'Functions written in assembly have no ftrace entry and no section of their own, so they cannot be replaced one by one.',
    fix: 'Change the C functions that call it instead, or leave it out of the patch.',
  }),
  'patch-unsupported-change': (details: { file: string; line: number; path: string; change: string; fix: string }) => ({
    what: `${details.file}:${details.line}: the patch ${details.change}.`,
    why: `Changed functions are found by comparing ${details.path} before and after, as one ordinary file in one place.`,
    fix: details.fix,
  }),
  'patch-mode-ignored': (details: { file: string; line: number; path: string }) => ({
    severity: 'warning',
    what: `${details.file}:${details.line}: of ${details.path} only the permissions change; that is left undone.`,
    why: 'Permissions of source files do not reach the running kernel.',
    fix: 'Nothing needs to be done.',
  }),
  'patch-does-not-apply': (details: {
    file: string;
    line: number;
    path: string;
    hunk: number;
    hunks: number;
    comparison: readonly string[];
  }) => ({
    what: `${details.file}:${details.line}: hunk ${details.hunk} of ${details.hunks} for ${details.path} does not apply.`,
    why: 'The lines that it expects are not in the file, so the patch was made for another version of the source.',
    fix: 'Port the patch to this source, or build from the source that it was made for.',
    details: details.comparison,
  }),
  'patch-already-applied': (details: { file: string; paths: readonly string[]; isWhole: boolean }) => ({
    what: details.isWhole
      ? `${details.file} is already applied to this tree.`
      : `${details.file} is already applied in part: ${details.paths.join(', ')}.`,
    why: 'A livepatch is the difference between the source of the running module and the patched source; here there is none.',
    fix: 'Use the source that the running module was built from, and take the patch out of it (patch --reverse).',
    details: details.paths.map((path) => `has the change already: ${path}`),
  }),
  'patch-offset': (details: {
    file: string;
    line: number;
    path: string;
    hunk: number;
    at: number;
    offset: number;
  }) => ({
    severity: 'warning',
    what: `${details.file}:${details.line}: hunk ${details.hunk} for ${details.path} fits at line ${details.at}, ${Math.abs(details.offset)} line${Math.abs(details.offset) === 1 ? '' : 's'} ${details.offset < 0 ? 'above' : 'below'} its place.`,
    why: 'The source is not exactly the one that the patch was made for; the lines around the change are the same.',
    fix: 'Check that the change has landed in the right function.',
  }),
  'patch-program-failed': (details: { file: string; path: string; lines: readonly string[] }) => ({
    exitStatus: 2,
    what: `The program patch could not work on ${details.path} for ${details.file}.`,
    why: 'It met a problem of the machine, not of the patch.',
    fix: 'See its output below; often the temporary folder (TMPDIR) is missing or full.',
    details: details.lines,
  }),
} satisfies Record<string, (details: never) => Wording>;
