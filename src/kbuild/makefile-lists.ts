/**
 * What the makefiles of a kernel's folders list. kbuild itself evaluates them: a small makefile includes one after the other
 * in the place of scripts/Makefile.build, and prints what came out. One make for many folders, since most of what a make of
 * its own for each would do is to read the configuration again: all of a kernel then takes half a minute.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { runProgram } from '../system/run.js';
import { type KernelMakeQuestion, kernelMake } from './kernel-make.js';
import { wrapperFolder } from './kernel-places.js';
import { stopAtFullDisk } from './make-output.js';
import type { PreparedKernel } from './prepared-kernel.js';
import { writeWorkFile } from './work-file.js';

/** What the makefile of one folder lists; paths in the tree, folders with a slash at the end. */
export interface FolderLists {
  readonly builtIn: readonly string[];
  readonly modules: readonly string[];
  /** By composite object, `fs/ext4/ext4.o`: its parts. */
  readonly parts: readonly (readonly [composite: string, parts: readonly string[]])[];
}

export const noLists: FolderLists = { builtIn: [], modules: [], parts: [] };

/** Put behind the kernel's own Makefile, which has read the configuration and exported what makefiles of folders use. */
const askScript = (scripts: readonly string[]) => `.PHONY: kptool-ask ${scripts.join(' ')}
kptool-ask: ${scripts.join(' ')}
${scripts.join(' ')}:
\t-@$(MAKE) -f $@ kptool-lists
`;

/**
 * What scripts/Makefile.build does before it includes a folder's makefile, and what stands between two of them: of one folder's
 * variables nothing is left for the next, and what it did to the flags that the top Makefile exports is undone. A composite
 * object is one that has parts (multi-search of scripts/Makefile.lib).
 */
const commonScript = `kptool-folder :=
obj :=
src :=
-include include/config/auto.conf
include $(srctree)/scripts/Kbuild.include
-include $(srctree)/scripts/Makefile.compiler
kptool-dir = $(srctree)/$(kptool-folder)
kptool-parts = $($(1:.o=-objs)) $($(1:.o=-y)) $(if $(filter $1,$(obj-m)),$($(1:.o=-m)))
kptool-hash := \\#
define kptool-newline


endef
define kptool-reset
$(foreach name,$(filter-out $(kptool-known),$(.VARIABLES)),$(eval undefine $(name)))
$(foreach name,$(kptool-exported),$(if $(filter environment,$(origin $(name))),,$(eval $(name) = $(value kptool-was-$(name)))))
obj-y :=
obj-m :=
lib-y :=
lib-m :=
targets :=
subdir-y :=
subdir-m :=
endef
define kptool-tell
$(info kptool:y:$(kptool-folder):$(obj-y) $(lib-y))
$(info kptool:m:$(kptool-folder):$(obj-m))
$(foreach object,$(sort $(filter %.o,$(obj-y) $(obj-m))),$(if $(strip $(call kptool-parts,$(object))),$(info kptool:p:$(kptool-folder):$(object):$(call kptool-parts,$(object)))))
endef
kptool-is-line = $(if $(findstring $(kptool-hash),$(value $1))$(findstring $(kptool-newline),$(value $1)),,$1)
kptool-exported := $(foreach name,$(filter KBUILD_%,$(.VARIABLES)),$(if $(filter environment,$(origin $(name))),$(call kptool-is-line,$(name))))
$(foreach name,$(kptool-exported),$(eval kptool-was-$(name) = $(value $(name))))
.PHONY: kptool-lists
kptool-lists:
\t@:
kptool-known :=
kptool-known := $(.VARIABLES)
`;

const folderScript = (folder: string) => `$(eval $(value kptool-reset))
kptool-folder := ${folder}
obj := ${folder}
src := ${folder}
-include $(firstword $(wildcard $(kptool-dir)/Kbuild $(kptool-dir)/Makefile))
$(eval $(value kptool-tell))
`;

/** Folders that one make is asked for. */
const atATime = 64;

