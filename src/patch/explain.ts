/**
 * Says why a hunk does not apply, in lines of the patch against lines of the file: what stands at the place that the
 * hunk most likely means. "Hunk #2 FAILED" alone sends people searching.
 */
import { type Hunk, type HunkLine, oldLines } from './patch.js';

/** Differing lines that are shown. */
const shownDifferences = 4;
/** Longest part of a line that is shown. */
const shownCharacters = 160;
/** Comparisons of lines after which the search for the place is kept near the line that the hunk names. */
const comparisons = 20_000_000;
/** Lines of a hunk that are compared. */
const comparedLines = 400;

/** Lines for a message: expected and found, with line numbers of the file. `text` is the file's content. */
export function explainHunk(hunk: Hunk, text: string): string[] {
  const expected = oldLines(hunk).slice(0, comparedLines);
  const found = text.split('\n');
  const endsWithNewline = found.at(-1) === '';
  if (endsWithNewline) found.pop();
  if (expected.length === 0)
    return [`the hunk inserts after line ${hunk.oldStart}; the file has ${found.length} lines`];

  const place = likeliestPlace(expected, found, hunk.oldStart - 1);
  if (place === undefined) return nowhereInFile(expected, found) ?? nothingAlike(expected, found, hunk.oldStart);
  const differences = expected
    .map((line, index) => ({ number: place + index + 1, expected: line.text, found: found[place + index] }))
    .filter((pair) => pair.expected !== pair.found);
  if (differences.length === 0) return onlyTheEndDiffers(expected, found.length, endsWithNewline, place);
  const areBlanks = differences.every((pair) => plain(pair.expected) === plain(pair.found ?? ''));
  const lines = differences.slice(0, shownDifferences).flatMap((pair) => shownPair(pair, areBlanks));
  const more = differences.length - shownDifferences;
  if (more > 0) lines.push(`and ${more} more line${more === 1 ? '' : 's'}`);
  if (areBlanks) lines.push('they differ in white space only: an editor or a mail program may have changed the patch');
  return lines;
}

interface Difference {
  readonly number: number;
  readonly expected: string;
  /** Undefined behind the end of the file. */
  readonly found: string | undefined;
}

function shownPair({ number, expected, found }: Difference, showBlanks: boolean): string[] {
  const show = (line: string) => (showBlanks ? line.replaceAll('\t', '\\t').replaceAll('\r', '\\r') : line);
  const cut = (line: string) => show(line).slice(0, shownCharacters);
  return [
    `line ${number}, the patch expects: ${cut(expected)}`,
    found === undefined
      ? `line ${number}, the file ends before it`
      : `line ${number}, the file has:      ${cut(found)}`,
  ];
}

/**
 * Where no place is like the hunk, the lines that the file has nowhere say most: often an earlier patch would have added
 * them. Undefined when each line is somewhere.
 */
function nowhereInFile(expected: readonly HunkLine[], found: readonly string[]): string[] | undefined {
  const present = new Set(found.map(plain));
  const absent = expected.filter(({ text }) => isTelling(text) && !present.has(plain(text)));
  if (absent.length === 0) return undefined;
  const shown = absent
    .slice(0, shownDifferences)
    .map(({ text }) => `nowhere in the file: ${text.slice(0, shownCharacters)}`);
  return absent.length > shownDifferences ? [...shown, `and ${absent.length - shownDifferences} more`] : shown;
}

function nothingAlike(expected: readonly HunkLine[], found: readonly string[], start: number): string[] {
  const pairs = expected.slice(0, shownDifferences);
  const shown = pairs.flatMap((line, index) =>
    shownPair({ number: start + index, expected: line.text, found: found[start + index - 1] }, false),
  );
  return ['nothing like the lines of the hunk is in the file', ...shown];
}

/** All lines are there, and yet patch refuses: a hunk with little context behind it belongs at the end of the file. */
function onlyTheEndDiffers(expected: readonly HunkLine[], length: number, endsWithNewline: boolean, place: number) {
  const lines = [`all ${expected.length} lines are in the file from line ${place + 1} on`];
  const isAtEnd = place + expected.length === length;
  const wantsNewline = expected.at(-1)?.hasNewline ?? true;
  if (isAtEnd && wantsNewline !== endsWithNewline) {
    lines.push(
      `the last line of the file ${endsWithNewline ? 'has' : 'lacks'} a newline, in the patch it is the other way round`,
    );
  } else {
    lines.push(
      'but not where the hunk has them: at the beginning or the end of the file, or behind the hunk before it',
    );
  }
  return lines;
}

/**
 * The line index at which most lines agree, the nearest to `start` among equals. Lines that differ in white space only
 * agree nearly; empty lines and lone braces are everywhere and do not count. Undefined where less than half agree.
 */
function likeliestPlace(expected: readonly HunkLine[], found: readonly string[], start: number): number | undefined {
  const telling = expected
    .map(({ text }, index) => ({ text, plain: plain(text), index }))
    .filter((line) => isTelling(line.text));
  const plainFound = found.map(plain);
  const reach = Math.ceil(comparisons / Math.max(1, telling.length) / 2);
  let best = { place: -1, agreement: 0 };
  const last = Math.min(found.length - 1, start + reach);
  for (let place = Math.max(0, start - reach); place <= last; place += 1) {
    let agreement = 0;
    for (const line of telling) {
      if (plainFound[place + line.index] === line.plain) agreement += found[place + line.index] === line.text ? 1 : 0.9;
    }
    const isNearer = Math.abs(place - start) < Math.abs(best.place - start);
    if (agreement > best.agreement || (agreement === best.agreement && agreement > 0 && isNearer))
      best = { place, agreement };
  }
  return best.agreement > 0 && best.agreement >= telling.length / 2 ? best.place : undefined;
}

function isTelling(line: string): boolean {
  return /[A-Za-z0-9_]/.test(line);
}

function plain(line: string): string {
  return line.replace(/\s+/g, ' ').trim();
}
