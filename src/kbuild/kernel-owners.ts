/** Which objects the kernel's configuration builds, and into what, as its makefiles say. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeOutputAtomically } from '../system/files.js';
import { recordsOf } from './kernel-listing.js';
import type { KernelMakeQuestion } from './kernel-make.js';
import { askFolders, type FolderLists, noLists } from './makefile-lists.js';
import type { PreparedKernel } from './prepared-kernel.js';

export interface KernelOwners {
  /** The klp objects that link the object of a source: `vmlinux`, names of modules; empty where the configuration leaves it out. */
  of(source: string): readonly string[];
}

/**
 * Asks for the folders of the sources and those above them; what was asked before is remembered for as long as no makefile of the
 * tree changes. `isPatched`: the tree is not as it was prepared, and nothing is remembered. Throws what `askFolders` throws.
 */
export async function askOwners(
  question: KernelMakeQuestion,
  prepared: PreparedKernel,
  sources: readonly string[],
  { isPatched = false }: { readonly isPatched?: boolean } = {},
): Promise<KernelOwners> {
  const folders = foldersAbove(sources);
  const known = isPatched ? new Map<string, FolderLists>() : await readKnown(prepared);
  const unknown = folders.filter((folder) => !known.has(folder));
  if (unknown.length > 0) {
    for (const [folder, lists] of await askFolders(question, prepared, unknown)) known.set(folder, lists);
    if (!isPatched) await writeKnown(prepared, known);
  }
  const lists = new Map(folders.map((folder) => [folder, known.get(folder) ?? noLists]));
  const owners = ownersIn(entered(lists));
  return { of: (source) => owners.get(source.replace(/\.c$/, '.o')) ?? [] };
}

interface Remembered {
  /** Of the files of the source, and of the makefiles among them; see `PreparedKernel.id`. */
  readonly id: string;
  readonly makefiles: string;
  readonly lists: readonly (readonly [folder: string, lists: FolderLists])[];
}

const cacheIn = (prepared: PreparedKernel) => path.join(prepared.folder, 'owners.json');

async function readKnown(prepared: PreparedKernel): Promise<Map<string, FolderLists>> {
  try {
    const { id, makefiles, lists } = JSON.parse(await readFile(cacheIn(prepared), 'utf8')) as Remembered;
    return new Map(id === prepared.id || makefiles === digestOfMakefiles(prepared) ? lists : []);
  } catch {
    return new Map();
  }
}

async function writeKnown(prepared: PreparedKernel, known: ReadonlyMap<string, FolderLists>): Promise<void> {
  const remembered: Remembered = { id: prepared.id, makefiles: digestOfMakefiles(prepared), lists: [...known] };
  await writeOutputAtomically(cacheIn(prepared), JSON.stringify(remembered));
}

/** Makefiles include others, also of other folders (drivers/gpu/drm/amd/amdgpu), so that all of them count for each. */
function digestOfMakefiles({ listing }: PreparedKernel): string {
  const records = [...recordsOf(listing)].filter(([file]) => isMakefile.test(file));
  return createHash('sha256').update(JSON.stringify(records)).digest('hex');
}

const isMakefile = /(?:^|\/)(?:Kbuild|Makefile)[^/]*$|\.(?:mk|mak|include)$/;

/** From the top down, each before those in it. */
function foldersAbove(sources: readonly string[]): string[] {
  const found = new Set<string>(['.']);
  for (const source of sources) {
    const names = path.posix.dirname(source).split('/');
    for (let depth = 1; depth <= names.length; depth += 1) found.add(names.slice(0, depth).join('/'));
  }
  return [...found].sort((a, b) => a.split('/').length - b.split('/').length);
}

/**
 * The folders that kbuild goes into: a makefile above lists them, or a folder in them, as `arch` has no makefile of its own. Before
 * 6.1 the top Makefile named the first folders, and arch/x86/Makefile some below it, which nothing prints; they are taken for
 * entered.
 */
function entered(lists: ReadonlyMap<string, FolderLists>): ReadonlyMap<string, FolderLists> {
  const found = new Map<string, FolderLists>();
  const listed = new Set<string>(['.']);
  const note = ({ builtIn, modules }: FolderLists) => {
    for (const entry of [...builtIn, ...modules].filter((candidate) => candidate.endsWith('/'))) {
      for (let end = entry.length - 1; end > 0; end = entry.lastIndexOf('/', end - 1)) listed.add(entry.slice(0, end));
    }
  };
  note(lists.get('.') ?? noLists);
  const isTopSilent = listed.size === 1;
  for (const [folder, own] of lists) {
    const isFirst = isTopSilent && /^(?:[^/]+|arch\/[^/]+(?:\/[^/]+)?)$/.test(folder);
    if (!listed.has(folder) && !isFirst) continue;
    found.set(folder, own);
    note(own);
  }
  return found;
}

function ownersIn(lists: ReadonlyMap<string, FolderLists>): ReadonlyMap<string, readonly string[]> {
  const owners = new Map<string, string[]>();
  const add = (object: string, owner: string, parts: ReadonlyMap<string, readonly string[]>) => {
    const members = parts.get(object);
    if (members === undefined) {
      const known = owners.get(object) ?? [];
      if (!known.includes(owner)) owners.set(object, [...known, owner]);
      return;
    }
    // A composite object may have parts that are composite themselves, but not itself.
    for (const member of members) if (member !== object) add(member, owner, parts);
  };
  for (const { builtIn, modules, parts: composites } of lists.values()) {
    const parts = new Map(composites);
    for (const object of builtIn.filter((entry) => entry.endsWith('.o'))) add(object, 'vmlinux', parts);
    for (const object of modules.filter((entry) => entry.endsWith('.o'))) {
      add(object, path.posix.basename(object, '.o').replaceAll(/[-,]/g, '_'), parts);
    }
  }
  return owners;
}
