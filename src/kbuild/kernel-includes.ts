/**
 * Which sources of a kernel tree include a file, directly or not. Found in the text, since before compiling kbuild knows of
 * no header; what the text cannot tell (which `-I` counts, which `#ifdef` holds) adds sources and leaves none out.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeOutputAtomically } from '../system/files.js';
import { type Listing, listGenerated } from './kernel-copy.js';

/** A file as it was read: size, time of last change, and its includes as written, with `"` in front of quoted ones. */
type Scanned = readonly [size: number, time: number, includes: readonly string[]];

export interface IncludeQuestion {
  readonly tree: string;
  /** Of the tree; see `listKernel`. */
  readonly listing: Listing;
  /** `SRCARCH`: the folder below arch/ whose files count. */
  readonly sourceArchitecture: string;
  /** Keeps what was read from one run to the next. */
  readonly cache: string;
}

const isCode = /\.(?:c|h|S|inc|def|tbl|lds)$/;
const includeLine = /^[ \t]*#[ \t]*include(?:_next)?[ \t]+(?:"([^"\n]+)"|<([^>\n]+)>)/gm;
/** Files read at the same time. */
const atATime = 64;

/** kbuild includes them into every source (`-include`, scripts/Makefile.lib and the top Makefile). */
const includedByAll = ['include/linux/kconfig.h', 'include/linux/compiler-version.h', 'include/linux/compiler_types.h'];

export class KernelIncludes {
  /** By the last part of what they include, for a start. */
  readonly #byBaseName = new Map<string, { readonly file: string; readonly include: string }[]>();

  constructor(readonly files: ReadonlyMap<string, Scanned>) {
    for (const [file, [, , includes]] of files) {
      for (const include of includes) {
        const base = path.posix.basename(include.replace(/^"/, ''));
        const known = this.#byBaseName.get(base);
        if (known === undefined) this.#byBaseName.set(base, [{ file, include }]);
        else known.push({ file, include });
      }
    }
  }

  /** The C files that include one of `touched` in any number of steps, and those of `touched` that are C files. */
  sourcesOf(touched: readonly string[]): Set<string> {
    const reached = new Set(touched);
    for (const file of reached) {
      if (includedByAll.includes(file)) for (const source of this.files.keys()) reached.add(source);
      for (const includer of this.#includersOf(file)) reached.add(includer);
    }
    return new Set([...reached].filter((file) => file.endsWith('.c')));
  }

  #includersOf(file: string): string[] {
    const mentions = this.#byBaseName.get(path.posix.basename(file)) ?? [];
    return mentions
      .filter(({ file: from, include }) => this.#mayMean(from, include, file))
      .map(({ file: from }) => from);
  }

  /**
   * 1. A quoted name that is there beside the including file means that one, and no other.
   * 2. Any other name may mean every file whose path ends in it, since each folder can be a `-I`.
   */
  #mayMean(from: string, include: string, file: string): boolean {
    const text = include.replace(/^"/, '');
    if (include.startsWith('"')) {
      const beside = path.posix.join(path.posix.dirname(from), text);
      if (beside === file) return true;
      if (this.files.has(beside)) return false;
    }
    const tail = path.posix.normalize(text).replace(/^(?:\.\.\/)+/, '');
    return file === tail || file.endsWith(`/${tail}`);
  }
}

/** Reads what changed since the last time; 50,000 files in some seconds the first time. Throws as `listKernel`. */
export async function scanIncludes({
  tree,
  listing,
  sourceArchitecture,
  cache,
}: IncludeQuestion): Promise<KernelIncludes> {
  const known = await readScan(cache);
  const generated = ['include/generated', `arch/${sourceArchitecture}/include/generated`];
  const made = generated.flatMap((folder) => [...listGenerated(tree, folder)]);
  const files = relevant(new Map([...listing, ...made]), sourceArchitecture);
  const scan = new Map<string, Scanned>();
  const pending: [string, readonly [number, number]][] = [];
  for (const [file, facts] of files) {
    const before = known.get(file);
    if (before !== undefined && before[0] === facts[0] && before[1] === facts[1]) scan.set(file, before);
    else pending.push([file, facts]);
  }
  for (let first = 0; first < pending.length; first += atATime) {
    const some = pending.slice(first, first + atATime);
    const texts = await Promise.all(some.map(([file]) => readFile(path.join(tree, file), 'latin1')));
    for (const [index, [file, [size, time]]] of some.entries())
      scan.set(file, [size, time, includesIn(texts[index] ?? '')]);
  }
  if (pending.length > 0 || scan.size !== known.size) await writeOutputAtomically(cache, JSON.stringify([...scan]));
  return new KernelIncludes(scan);
}

/**
 * The includes as written, each once. They are copied: a part of a text keeps the whole of it in memory, here a gigabyte of source.
 */
export function includesIn(text: string): string[] {
  const found = new Set<string>();
  for (const [, quoted, angled] of text.matchAll(includeLine)) {
    found.add(copyOf(quoted === undefined ? (angled ?? '') : `"${quoted}`));
  }
  return [...found];
}

const copyOf = (text: string) => Buffer.from(text, 'latin1').toString('latin1');

/** Other architectures, documentation and the programs of tools/ are compiled into no kernel of this one. */
function relevant(listing: Listing, sourceArchitecture: string): Listing {
  const own = `arch/${sourceArchitecture}/`;
  const counts = (file: string) =>
    isCode.test(file) && (!/^(?:arch|Documentation|tools)\//.test(file) || file.startsWith(own));
  return new Map([...listing].filter(([file]) => counts(file)));
}

async function readScan(cache: string): Promise<ReadonlyMap<string, Scanned>> {
  try {
    return new Map(JSON.parse(await readFile(cache, 'utf8')) as [string, Scanned][]);
  } catch {
    return new Map();
  }
}
