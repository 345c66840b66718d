/**
 * Which objects each module of a tree is linked from, and in which order: from the `.mod` files that kbuild writes before
 * it links a module. For whoever asks whose object something is, and for the lookup, which tells files of one name by it.
 */
import { readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { filesBelow } from './tree-files.js';

/** What one `.mod` file says. */
export interface ModuleObjects {
  /** Path in the tree, `core/ib_mad.mod`. Two folders may make modules of one name. */
  readonly file: string;
  /** The name that the module runs under: `ib_mad` of `ib-mad.mod`. */
  readonly module: string;
  /** Paths in the tree, each once, in the order of the link: `core/agent.o`. As written where they lie outside. */
  readonly objects: readonly string[];
}

/**
 * The `.mod` files below `tree`, sorted by path; none where no module was built there. `builtAt` names further places
 * where the tree lay when they were written, since `make M=` writes absolute paths (before Linux 6.13).
 */
export async function readModuleObjects(tree: string, builtAt: readonly string[] = []): Promise<ModuleObjects[]> {
  const roots = [...new Set([tree, await realpath(tree), ...builtAt].map((root) => path.resolve(root)))];
  const files = await filesBelow(tree, (name) => name.endsWith('.mod'));
  const modules = await Promise.all(
    files.map(async (file) => {
      // Files of other programs are called so too; what cannot be read says nothing.
      const objects = objectsOf(await readFile(path.join(tree, file), 'utf8').catch(() => ''));
      const folder = folderOf(file);
      const module = path.basename(file, '.mod').replaceAll(/[-,]/g, '_');
      return { file, module, objects: [...new Set(inTree(objects, folder, roots))] };
    }),
  );
  // An empty file is what an interrupted make leaves behind.
  return modules.filter(({ objects }) => objects.length > 0);
}

/**
 * The objects of a `.mod` file in the order of the link; cmd_mod in scripts/Makefile.build writes it. One object a line
 * since Linux 5.19; before that all in the first line, and in the second line undefined symbols, where
 * CONFIG_TRIM_UNUSED_KSYMS wants them; up to 5.3 (`.tmp_versions/NAME.mod`) the name of the module stands in a line above.
 */
function objectsOf(text: string): string[] {
  const words = text.split(/\s+/).filter((word) => word !== '' && !word.endsWith('.ko'));
  const end = words.findIndex((word) => !/\.[oa]$/.test(word));
  return end === -1 ? words : words.slice(0, end);
}

/** Where kbuild's `$(obj)` is for the `.mod` file; `.` for the tree itself. */
function folderOf(file: string): string {
  const folder = path.dirname(file);
  return path.basename(folder) === '.tmp_versions' ? path.dirname(folder) : folder;
}

/**
 * Paths in the tree. Absolute ones lie below one of the roots. Relative ones begin with the path from the folder that `M=` named,
 * which is the tree or a folder in it, to the folder of the `.mod` file: with `M=TREE/drivers`, `drivers/core/ib.mod` says
 * `core/cm.o` for `drivers/core/cm.o`.
 */
function inTree(objects: readonly string[], folder: string, roots: readonly string[]): string[] {
  const relative = objects.filter((object) => !path.isAbsolute(object)).map((object) => object.replace(/^\.\//, ''));
  const base = foldersDownTo(folder).find((candidate) => {
    const way = path.relative(candidate, folder);
    return relative.every((object) => way === '' || object.startsWith(`${way}/`));
  });
  return objects.map((object) => {
    if (!path.isAbsolute(object)) return path.join(base ?? folder, object);
    const root = roots.find((candidate) => object.startsWith(`${candidate}/`));
    return root === undefined ? object : path.relative(root, object);
  });
}

/** `.`, `drivers`, `drivers/core` for `drivers/core`. */
function foldersDownTo(folder: string): string[] {
  const names = folder.split('/').filter((name) => name !== '.');
  return ['.', ...names.map((_, place) => names.slice(0, place + 1).join('/'))];
}