/**
 * The lists of the folders; without any for one whose makefile does not stand alone (drivers/misc/habanalabs/common, which the one
 * above includes). Throws `kernel-makefiles-unreadable` with what make said, `disk-full`, and what running a program throws.
 */
export async function askFolders(
  question: KernelMakeQuestion,
  prepared: PreparedKernel,
  folders: readonly string[],
): Promise<Map<string, FolderLists>> {
  const found = new Map<string, FolderLists>();
  for (let batches = await batchesOf(prepared.tree, folders); batches.length > 0; ) {
    const answers = readLists(await askBatches(question, prepared, batches));
    for (const [folder, lists] of answers) found.set(folder, lists);
    batches = batches.flatMap((batch) => {
      const [culprit, ...others] = batch.filter((folder) => !answers.has(folder));
      if (culprit === undefined) return [];
      if (batch.length === 1) found.set(culprit, noLists);
      // The makefile that ended the make is asked by itself before that is believed.
      return batch.length === 1 ? [] : [[culprit], others].filter(({ length }) => length > 0);
    });
  }
  return found;
}

/** In a makefile: what would end the make, or would hold for the folders behind. */
const wantsItsOwnMake = /\$\(error\b|^[ \t]*(?:(?:override|export|undefine)[ \t]+)*CONFIG_\w+[ \t]*(?:[:+?]*=|$)/m;

async function batchesOf(tree: string, folders: readonly string[]): Promise<string[][]> {
  const alone: string[][] = [];
  const others: string[] = [];
  for (const folder of folders) {
    if (wantsItsOwnMake.test(await makefileOf(path.join(tree, folder)))) alone.push([folder]);
    else others.push(folder);
  }
  const count = Math.ceil(others.length / atATime);
  const batches = Array.from({ length: count }, (_, at) => others.slice(at * atATime, (at + 1) * atATime));
  return [...batches, ...alone];
}

/** kbuild reads Kbuild where there is one, and Makefile else. */
async function makefileOf(folder: string): Promise<string> {
  for (const name of ['Kbuild', 'Makefile']) {
    const text = await readFile(path.join(folder, name), 'latin1').catch(() => undefined);
    if (text !== undefined) return text;
  }
  return '';
}

/** What the makes print. */
async function askBatches(
  question: KernelMakeQuestion,
  { folder, tree }: PreparedKernel,
  batches: readonly (readonly string[])[],
): Promise<string> {
  const place = wrapperFolder(folder);
  const scripts = batches.map((_, index) => path.join(place, `lists-${index}.mk`));
  for (const [index, script] of scripts.entries()) {
    await writeWorkFile(script, [commonScript, ...(batches[index] ?? []).map(folderScript)].join(''));
  }
  const ask = path.join(place, 'ask.mk');
  await writeWorkFile(ask, askScript(scripts));
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
    stopAtFullDisk(result.output, tree);
    const lastLines = result.output.split('\n').filter((line) => line !== '' && !line.startsWith('kptool:'));
    fail('kernel-makefiles-unreadable', { tree, lastLines: lastLines.slice(-15) });
  }
  return result.stdout;
}

/** The lines that the scripts print. A make that starts again, since a makefile was remade, prints them again. */
export function readLists(output: string): Map<string, FolderLists> {
  const lists = new Map<string, { builtIn: string[]; modules: string[]; parts: [string, string[]][] }>();
  for (const line of output.split('\n')) {
    const [, kind, folder, composite = '', text = ''] =
      /^kptool:([ymp]):([^:]*):(?:([^:]*):)?([^:]*)$/.exec(line) ?? [];
    if (kind === undefined || folder === undefined) continue;
    const known = kind === 'y' ? undefined : lists.get(folder);
    const found = known ?? { builtIn: [], modules: [], parts: [] };
    lists.set(folder, found);
    const words = text.split(/\s+/).filter((word) => word !== '');
    const inTree = words.map((word) => path.posix.join(folder, word));
    if (kind === 'y') found.builtIn.push(...inTree);
    if (kind === 'm') found.modules.push(...inTree);
    if (kind === 'p') found.parts.push([path.posix.join(folder, composite), inTree]);
  }
  return lists;
}
