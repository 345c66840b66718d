/** Reads file names out of the header lines of a patch, for the parser: git's quoting, timestamps, `diff --git`. */
import type { PatchEncoding } from './patch.js';

const escapes: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, '\\': 92 };

/**
 * The name in a `---` or `+++` line, without what stands before it: up to a tab, which diff puts before the time of
 * last change, and without a timestamp after spaces, where mail has turned the tab into those. Undefined where quotes
 * do not end or hold an unknown escape.
 */
export function nameOfHeaderLine(rest: string, encoding: PatchEncoding): string | undefined {
  if (rest.startsWith('"')) return unquote(rest, encoding)?.name;
  const [name = ''] = rest.split('\t');
  return name.replace(/\s+\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?( [+-]\d{4})?\s*$/, '');
}

/** Whether a `---` or `+++` line carries the time zero, by which `diff -N` says that the file is not there. */
export function isEpochLine(rest: string): boolean {
  const time = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(?: ([+-]\d\d)(\d\d))?\s*$/.exec(rest);
  if (time === null) return false;
  const [, day, clock, hours, minutes] = time;
  return Date.parse(`${day}T${clock?.slice(0, 8)}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`) === 0;
}

/**
 * The two names of a `diff --git` line. Unquoted they are only told apart because they are equal behind their first
 * folder (`a/x b/x`); a rename, where they are not, brings its names in lines of their own. Undefined for such a line.
 */
export function namesOfGitLine(rest: string, encoding: PatchEncoding): { old: string; new: string } | undefined {
  if (rest.startsWith('"')) {
    const first = unquote(rest, encoding);
    if (first === undefined || !first.rest.startsWith(' ')) return undefined;
    const second = first.rest.slice(1);
    const name = second.startsWith('"') ? unquote(second, encoding)?.name : second;
    return name === undefined ? undefined : { old: first.name, new: name };
  }
  const quoted = rest.indexOf(' "');
  if (quoted > 0) {
    const name = unquote(rest.slice(quoted + 1), encoding)?.name;
    return name === undefined ? undefined : { old: rest.slice(0, quoted), new: name };
  }
  const middle = (rest.length - 1) / 2;
  if (rest[middle] !== ' ') return undefined;
  const names = { old: rest.slice(0, middle), new: rest.slice(middle + 1) };
  return behindFirstFolder(names.old) === behindFirstFolder(names.new) ? names : undefined;
}

/** The name of a `rename from`, `copy to` or similar line. */
export function nameOfGitHeader(rest: string, encoding: PatchEncoding): string | undefined {
  return rest.startsWith('"') ? unquote(rest, encoding)?.name : rest;
}

function behindFirstFolder(path: string): string {
  return path.slice(path.indexOf('/') + 1);
}

/** Undoes git's C-like quoting, whose octal escapes are bytes; `rest` is what follows the closing quote. */
function unquote(text: string, encoding: PatchEncoding): { name: string; rest: string } | undefined {
  const bytes: Buffer[] = [];
  let at = 1;
  while (at < text.length) {
    const character = text[at] as string;
    if (character === '"') return { name: Buffer.concat(bytes).toString(encoding), rest: text.slice(at + 1) };
    if (character !== '\\') {
      const plain = /^[^"\\]+/.exec(text.slice(at))?.[0] ?? '';
      bytes.push(Buffer.from(plain, encoding));
      at += plain.length;
      continue;
    }
    const octal = /^[0-3][0-7]{2}/.exec(text.slice(at + 1, at + 4))?.[0];
    const byte = octal === undefined ? escapes[text[at + 1] ?? ''] : Number.parseInt(octal, 8);
    if (byte === undefined) return undefined;
    bytes.push(Buffer.from([byte]));
    at += octal === undefined ? 2 : 4;
  }
  return undefined;
}
