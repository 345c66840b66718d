/**
 * Touched sources that the target modules were not linked from, as far as that is known before anything is compiled. The
 * comparison asks the same of every object later; here a placeholder in the place of a module is told by a dry run.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { possibleOwners } from '../kbuild/composite-lists.js';
import type { ModuleObjects } from '../kbuild/module-objects.js';
import { readMakefiles } from '../kbuild/tree-files.js';
import type { ModuleFile } from '../kernel/module-file.js';
import { describeForeignSource } from '../lookup/membership.js';
import { type TargetTable, tableOfImage } from '../lookup/symbol-table.js';
import type { TargetModule, TargetModules } from './target-modules.js';

/**
 * The findings `object-not-in-target`. A source is only told of where every module that may link it is at hand, and none of
 * them has it: the `.mod` files and makefiles of the tree say which these are, and may say too many.
 */
export async function findForeignSources(
  tree: string,
  touched: readonly string[],
  modules: TargetModules,
  linked: readonly ModuleObjects[],
): Promise<Diagnostic[]> {
  const makefiles = await readMakefiles(tree);
  const tables = new Map<ModuleFile, TargetTable>();
  const tableOf: TableOf = (module) => {
    const table = tables.get(module) ?? tableOfImage(module.image);
    tables.set(module, table);
    return table;
  };
  const findings: Diagnostic[] = [];
  for (const source of touched.filter((file) => file.endsWith('.c'))) {
    const object = source.replace(/\.c$/, '.o');
    const text = await readFile(path.join(tree, source), 'latin1').catch(() => undefined);
    const owners = possibleOwners(object, linked, makefiles);
    const targets = await Promise.all(owners.map((name) => modules.find(name)));
    if (text === undefined || targets.length === 0) continue;
    const foreign = targets.map((target) => {
      if (target === undefined) return undefined;
      const origin = { object, objectName: target.name, linkedInto: owners, chosenBy: target.chosenBy };
      const describe = (foundIn: readonly string[]) =>
        describeForeignSource(source, text, tableOf(target.module), { ...origin, foundIn });
      return describe([]) && describe(modulesNaming(source, target, modules, tableOf));
    });
    if (foreign.every((finding) => finding !== undefined)) findings.push(...foreign);
  }
  return findings;
}

type TableOf = (module: ModuleFile) => TargetTable;

/** Files of other modules at hand that were linked from a source of this name. */
function modulesNaming(source: string, target: TargetModule, { sources }: TargetModules, tableOf: TableOf): string[] {
  const others = [...sources.given, ...sources.inTree].filter((module) => module.path !== target.module.path);
  const isNamed = (module: ModuleFile) =>
    tableOf(module).files.some((file) => path.basename(file.name) === path.basename(source));
  return others.filter(isNamed).map((module) => module.path);
}
