/**
 * Reads the hunks of one file, for the parser. The counts in the `@@` line decide where a hunk ends, since its lines may
 * look like anything ("--- a" is a removed line "-- a"); a hunk whose lines do not fit its counts is refused, because
 * what the author meant is lost.
 */
import type { Hunk, HunkLine } from './patch.js';
import type { PatchLines } from './patch-lines.js';

const header = /^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@ ?(.*)$/;

/** Reads all hunks from the current line on; none is a finding too. Throws `patch-malformed`. */
export function parseHunks(lines: PatchLines): Hunk[] {
  const hunks: Hunk[] = [];
  while (lines.current?.startsWith('@@')) {
    const hunk = parseHunk(lines);
    checkOrder(lines, hunks.at(-1), hunk);
    hunks.push(hunk);
  }
  if (hunks.length === 0) lines.malformed('a hunk ("@@ -LINE,COUNT +LINE,COUNT @@") must follow the names of the file');
  return hunks;
}

/** Whether a line is the head of a hunk. */
export function isHunkHeader(line: string): boolean {
  return header.test(line);
}

function parseHunk(lines: PatchLines): Hunk {
  const fields = header.exec(lines.current ?? '');
  if (fields === null) lines.malformed('the head of a hunk must read "@@ -LINE,COUNT +LINE,COUNT @@"');
  const [, oldStart, oldLength = '1', newStart, newLength = '1', heading = ''] = fields;
  const head = {
    oldStart: Number(oldStart),
    oldLength: Number(oldLength),
    newStart: Number(newStart),
    newLength: Number(newLength),
    heading,
    lineInPatch: lines.number,
  };
  if (head.oldLength === 0 && head.newLength === 0) lines.malformed('the hunk says that it has no lines');
  if ((head.oldStart === 0 && head.oldLength > 0) || (head.newStart === 0 && head.newLength > 0)) {
    lines.malformed('the hunk begins at line 0, but the first line of a file is line 1');
  }
  lines.advance();
  const hunk = { ...head, lines: parseHunkLines(lines, head) };
  checkMissingNewlines(lines, hunk);
  return hunk;
}

function parseHunkLines(lines: PatchLines, head: Omit<Hunk, 'lines'>): HunkLine[] {
  const parsed: HunkLine[] = [];
  let oldLeft = head.oldLength;
  let newLeft = head.newLength;
  while (oldLeft > 0 || newLeft > 0) {
    const kind = markOf(lines.current);
    if (kind === undefined) {
      const missing = `${oldLeft} of ${head.oldLength} old and ${newLeft} of ${head.newLength} new lines are missing`;
      lines.malformed(`the hunk of line ${head.lineInPatch} ends too early: ${missing}`);
    }
    if (kind !== '+') oldLeft -= 1;
    if (kind !== '-') newLeft -= 1;
    if (oldLeft < 0 || newLeft < 0) lines.malformed(tooLong(head));
    const text = (lines.current ?? '').slice(1);
    lines.advance();
    const hasNewline = !lines.current?.startsWith('\\');
    if (!hasNewline) lines.advance();
    parsed.push({ kind, text, hasNewline });
  }
  if (isHunkLineAfterEnd(lines)) lines.malformed(tooLong(head));
  return parsed;
}

function tooLong(head: Omit<Hunk, 'lines'>): string {
  return `the hunk of line ${head.lineInPatch} has more lines than the ${head.oldLength} old and ${head.newLength} new ones that it says`;
}

/** An empty line is a context line whose only character, a space, was lost to an editor or a mail program. */
function markOf(line: string | undefined): HunkLine['kind'] | undefined {
  if (line === '') return ' ';
  const mark = line?.[0];
  return mark === ' ' || mark === '+' || mark === '-' ? mark : undefined;
}

/** A line of a hunk where the hunk should be over; not so the next file's `---`, nor `-- ` before a mail's signature. */
function isHunkLineAfterEnd(lines: PatchLines): boolean {
  const line = lines.current;
  if (line === undefined || line === '' || /^-- ?$/.test(line)) return false;
  if (line.startsWith('--- ') && lines.next?.startsWith('+++ ')) return false;
  return markOf(line) !== undefined;
}

/** Only a file's last line may lack its newline, so nothing of the same side can follow such a line. */
function checkMissingNewlines(lines: PatchLines, hunk: Hunk): void {
  for (const side of ['-', '+'] as const) {
    const ofSide = hunk.lines.filter(({ kind }) => kind === ' ' || kind === side);
    if (ofSide.slice(0, -1).some(({ hasNewline }) => !hasNewline)) {
      lines.malformed(
        `in the hunk of line ${hunk.lineInPatch} lines follow a line that ends the file without a newline`,
      );
    }
  }
}

function checkOrder(lines: PatchLines, previous: Hunk | undefined, hunk: Hunk): void {
  if (previous === undefined) return;
  const isAfter = firstLine(hunk) >= firstLine(previous) + previous.oldLength;
  if (!isAfter) lines.malformedAt(hunk.lineInPatch, 'the hunk begins before the end of the hunk above it');
}

/** A hunk that only inserts names the line before its place, others the first line that they hold. */
function firstLine(hunk: Hunk): number {
  return hunk.oldLength === 0 ? hunk.oldStart + 1 : hunk.oldStart;
}
