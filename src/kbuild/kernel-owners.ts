/**
 * Which objects the kernel's configuration builds, and into what, as the makefiles say. kbuild itself evaluates them: a
 * small makefile includes a folder's in the place of scripts/Makefile.build, and prints the lists that came out.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { writeOutputAtomically } from '../system/files.js';
import { runProgram } from '../system/run.js';
import { type KernelMakeQuestion, kernelMake, type PreparedKernel } from './prepared-kernel.js';
import { writeWorkFile } from './work-file.js';

/** What the makefile of one folder lists; paths in the tree, folders with a slash at the end. */
interface FolderLists {
  readonly builtIn: readonly string[];
  readonly modules: readonly string[];
  /** By composite object, `fs/ext4/ext4.o`: its parts. */
  readonly parts: readonly (readonly [composite: string, parts: readonly string[]])[];
}

export interface KernelOwners {
  /** The klp objects that link the object of a source: `vmlinux`, names of modules; empty where the configuration leaves it out. */
  of(source: string): readonly string[];
}

/**
 * Put behind the kernel's own Makefile, which has read the configuration and exported what makefiles of folders use. A folder
 * whose makefile does not stand alone (drivers/misc/habanalabs/common, which the one above includes) lists nothing.
 */
const askScript = (folderScript: string, folders: readonly string[]) => `kptool-goals := ${folders
  .map((folder) => `kptool-ask//${folder}`)
  .join(' ')}
