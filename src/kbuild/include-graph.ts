/**
 * Who includes whom, as a text that answers without being taken apart: most questions need a few of its 30,000 lines, and the
 * table that all of them would fill takes longer than a compiler run.
 */
import path from 'node:path';

/** kbuild includes them into every source (`-include`, scripts/Makefile.lib and the top Makefile). */
const includedByAll = ['include/linux/kconfig.h', 'include/linux/compiler-version.h', 'include/linux/compiler_types.h'];

export class IncludeGraph {
  /** Known by their places in this list. */
  readonly files: readonly string[];
  /** By what is included, places of the files that include it, with spaces between them. See `keyOf`. */
  readonly #includers: ReadonlyMap<string, string>;

  private constructor(files: readonly string[], includers: ReadonlyMap<string, string>) {
    this.files = files;
    this.#includers = includers;
  }

  /** By file, its includes as written, with `"` in front of quoted ones. */
  static of(includes: ReadonlyMap<string, readonly string[]>): IncludeGraph {
    const files = [...includes.keys()];
    const includers = new Map<string, number[]>();
    for (const [place, file] of files.entries()) {
      for (const include of includes.get(file) ?? []) {
        const key = keyOf(file, include, (candidate) => includes.has(candidate));
        const known = includers.get(key);
        if (known === undefined) includers.set(key, [place]);
        else if (known.at(-1) !== place) known.push(place);
      }
    }
    return new IncludeGraph(files, new Map([...includers].map(([key, places]) => [key, places.join(' ')])));
  }

  /** Of what `toString` gave; `undefined` where it is something else. */
  static parse(text: string): IncludeGraph | undefined {
    const [files, ...lines] = text.split('\n');
    if (files === undefined || lines.pop() !== end) return undefined;
    const includers = lines.map((line): [string, string] => {
      const tab = line.indexOf('\t');
      return [line.slice(0, tab), line.slice(tab + 1)];
    });
    return new IncludeGraph(files.split('\t'), new Map(includers));
  }

  toString(): string {
    const lines = [...this.#includers].map(([key, places]) => `${key}\t${places}`);
    return [this.files.join('\t'), ...lines, end].join('\n');
  }

  /** The C files that include one of `touched` in any number of steps, and those of `touched` that are C files. */
  sourcesOf(touched: readonly string[]): Set<string> {
    const reached = new Set(touched);
    for (const file of reached) {
      if (includedByAll.includes(file)) for (const other of this.files) reached.add(other);
      for (const key of keysOf(file)) {
        for (const place of this.#includers.get(key)?.split(' ') ?? []) reached.add(this.files[Number(place)] ?? file);
      }
    }
    return new Set([...reached].filter((file) => file.endsWith('.c')));
  }
}

/** Says that a text is whole. */
const end = '.';

/**
 * What an include may mean:
 *
 * 1. A quoted name that is there beside the including file means that one, and no other: `=fs/proc/internal.h`.
 * 2. Any other name may mean every file whose path ends in it, since each folder can be a `-I`: `linux/fs.h`.
 */
function keyOf(from: string, include: string, isThere: (file: string) => boolean): string {
  const text = include.replace(/^"/, '');
  if (include.startsWith('"')) {
    const beside = path.posix.join(path.posix.dirname(from), text);
    if (isThere(beside)) return `=${beside}`;
  }
  return path.posix.normalize(text).replace(/^(?:\.\.\/)+/, '');
}

/** All that an include which means the file may be known by. */
function keysOf(file: string): string[] {
  const names = file.split('/');
  return [`=${file}`, ...names.map((_, from) => names.slice(from).join('/'))];
}
