/**
 * The unpatched modules rebuilt whole, for targets whose namesakes nothing else tells apart: a rebuild that agrees with the
 * target vouches for which symbol is whose. It costs a build of the whole tree, so it is made once, and only when asked.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { KptoolError } from '../diagnostics/diagnostic.js';
import { type ModuleObjects, readModuleObjects } from '../kbuild/module-objects.js';
import { readModuleFile } from '../kernel/module-file.js';
import type { LinkOrder } from '../lookup/resolve-file.js';
import { type TargetTable, tableOfImage } from '../lookup/symbol-table.js';
import { copyTree } from '../system/copy-tree.js';
import { buildCopy, type CopyScene } from './build-copy.js';
import { diffPair, type PairInput, type PairOutcome } from './diff-pair.js';
import type { Progress } from './progress.js';

export interface RebuiltModule {
  /** The module as it was built. */
  readonly bytes: Uint8Array;
  readonly table: TargetTable;
  /** Modules of the whole tree and the objects that they were linked from. */
  readonly objects: readonly ModuleObjects[];
}

/** Hands out the rebuild of a module; `undefined` where none came out. */
export type FindRebuild = (module: string) => Promise<RebuiltModule | undefined>;

/** Where building the whole tree is out of the question. */
export const noRebuild: FindRebuild = () => Promise.resolve(undefined);

/**
 * Builds the user's tree in a second private copy, in the folder `reference` of the work folder, when the first module is
 * asked for: without the patch, and without a section per function, since only then are jumps as long as in the target.
 * A tree that does not build whole gives no rebuild, with a note; the lookup says what remains undecided.
 */
export function rebuildOnDemand(scene: CopyScene, progress: Progress): FindRebuild {
  let rebuilt: Promise<ReadonlyMap<string, RebuiltModule>> | undefined;
  return async (module) => {
    rebuilt ??= progress.step('Rebuilding the unpatched modules to tell namesakes apart', (report) =>
      rebuild(scene, progress, report),
    );
    return (await rebuilt).get(module);
  };
}

/** The same, with the answers that have been given, by module. */
export function remembered(find: FindRebuild): {
  readonly find: FindRebuild;
  readonly answers: ReadonlyMap<string, RebuiltModule | undefined>;
} {
  const answers = new Map<string, RebuiltModule | undefined>();
  return {
    answers,
    find: async (module) => {
      const answer = await find(module);
      answers.set(module, answer);
      return answer;
    },
  };
}

async function rebuild(
  scene: CopyScene,
  progress: Progress,
  report: (text: string) => void,
): Promise<Map<string, RebuiltModule>> {
  const { options, work } = scene;
  const folder = path.join(work.path, 'reference');
  const tree = path.join(folder, 'tree');
  try {
    await mkdir(folder, { recursive: true });
    await copyTree(scene.target.tree, tree);
    const question = { side: 'original', tree, isPlain: true, folder: path.join(folder, 'kbuild') } as const;
    const { modules } = await buildCopy(scene, question, report);
    const objects = await readModuleObjects(tree);
    const tables = modules.map(async ({ name, file }): Promise<[string, RebuiltModule]> => {
      const { image } = await readModuleFile(file);
      return [name, { bytes: image.bytes, table: tableOfImage(image), objects }];
    });
    return new Map(await Promise.all(tables));
  } catch (error) {
    if (!(error instanceof KptoolError) || options.signal?.aborted) throw error;
    progress.note(`the unpatched modules could not be rebuilt: ${error.message}`);
    return new Map();
  }
}

/**
 * Compares the pair; where namesakes stay undecided, once more with what a rebuild says.
 * @throws KptoolError as `diffPair`
 */
export async function diffWithRebuild(input: PairInput, findRebuild: FindRebuild): Promise<PairOutcome> {
  try {
    return diffPair(input);
  } catch (error) {
    if (!(error instanceof KptoolError) || !isUndecided(error)) throw error;
    const rebuilt = await findRebuild(input.target);
    if (rebuilt === undefined) throw error;
    const linkOrder = linkOrderOf(input.objectName, input.target, rebuilt.objects) ?? input.linkOrder;
    return diffPair({ ...input, referenceTable: rebuilt.table, linkOrder });
  }
}

function isUndecided({ diagnostics }: KptoolError): boolean {
  return diagnostics.some(({ code }) => code === 'symbol-ambiguous');
}

/** In which order the module was linked, if one `.mod` file says so and names the object. */
export function linkOrderOf(object: string, module: string, modules: readonly ModuleObjects[]): LinkOrder | undefined {
  const [linked, second] = modules.filter((candidate) => candidate.module === module);
  if (linked === undefined || second !== undefined || !linked.objects.includes(object)) return undefined;
  return { objects: linked.objects, object };
}
