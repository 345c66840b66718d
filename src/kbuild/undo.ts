/**
 * How a patched tree becomes what it was. Before the patch is applied, the files that it touches are put aside; whoever opens
 * the tree next puts them back, if the run that patched it could not. Killed at any moment, it leaves nothing to repair.
 */
import { copyFile, mkdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { writeOutputAtomically } from '../system/files.js';
import { errorCode, writingError } from '../system/system-error.js';

export interface PlannedChange {
  /** Files that will be changed, added or deleted; paths in the tree. */
  readonly touched: readonly string[];
  /** Objects that will be compiled; paths in the tree. */
  readonly objects: readonly string[];
}

/** In the folder of the undo list: the touched files as they were. */
const keptFiles = 'files';

interface Kept extends PlannedChange {
  /** Of the touched files, those that are not there before. */
  readonly added: readonly string[];
}

/** Puts the touched files aside in `folder`. Throws `work-folder-unwritable` or `disk-full`. */
export async function prepareUndo(folder: string, tree: string, change: PlannedChange): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
    const added: string[] = [];
    for (const file of change.touched) {
      const kept = path.join(folder, keptFiles, file);
      await mkdir(path.dirname(kept), { recursive: true });
      await copyFile(path.join(tree, file), kept).catch((error: unknown) => {
        if (errorCode(error) !== 'ENOENT') throw error;
        added.push(file);
      });
    }
    await mkdir(folder, { recursive: true });
    // Last: what it names is whole.
    const kept: Kept = { ...change, added };
    await writeOutputAtomically(listOf(folder), JSON.stringify(kept));
  } catch (error) {
    throw writingError(error, folder, 'work-folder-unwritable');
  }
}

const listOf = (folder: string) => path.join(folder, 'list.json');

/** The file that a run wrote when it planned its change, where it did not take the change back: it was killed. */
export async function plannedBy(folder: string): Promise<string | undefined> {
  return stat(listOf(folder)).then(
    () => listOf(folder),
    () => undefined,
  );
}

/**
 * Puts the files back and takes the objects away, which may have been compiled from others. Restored files are newer than
 * anything that was made of the patched ones, so that make makes it again; their paths are handed to `note` before the list
 * of them goes. Throws `work-folder-unwritable` or `disk-full`.
 */
export async function undo(
  folder: string,
  tree: string,
  note: (restored: readonly string[]) => Promise<void>,
): Promise<void> {
  const list = listOf(folder);
  const text = await readFile(list, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const { touched, added, objects } = JSON.parse(text) as Kept;
  try {
    for (const object of objects) {
      const command = path.join(path.dirname(object), `.${path.basename(object)}.cmd`);
      await rm(path.join(tree, object), { force: true });
      await rm(path.join(tree, command), { force: true });
    }
    const now = new Date();
    for (const file of touched) {
      const place = path.join(tree, file);
      await rm(place, { force: true });
      if (added.includes(file)) continue;
      await copyFile(path.join(folder, keptFiles, file), place);
      await utimes(place, now, now);
    }
    await note(touched.filter((file) => !added.includes(file)));
    await rm(list);
  } catch (error) {
    throw writingError(error, tree, 'work-folder-unwritable');
  }
}
