/**
 * Reads unified diffs as git and diff write them, bare or in a mail, and says of each file what changes. It decides what
 * the patch says; whether that can be done to a tree is for check.ts.
 *
 * The parser is kptool's own since its answers are what is checked: paths, kinds and lines that were refused or let
 * through here are exactly those that are applied (unified.ts writes them anew for GNU patch).
 */
import { fail } from '../diagnostics/catalogue.js';
import { isEpochLine, nameOfGitHeader, nameOfHeaderLine, namesOfGitLine } from './header-names.js';
import { isHunkHeader, parseHunks } from './parse-hunks.js';
import type { ChangeKind, Hunk, Patch, PatchEncoding, PatchedFile } from './patch.js';
import { PatchLines } from './patch-lines.js';

/** What git's extended header lines say about a file. */
interface GitFacts {
  old?: string;
  new?: string;
  kind?: 'added' | 'deleted' | 'renamed' | 'copied';
  oldMode?: string;
  newMode?: string;
}

const nothing = '/dev/null';

/**
 * Parses a patch file. Throws `patch-malformed` with the line, or `patch-empty` where no file is changed. Binary files
 * and other changes that kptool does not take are in the result; `resolvePatch` refuses them, together with all else.
 */
export function parsePatch(text: string, fileName: string, encoding: PatchEncoding = 'utf8'): Patch {
  // Not the "@@" line, since what it repeats of a function's head may end with a CR of the patched file.
  const hasCarriageReturns = /^\+\+\+ [^\n]*\r\n@@ -/m.test(text);
  const lines = new PatchLines(fileName, splitLines(text, hasCarriageReturns));
  refuseOtherText(text, lines);
  const files: PatchedFile[] = [];
  while (!lines.isAtEnd) {
    const file = parseFile(lines, encoding);
    if (file === undefined) lines.advance();
    else files.push(withUsableNames(lines, file));
  }
  if (files.length === 0) fail('patch-empty', { file: fileName });
  return { fileName, encoding, hasCarriageReturns, files };
}

function splitLines(text: string, hasCarriageReturns: boolean): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return hasCarriageReturns ? lines.map((line) => line.replace(/\r$/, '')) : lines;
}

/** Quoted names can spell characters that no file can have in its name, or that would break the lines of a message. */
function withUsableNames(lines: PatchLines, file: PatchedFile): PatchedFile {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are what is refused
  const isOdd = /[\x00-\x1f\x7f]/.test(file.oldPath + file.newPath);
  return isOdd ? lines.malformedAt(file.lineInPatch, 'the name of the file has control characters') : file;
}

function refuseOtherText(text: string, lines: PatchLines): void {
  const place = text.indexOf('\0');
  if (place < 0) return;
  const line = text.slice(0, place).split('\n').length;
  lines.malformedAt(line, 'it holds a NUL character; a patch is text (of UTF-16 files, save them as UTF-8)');
}

/** Reads the part of one file, if the current line begins one; mail text and the like do not. */
function parseFile(lines: PatchLines, encoding: PatchEncoding): PatchedFile | undefined {
  const line = lines.current ?? '';
  if (line.startsWith('diff --git ')) return parseGitFile(lines, encoding);
  if (line.startsWith('--- ') && lines.next?.startsWith('+++ ')) return parsePlainFile(lines, encoding);
  if (isHunkHeader(line))
    lines.malformed('a hunk stands here without the names of its file ("---" and "+++") before it');
  if (/^diff --(cc|combined) /.test(line) || /^@@@+ -/.test(line)) {
    lines.malformed('this is the combined diff of a merge; make one against a single parent (git diff PARENT MERGE)');
  }
  if (line === '***************' && /^\*\*\* \d+(,\d+)? \*\*\*\*/.test(lines.next ?? '')) {
    lines.malformed('this is a context diff; make a unified one (diff -u)');
  }
  const binary = /^Binary files (.+) and (.+) differ$/.exec(line);
  return binary === null ? undefined : parsePlainBinary(lines, binary[1] ?? '', binary[2] ?? '');
}

function parsePlainBinary(lines: PatchLines, oldPath: string, newPath: string): PatchedFile {
  const lineInPatch = lines.number;
  lines.advance();
  return { oldPath, newPath, kind: 'modified', isBinary: true, mode: undefined, hunks: [], lineInPatch };
}

function parsePlainFile(lines: PatchLines, encoding: PatchEncoding): PatchedFile {
  const lineInPatch = lines.number;
  const names = parseNames(lines, encoding);
  const hunks = parseHunks(lines);
  const [hunk] = hunks;
  const comes = names.old === nothing || (hunk?.oldLength === 0 && hunk.oldStart === 0 && names.isOldEpoch);
  const goes = names.new === nothing || (hunk?.newLength === 0 && hunk.newStart === 0 && names.isNewEpoch);
  if (comes && goes) lines.malformedAt(lineInPatch, 'both names of the file say that there is none');
  const kind = comes ? 'added' : goes ? 'deleted' : 'modified';
  checkWhole(lines, kind, hunks);
  return { oldPath: names.old, newPath: names.new, kind, isBinary: false, mode: undefined, hunks, lineInPatch };
}

