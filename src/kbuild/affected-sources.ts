/**
 * Which sources a patch affects, so that only these are compiled. Decided from the text of the tree alone; where that
 * cannot tell, the answer is to build everything, since a source that is missed would be old code left running.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type BuildPlan, singleObjectWay } from './make-steps.js';
import { isPlainPath } from './plain-path.js';
import { filesBelow, hasLinks, readMakefiles } from './tree-files.js';

const isSource = (file: string) => file.endsWith('.c');
const isHeader = (file: string) => file.endsWith('.h');
const include = /^[ \t]*#[ \t]*include(?:_next)?[ \t]+(?:["<]([^">\n]+)[">]|(\S.*))/gm;

/** What a file includes, by the last part of the path: headers may be found through any `-I`. */
interface Includes {
  readonly names: ReadonlySet<string>;
  /** Some `#include MACRO`, whose header is known only to the preprocessor. */
  readonly hasComputed: boolean;
}

/** By path in the tree, what each source and header of it includes. */
export type TreeIncludes = ReadonlyMap<string, Includes>;

/**
 * What in a makefile says that more than compiling happens before an object is made: programs for the host, generated
 * files, rules with targets of the tree's own. Asked for a single object, kbuild would leave such steps out.
 */
const generates = /\b(hostprogs|userprogs|always|extra)(-\w+)*\b|^\$[({](obj|src)[)}]\/[^:=\n]*:[^=]|_shipped\b/m;

/** A C file to compile, and the touched files that it must be compiled for: itself, or headers that reach it. */
export interface AffectedSource {
  readonly source: string;
  readonly because: readonly string[];
  /** What links it, where kbuild was asked: modules, or `vmlinux`. */
  readonly modules?: readonly string[];
  /** The makefiles do not list it before the patch, so that there is no original object. */
  readonly isUnlisted?: true;
}

export type Affected =
  | {
      readonly kind: 'some';
      readonly sources: readonly AffectedSource[];
      /** Touched C files that this kernel was built without, beside others that it has. */
      readonly leftOut?: readonly string[];
    }
  /** The tree must be built whole; `because` says it in words. */
  | { readonly kind: 'all'; readonly because: string };

/**
 * The C files to compile for the `touched` files (paths in the tree), sorted; or that the tree must be built whole:
 *
 * 1. the tree is built in a way of its own, its makefiles generate files, or it has symbolic links, by which one source
 *    may be known under two paths;
 * 2. a touched file is neither C source nor header: a Makefile, assembly, a file that something is generated from;
 * 3. a touched C file is included by another file, so that it is not compiled by itself, or not only;
 * 4. a touched header is included by no source that can be seen, is named in a makefile (`ccflags-y += -include x.h`), or
 *    could be reached by an include whose name a macro makes up.
 *
 * Headers are matched by base name, so that `include/mad.h` and `core/mad.h` count as one: too much is compiled, never
 * too little. `tree` is the copy before or after the patch was applied, `read` what its files include where that was read. A header that is not there yet, or not any more,
 * and that nobody includes affects no other source: whoever will include it, or did, is touched as well.
 * Sources outside the folder that kbuild is called for need the whole tree too, and those whose name make would read as
 * something else.
 */
export async function affectedSources(
  tree: string,
  touched: readonly string[],
  plan: BuildPlan,
  read?: TreeIncludes,
): Promise<Affected> {
  const all = (because: string): Affected => ({ kind: 'all', because });
  const way = singleObjectWay(plan);
  if (way === undefined) return all(`${plan.chosenBy} says how the tree is built, and not how one object is`);
  const other = touched.find((file) => !isSource(file) && !isHeader(file));
  if (other !== undefined) return all(`${other} is neither C source nor header`);
  const makefiles = (await readMakefiles(tree)).map(({ text }) => text).join('\n');
  if (generates.test(makefiles)) return all('the makefiles generate files or build programs for themselves');
  if (await hasLinks(tree)) return all('the tree has symbolic links, so that one file may have several paths');
  const includes = read ?? (await readIncludes(tree));
  const affected = new Map<string, string[]>();
  for (const file of touched) {
    const sources = isSource(file) ? sourcesOfSource(file, includes) : sourcesOfHeader(file, includes, makefiles);
    if (sources === undefined) return all(`what includes ${file} cannot be told from the sources alone`);
    for (const source of sources) affected.set(source, [...(affected.get(source) ?? []), file]);
  }
  const strange = [...affected.keys()].find((source) => !isPlainPath(source));
  if (strange !== undefined) return all(`${strange} is no name that make can be given`);
  const folder = path.join(way.directory, '/');
  const outside = [...affected.keys()].find((source) => folder !== './' && !source.startsWith(folder));
  if (outside !== undefined) return all(`${outside} lies outside of ${way.directory}, which make is called for`);
  const sources = [...affected].map(([source, because]) => ({ source, because }));
  return { kind: 'some', sources: sources.sort((a, b) => (a.source < b.source ? -1 : 1)) };
}