PHONY += kptool-ask $(kptool-goals)
kptool-ask: $(kptool-goals)
$(kptool-goals): kptool-ask//%:
\t-@$(MAKE) -f ${folderScript} obj=$* kptool-lists
`;

/**
 * What scripts/Makefile.build does before it includes a folder's makefile, and then the lists. A composite object is one that
 * has parts (multi-search of scripts/Makefile.lib).
 */
const folderScript = `src := $(obj)
obj-y :=
obj-m :=
lib-y :=
lib-m :=
targets :=
subdir-y :=
subdir-m :=
-include include/config/auto.conf
include $(srctree)/scripts/Kbuild.include
-include $(srctree)/scripts/Makefile.compiler
kbuild-dir := $(srctree)/$(src)
-include $(firstword $(wildcard $(kbuild-dir)/Kbuild $(kbuild-dir)/Makefile))
parts = $($(1:.o=-objs)) $($(1:.o=-y)) $(if $(filter $1,$(obj-m)),$($(1:.o=-m)))
.PHONY: kptool-lists
kptool-lists:
\t@:
$(info kptool:y:$(obj):$(obj-y) $(lib-y))
$(info kptool:m:$(obj):$(obj-m))
$(foreach object,$(sort $(filter %.o,$(obj-y) $(obj-m))),$(if $(strip $(call parts,$(object))),$(info kptool:p:$(obj):$(object):$(call parts,$(object)))))
`;

/**
 * Asks for the folders of the sources and those above them, in one call of make; what was asked before is remembered for as long
 * as the makefile stays. Throws `kernel-makefiles-unreadable` with what make said.
 */
export async function askOwners(
  question: KernelMakeQuestion,
  prepared: PreparedKernel,
  sources: readonly string[],
): Promise<KernelOwners> {
  const cache = path.join(prepared.folder, 'owners.json');
  const known = await readKnown(cache);
  const folders = foldersAbove(sources);
  const marks = new Map(folders.map((folder) => [folder, markOf(folder, prepared)]));
  const unknown = folders.filter((folder) => known.get(folder)?.mark !== marks.get(folder));
  if (unknown.length > 0) {
    const asked = await askFolders(question, prepared, unknown);
    for (const folder of unknown) {
      known.set(folder, { mark: marks.get(folder) ?? '', lists: asked.get(folder) ?? noLists });
    }
    await writeOutputAtomically(cache, JSON.stringify([...known]));
  }
  const lists = new Map(folders.map((folder) => [folder, known.get(folder)?.lists ?? noLists]));
  const owners = ownersIn(entered(lists));
  return { of: (source) => owners.get(source.replace(/\.c$/, '.o')) ?? [] };
}

const noLists: FolderLists = { builtIn: [], modules: [], parts: [] };

interface Known {
  /** Changes with the makefile. */
  readonly mark: string;
  readonly lists: FolderLists;
}

async function readKnown(cache: string): Promise<Map<string, Known>> {
  try {
    return new Map(JSON.parse(await readFile(cache, 'utf8')) as [string, Known][]);
  } catch {
    return new Map();
  }
}

/** Some makefiles include another one of their folder (drivers/gpu/drm/amd/amdgpu), so that all that could be one count. */
function markOf(folder: string, { listing }: PreparedKernel): string {
  const place = folder === '.' ? '' : `${folder}/`;
  const names = ['Kbuild', 'Makefile', 'Makefile.am', `Makefile.${path.posix.basename(folder)}`];
  return JSON.stringify(names.map((name) => listing.get(`${place}${name}`)));
}

/** From the top down, each before those in it. */
function foldersAbove(sources: readonly string[]): string[] {
  const found = new Set<string>(['.']);
  for (const source of sources) {
    const names = path.posix.dirname(source).split('/');
    for (let depth = 1; depth <= names.length; depth += 1) found.add(names.slice(0, depth).join('/'));
  }
  return [...found].sort((a, b) => a.split('/').length - b.split('/').length);
}

/** The folders that kbuild goes into. */
function entered(lists: ReadonlyMap<string, FolderLists>): ReadonlyMap<string, FolderLists> {
  const found = new Map<string, FolderLists>();
  for (const [folder, own] of lists) if (folder === '.' || isEntered(folder, found)) found.set(folder, own);
  return found;
}

/**
 * A makefile above lists it, or a folder in it: `arch` has no makefile of its own. Before 6.1 the top Makefile named the first
 * folders, and arch/x86/Makefile some below it, which nothing prints; they are taken for entered.
 */
function isEntered(folder: string, above: ReadonlyMap<string, FolderLists>): boolean {
  const listed = [...above.values()].flatMap(({ builtIn, modules }) => [...builtIn, ...modules]);
  const top = above.get('.');
  const isTopSilent = ![...(top?.builtIn ?? []), ...(top?.modules ?? [])].some((entry) => entry.endsWith('/'));
  if (isTopSilent && /^(?:[^/]+|arch\/[^/]+(?:\/[^/]+)?)$/.test(folder)) return true;
  return listed.some((entry) => entry.endsWith('/') && entry.startsWith(`${folder}/`));
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

async function askFolders(
  question: KernelMakeQuestion,
  { folder, tree }: PreparedKernel,
  folders: readonly string[],
): Promise<Map<string, FolderLists>> {
  const [ask, lists] = [path.join(folder, 'kbuild', 'ask.mk'), path.join(folder, 'kbuild', 'lists.mk')];
  await writeWorkFile(ask, askScript(lists, folders));
  await writeWorkFile(lists, folderScript);
  const call = await kernelMake(question, folder, 'prepare', ['kptool-ask']);
  // With these flags the top Makefile does its work in this very make, and does not start another that knows only itself.
  const flags = ['-rR', '--no-print-directory', '--output-sync=recurse', '-s', '-f', 'Makefile', '-f', ask];
  const result = await runProgram({
    ...call,
    arguments: [...flags, ...call.arguments],
    timeout: question.timeout,
    signal: question.signal,
  });
  if (result.exitStatus !== 0) {
    const lastLines = result.output.split('\n').filter((line) => line !== '' && !line.startsWith('kptool:'));
    fail('kernel-makefiles-unreadable', { tree, lastLines: lastLines.slice(-15) });
  }
  return readLists(result.stdout);
}

/** The lines that `folderScript` prints. */
export function readLists(output: string): Map<string, FolderLists> {
  const lists = new Map<string, { builtIn: string[]; modules: string[]; parts: [string, string[]][] }>();
  for (const line of output.split('\n')) {
    const [, kind, folder, composite = '', text = ''] =
      /^kptool:([ymp]):([^:]*):(?:([^:]*):)?([^:]*)$/.exec(line) ?? [];
    if (kind === undefined || folder === undefined) continue;
    const found = lists.get(folder) ?? { builtIn: [], modules: [], parts: [] };
    lists.set(folder, found);
    const words = text.split(/\s+/).filter((word) => word !== '');
    const inTree = words.map((word) => path.posix.join(folder, word));
    if (kind === 'y') found.builtIn.push(...inTree);
    if (kind === 'm') found.modules.push(...inTree);
    if (kind === 'p') found.parts.push([path.posix.join(folder, composite), inTree]);
  }
  return lists;
}
