/**
 * Writes a parsed file's hunks as a unified diff again, for GNU patch. What patch reads is thus exactly what the parser
 * understood and the check let through: no mail text, no ed script, no second set of names.
 */
import { type Hunk, type HunkLine, newLines, oldLines, type PatchEncoding, type PatchedFile } from './patch.js';

/**
 * The diff of one file as bytes. The names in it are fixed, since patch is told the file; only that one is missing
 * matters. `lineEnd` stands behind every line's text, `\r` for a file whose lines end so while the patch has lost them.
 */
export function unifiedDiff(file: PatchedFile, encoding: PatchEncoding, lineEnd: '' | '\r'): Buffer {
  const oldName = file.kind === 'added' ? '/dev/null' : 'a/file';
  const newName = file.kind === 'deleted' ? '/dev/null' : 'b/file';
  const hunks = file.hunks.map((hunk) => hunkText(hunk, lineEnd));
  return Buffer.from(`--- ${oldName}\n+++ ${newName}\n${hunks.join('')}`, encoding);
}

function hunkText(hunk: Hunk, lineEnd: string): string {
  const range = `@@ -${hunk.oldStart},${hunk.oldLength} +${hunk.newStart},${hunk.newLength} @@\n`;
  return range + hunk.lines.map((line) => lineText(line, lineEnd)).join('');
}

function lineText({ kind, text, hasNewline }: HunkLine, lineEnd: string): string {
  return hasNewline ? `${kind}${text}${lineEnd}\n` : `${kind}${text}\n\\ No newline at end of file\n`;
}

/** The whole content that a hunk expects to find. */
export function oldText(hunk: Hunk): string {
  return joined(oldLines(hunk));
}

/** The whole content that a hunk leaves behind. */
export function newText(hunk: Hunk): string {
  return joined(newLines(hunk));
}

function joined(lines: readonly HunkLine[]): string {
  return lines.map(({ text, hasNewline }) => (hasNewline ? `${text}\n` : text)).join('');
}