function parseNames(lines: PatchLines, encoding: PatchEncoding) {
  const oldRest = (lines.current ?? '').slice(4);
  const oldName = nameOfHeaderLine(oldRest, encoding) || lines.malformed(unreadableName);
  lines.advance();
  if (!lines.current?.startsWith('+++ ')) lines.malformed('after "---" the line "+++" with the new name must follow');
  const newRest = lines.current.slice(4);
  const newName = nameOfHeaderLine(newRest, encoding) || lines.malformed(unreadableName);
  lines.advance();
  return { old: oldName, new: newName, isOldEpoch: isEpochLine(oldRest), isNewEpoch: isEpochLine(newRest) };
}

const unreadableName = 'the name of the file cannot be read';

function parseGitFile(lines: PatchLines, encoding: PatchEncoding): PatchedFile {
  const lineInPatch = lines.number;
  const names = namesOfGitLine((lines.current ?? '').slice('diff --git '.length), encoding);
  lines.advance();
  const facts = parseGitHeaders(lines, encoding);
  const isBinary = skipBinary(lines);
  let hunks: Hunk[] = [];
  let texts: { old: string; new: string } | undefined;
  if (!isBinary && lines.current?.startsWith('--- ')) {
    texts = parseNames(lines, encoding);
    hunks = parseHunks(lines);
  }
  const oldPath = texts?.old ?? names?.old ?? facts.old;
  const newPath = texts?.new ?? names?.new ?? facts.new;
  if (!oldPath || !newPath) lines.malformedAt(lineInPatch, unreadableName);
  if (oldPath === nothing && newPath === nothing) {
    lines.malformedAt(lineInPatch, 'both names of the file say that there is none');
  }
  const kind =
    kindOf(facts, texts, hunks, isBinary) ?? lines.malformedAt(lineInPatch, 'the changes of the file are missing');
  if (!isBinary) checkWhole(lines, kind, hunks);
  return { oldPath, newPath, kind, isBinary, mode: facts.newMode, hunks, lineInPatch };
}

function kindOf(
  facts: GitFacts,
  texts: { old: string; new: string } | undefined,
  hunks: readonly Hunk[],
  isBinary: boolean,
): ChangeKind | undefined {
  if (facts.kind !== undefined) return facts.kind;
  if (texts?.old === nothing) return 'added';
  if (texts?.new === nothing) return 'deleted';
  if (hunks.length > 0 || isBinary) return 'modified';
  return facts.oldMode === facts.newMode ? undefined : 'mode';
}

/** One line each of git's extended headers, and what it tells. */
const gitHeaders: readonly [
  pattern: RegExp,
  take: (facts: GitFacts, rest: string, name: string | undefined) => GitFacts,
][] = [
  [/^old mode (\d{6})$/, (facts, mode) => ({ ...facts, oldMode: mode })],
  [/^new mode (\d{6})$/, (facts, mode) => ({ ...facts, newMode: mode })],
  [/^new file mode (\d{6})$/, (facts, mode) => ({ ...facts, kind: 'added', newMode: mode })],
  [/^deleted file mode (\d{6})$/, (facts, mode) => ({ ...facts, kind: 'deleted', newMode: mode })],
  [/^rename from (.+)$/, (facts, _, name) => ({ ...facts, kind: 'renamed', ...(name && { old: name }) })],
  [/^rename to (.+)$/, (facts, _, name) => ({ ...facts, kind: 'renamed', ...(name && { new: name }) })],
  [/^copy from (.+)$/, (facts, _, name) => ({ ...facts, kind: 'copied', ...(name && { old: name }) })],
  [/^copy to (.+)$/, (facts, _, name) => ({ ...facts, kind: 'copied', ...(name && { new: name }) })],
  [/^(?:dis)?similarity index (\d+%)$/, (facts) => facts],
  // A mode in this line is one that stays: "index 83db48f..bf269f4 100644".
  [
    /^index [0-9a-f]+\.\.[0-9a-f]+(?: (\d{6}))?$/,
    (facts, mode) => (mode ? { ...facts, oldMode: mode, newMode: mode } : facts),
  ],
];

function parseGitHeaders(lines: PatchLines, encoding: PatchEncoding): GitFacts {
  let facts: GitFacts = {};
  for (;;) {
    const line = lines.current ?? '';
    const match = gitHeaders
      .map(([pattern, take]) => ({ fields: pattern.exec(line), take }))
      .find(({ fields }) => fields);
    if (match === undefined) return facts;
    const rest = match.fields?.[1] ?? '';
    facts = match.take(facts, rest, nameOfGitHeader(rest, encoding));
    lines.advance();
  }
}

/** Passes over the content of a binary file, whose lines may look like anything, up to the next file. */
function skipBinary(lines: PatchLines): boolean {
  if (/^Binary files .+ differ$/.test(lines.current ?? '')) {
    lines.advance();
    return true;
  }
  if (lines.current !== 'GIT binary patch') return false;
  while (!lines.isAtEnd && !lines.current?.startsWith('diff --git ')) lines.advance();
  return true;
}

/** A file that comes or goes does so as a whole: in one hunk, in which the other side has no line. */
function checkWhole(lines: PatchLines, kind: ChangeKind, hunks: readonly Hunk[]): void {
  const [first, second] = hunks;
  if (kind === 'added' && (second ?? (first?.oldLength ? first : undefined))) {
    lines.malformedAt(
      (second ?? first)?.lineInPatch ?? 1,
      'the file is new, but the hunk changes lines that were there',
    );
  }
  if (kind === 'deleted' && (second ?? (first?.newLength ? first : undefined))) {
    lines.malformedAt((second ?? first)?.lineInPatch ?? 1, 'the file is deleted, but the hunk leaves lines in it');
  }
}
