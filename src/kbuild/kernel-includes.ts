/**
 * Which sources of a kernel tree include a file, directly or not. Found in the text, since before compiling kbuild knows of
 * no header; what the text cannot tell (which `-I` counts, which `#ifdef` holds) adds sources and leaves none out.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { writeOutputAtomically } from '../system/files.js';
import { errorCode, readingError } from '../system/system-error.js';
import { IncludeGraph } from './include-graph.js';
import { recordsOf } from './kernel-listing.js';
import type { PreparedKernel } from './prepared-kernel.js';

/** A file as it was read: what a listing says of it, and its includes as written, with `"` in front of quoted ones. */
type Scanned = readonly [facts: string, includes: readonly string[]];

const isCode = /^[^\t\n]*\.(?:c|h|S|inc|def|tbl|lds)$/;
const includeLine = /^[ \t]*#[ \t]*include(?:_next)?[ \t]+(?:"([^"\n]+)"|<([^>\n]+)>)/gm;
/** Files read without a pause. */
const atATime = 256;

/**
 * Who includes whom in a prepared kernel, for the architecture whose folder below arch/ is `sourceArchitecture` (`SRCARCH`). What
 * was found is kept beside the tree, for as long as no source changes; then only those that did are read again. Throws
 * `input-unreadable` and its like, and what writing throws.
 */
export async function scanIncludes(
  { tree, folder, id, listing }: Pick<PreparedKernel, 'tree' | 'folder' | 'id' | 'listing'>,
  sourceArchitecture: string,
): Promise<IncludeGraph> {
  const cache = path.join(folder, 'includes.graph');
  const scanned = path.join(folder, 'includes.json');
  const [head = '', known] = splitHead(await readFile(cache, 'utf8').catch(() => ''));
  const graph = head === id ? IncludeGraph.parse(known) : undefined;
  if (graph !== undefined) return graph;

  const files = new Map([...recordsOf(listing)].filter(([file]) => isRelevant(file, sourceArchitecture)));
  const scan = await scanFiles(tree, files, await readScan(scanned));
  const made = ['include/generated', `arch/${sourceArchitecture}/include/generated`];
  const generated = await scanFiles(tree, new Map(made.flatMap((place) => filesBelow(tree, place))), new Map());
  const fresh = IncludeGraph.of(new Map([...scan, ...generated].map(([file, [, includes]]) => [file, includes])));
  await writeOutputAtomically(scanned, JSON.stringify([...scan]));
  await writeOutputAtomically(cache, `${id}\n${fresh}`);
  return fresh;
}

function splitHead(text: string): [string, string] {
  const end = text.indexOf('\n');
  return [text.slice(0, end), text.slice(end + 1)];
}

/** Reads those of `files` that are not known with the same facts. */
async function scanFiles(
  tree: string,
  files: ReadonlyMap<string, string>,
  known: ReadonlyMap<string, Scanned>,
): Promise<Map<string, Scanned>> {
  const scan = new Map<string, Scanned>();
  let read = 0;
  for (const [file, facts] of files) {
    const before = known.get(file);
    if (before !== undefined && before[0] === facts) {
      scan.set(file, before);
      continue;
    }
    // Read at once, and waited for: asked for one by one without blocking, 50,000 files take three times as long.
    const text = readText(path.join(tree, file));
    if (text !== undefined) scan.set(file, [facts, includesIn(text)]);
    read += 1;
    // Signals are heard in between.
    if (read % atATime === 0) await breathe();
  }
  return scan;
}

/** `undefined` for what kbuild made and took away again. */
function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw readingError(error, file);
  }
}

/** The headers that a build made in a folder, which may not be there. Nothing is known of their times. */
function filesBelow(tree: string, folder: string): [string, string][] {
  try {
    const names = readdirSync(path.join(tree, folder), { recursive: true, encoding: 'utf8' });
    return names.filter((name) => /\.[ch]$/.test(name)).map((name) => [`${folder}/${name}`, '']);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw readingError(error, tree);
  }
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
function isRelevant(file: string, sourceArchitecture: string): boolean {
  if (!isCode.test(file)) return false;
  return !/^(?:arch|Documentation|tools)\//.test(file) || file.startsWith(`arch/${sourceArchitecture}/`);
}

async function readScan(cache: string): Promise<ReadonlyMap<string, Scanned>> {
  try {
    return new Map(JSON.parse(await readFile(cache, 'utf8')) as [string, Scanned][]);
  } catch {
    return new Map();
  }
}