/** Files that include each of `files`, directly or by way of others; matched by base name, as for `affectedSources`. */
export function includersOf(files: readonly string[], includes: TreeIncludes): Map<string, string[]> {
  return new Map(files.map((file) => [file, includersIn(includes, file)]));
}

function includersIn(includes: TreeIncludes, file: string): string[] {
  const reached = new Set([path.basename(file)]);
  const users = new Set<string>();
  for (let size = -1; size !== users.size; ) {
    size = users.size;
    for (const [user, { names }] of includes) {
      if (user === file || users.has(user) || ![...reached].some((name) => names.has(name))) continue;
      users.add(user);
      reached.add(path.basename(user));
    }
  }
  return [...users].sort();
}

export async function readIncludes(tree: string): Promise<TreeIncludes> {
  const files = await filesBelow(tree, (name) => /\.(c|h|S|inc|def|tbl)$/.test(name) && !name.endsWith('.mod.c'));
  const read = await Promise.all(
    files.map(async (file) => [file, includesOf(await readFile(path.join(tree, file), 'latin1'))] as const),
  );
  return new Map(read);
}

/** What the makefiles of the tree call `NAME.o`, with `_` for `-`: objects and modules, by names that may be a module's. */
export async function namesInMakefiles(tree: string): Promise<Set<string>> {
  const makefiles = (await readMakefiles(tree)).map(({ text }) => text).join('\n');
  return new Set([...makefiles.matchAll(/([\w-]+)\.o\b/g)].map(([, name = '']) => name.replaceAll('-', '_')));
}

/** Comments are not taken away: an include within one counts, which only compiles more. */
export function includesOf(text: string): Includes {
  const names = new Set<string>();
  let hasComputed = false;
  for (const [, name, computed] of text.replaceAll('\\\n', ' ').matchAll(include)) {
    if (name !== undefined) names.add(path.posix.basename(name));
    if (computed !== undefined && !/^\/[/*]/.test(computed)) hasComputed = true;
  }
  return { names, hasComputed };
}

function sourcesOfSource(file: string, includes: ReadonlyMap<string, Includes>): string[] | undefined {
  const base = path.basename(file);
  const isIncluded = [...includes.values()].some(({ names }) => names.has(base));
  return isIncluded ? undefined : [file];
}

function sourcesOfHeader(
  header: string,
  includes: ReadonlyMap<string, Includes>,
  makefiles: string,
): string[] | undefined {
  const reached = new Set([path.basename(header)]);
  const sources = new Set<string>();
  // Each round adds the files that include what was reached so far, until no more are added.
  for (let size = 0; size !== reached.size + sources.size; ) {
    size = reached.size + sources.size;
    for (const [file, { names }] of includes) {
      if (![...reached].some((name) => names.has(name))) continue;
      if (isHeader(file)) reached.add(path.basename(file));
      else if (isSource(file) && sourcesOfSource(file, includes) !== undefined) sources.add(file);
      else return undefined;
    }
  }
  if ([...reached].some((name) => makefiles.includes(name))) return undefined;
  if ([...includes].some(([file, { hasComputed }]) => hasComputed && !sources.has(file))) return undefined;
  return sources.size === 0 && includes.has(header) ? undefined : [...sources];
}
