/** The work folder of a build: a new one, or the one that an earlier run of the same build has left (`--from`). */
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { createWorkFolder, findWorkFolders, openWorkFolder, type WorkFolder } from '../system/work-folder.js';
import type { BuildOptions } from './options.js';
import type { Progress } from './progress.js';
import { stampedInputs } from './step-stamps.js';

/**
 * The folder for a build of the livepatch `name`. With `--from` the newest one that a build of this name and tree has left and
 * that nobody uses.
 * @throws KptoolError with `resume-nothing-found`, `work-folder-in-use`, or what `createWorkFolder` throws
 */
export async function openWork(
  options: Pick<BuildOptions, 'cache' | 'from'>,
  { name, tree }: { readonly name: string; readonly tree: string },
  progress: Progress,
): Promise<WorkFolder> {
  const root = path.join(options.cache, 'work');
  if (options.from === undefined) return createWorkFolder(root, name);
  for (const found of await findWorkFolders(root, name)) {
    if (found.isInUse) continue;
    const inputs = await stampedInputs(found.path, 'original');
    if (inputs?.['the place of the tree'] !== tree) continue;
    progress.note(`going on in ${found.path}`);
    return openWorkFolder(found.path);
  }
  return fail('resume-nothing-found', { name, from: options.from, root, tree });
}
