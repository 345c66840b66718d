/**
 * What a build would do, told before anything is compiled: objects and why, commands, places. The commands come from the
 * functions that the build itself calls, so that they are those that will run.
 */
import path from 'node:path';
import { possibleOwners } from '../kbuild/composite-lists.js';
import { kernelObjectsInvocation } from '../kbuild/kernel-objects.js';
import type { Invocation } from '../kbuild/make-steps.js';
import { moduleInvocation } from '../kbuild/module.js';
import type { ModuleObjects } from '../kbuild/module-objects.js';
import { objtoolVariables } from '../kbuild/objtool.js';
import { readMakefiles } from '../kbuild/tree-files.js';
import { cachedEntrySizes, probeInvocation } from '../kernel/entry-sizes.js';
import { plannedWorkFolder } from '../system/work-folder.js';
import { type CopyScene, copyInvocations } from './build-copy.js';
import type { CheckedPatches } from './patches.js';
import { mayKnowModules } from './target-modules.js';
import { workPlaces } from './work-places.js';

/** An object that will be compiled, on one side or on both. */
export interface PlannedObject {
  /** Path in the tree, `core/agent.o`. */
  readonly object: string;
  readonly source: string;
  /** The touched files that it is compiled for: its source, or headers that reach it. */
  readonly because: readonly string[];
  /** Modules that may link it, by the makefiles and the last build of the tree; kbuild has the last word. */
  readonly modules: readonly string[];
}

export interface PlannedCommand {
  /** What it is for, in words. */
  readonly purpose: string;
  readonly directory: string;
  readonly program: string;
  readonly arguments: readonly string[];
  /** Its result is in the cache, so that it will not run. */
  readonly isCached: boolean;
}

export interface Plan {
  /** Absolute path of the module that would be written. */
  readonly file: string;
  /** Absolute; it ends in `XXXXXX` for what is chosen when it is made. */
  readonly workFolder: string;
  /** Why the tree has to be built whole; `undefined` where the `objects` are all that is compiled. */
  readonly wholeTree: string | undefined;
  readonly objects: readonly PlannedObject[];
  readonly commands: readonly PlannedCommand[];
}

interface Scene extends Omit<CopyScene, 'work'> {
  readonly name: string;
  readonly patches: CheckedPatches;
  readonly linked: readonly ModuleObjects[];
}

/** Reads the tree and the cache, and runs nothing. Throws what reading them throws. */
export async function planOf(scene: Scene): Promise<Plan> {
  const { options, name, patches } = scene;
  const workFolder = await plannedWorkFolder(path.join(options.cache, 'work'), name);
  return {
    file: path.join(options.output, `${name}.ko`),
    workFolder,
    wholeTree: patches.affected.kind === 'all' ? patches.affected.because : undefined,
    objects: await plannedObjects(scene),
    commands: await plannedCommands(scene, workFolder),
  };
}

async function plannedObjects({ target, patches, linked }: Scene): Promise<PlannedObject[]> {
  if (patches.affected.kind === 'all') return [];
  const makefiles = target.prepared === undefined ? await readMakefiles(target.tree) : [];
  return patches.affected.sources.map(({ source, because, modules: owners }) => {
    const object = source.replace(/\.c$/, '.o');
    if (owners !== undefined) return { object, source, because, modules: owners };
    return { object, source, because, modules: possibleOwners(object, linked, makefiles).sort() };
  });
}

async function plannedCommands(scene: Scene, workFolder: string): Promise<PlannedCommand[]> {
  const { options, target, patches } = scene;
  const { kernel, compiler } = target;
  const places = workPlaces(workFolder);
  const isModuleKnown = target.prepared !== undefined || (await mayKnowModules(target.tree, target.modules));
  const invocations = (side: 'original' | 'patched', sources: readonly string[] | undefined) => {
    if (target.prepared !== undefined)
      return [kernelObjectsInvocation({ ...options, kernel }, target.prepared, sources ?? [])];
    return copyInvocations(scene, { side, sources, tree: places.tree, folder: places.kbuild }, workFolder);
  };
  const build = (side: 'original' | 'patched', sources: readonly string[] | undefined) => {
    if (sources?.length === 0) return [];
    return invocations(side, sources).map((command) => planned(`${side} objects`, command));
  };
  const sizes = { kernel, compiler, cache: options.cache, folder: places.probe };
  const link = { kernel, compiler, jobs: options.jobs, folder: places.module, extraSymvers: places.symvers };
  return [
    ...build('original', isModuleKnown ? patches.sources?.original : undefined),
    ...build('patched', patches.sources?.patched),
    planned(
      'entry sizes of the kernel’s tables',
      probeInvocation(sizes),
      (await cachedEntrySizes(sizes)) !== undefined,
    ),
    planned('the livepatch', moduleInvocation(link, objtoolVariables(kernel.config, places.module))),
  ];
}

function planned(
  purpose: string,
  { directory, program, arguments: words }: Omit<Invocation, 'environment'>,
  isCached = false,
): PlannedCommand {
  return { purpose, directory, program, arguments: words, isCached };
}
