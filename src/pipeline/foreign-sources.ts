/**
 * Touched sources that the target modules were not linked from, as far as that is known before anything is compiled. The
 * comparison asks the same of every object later; here a placeholder in the place of a module is told by a dry run.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { modulesListing } from '../kbuild/composite-lists.js';
import { readModuleObjects } from '../kbuild/module-objects.js';
import { readMakefiles } from '../kbuild/tree-files.js';
import { describeForeignSource } from '../lookup/membership.js';
import { tableOfImage } from '../lookup/symbol-table.js';
import type { TargetModule, TargetModules } from './target-modules.js';

/**
 * The findings `object-not-in-target`. A source is only told of where every module that may link it is at hand, and none of
 * them has it: the `.mod` files and makefiles of the tree say which these are, and may say too many.
 */
export async function findForeignSources(
  tree: string,
  touched: readonly string[],
  modules: TargetModules,
): Promise<Diagnostic[]> {
  const makefiles = await readMakefiles(tree);
  const linked = await readModuleObjects(tree);
  const findings: Diagnostic[] = [];
  for (const source of touched.filter((file) => file.endsWith('.c'))) {
    const object = source.replace(/\.c$/, '.o');
    const text = await readFile(path.join(tree, source), 'latin1').catch(() => undefined);
    const listed = linked.filter(({ objects }) => objects.includes(object)).map(({ module }) => module);
    const owners = [...new Set([...listed, ...modulesListing(object, makefiles)])];
    const targets = await Promise.all(owners.map((name) => modules.find(name)));
    if (text === undefined || targets.length === 0) continue;
    const foreign = targets.map((target) => target && describe(source, text, target, owners, modules));
    if (foreign.every((finding) => finding !== undefined)) findings.push(...foreign);
  }
  return findings;
}

function describe(
  source: string,
  text: string,
  { name, module, chosenBy }: TargetModule,
  linkedInto: readonly string[],
  modules: TargetModules,
): Diagnostic | undefined {
  const { given, inTree } = modules.sources;
  const elsewhere = [...given, ...inTree].filter((other) => other.path !== module.path);
  const foundIn = elsewhere.filter(({ image }) =>
    tableOfImage(image).files.some((file) => path.basename(file.name) === path.basename(source)),
  );
  return describeForeignSource(source, text, tableOfImage(module.image), {
    object: source.replace(/\.c$/, '.o'),
    objectName: name,
    linkedInto,
    chosenBy,
    foundIn: foundIn.map((other) => other.path),
  });
}
