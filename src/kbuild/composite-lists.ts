/**
 * Which modules may link an object, from the makefiles' text: the composite lists (`ib_mad-y := mad.o cm.o`) and `obj-m`.
 * For findings before anything is built; what a condition leaves out, or a variable holds, only kbuild knows.
 */
import path from 'node:path';
import type { ModuleObjects } from './module-objects.js';
import type { Makefile } from './tree-files.js';

/** An assignment to a list of objects: its name (`ib_mad` of `ib_mad-y`, `obj` of `obj-$(CONFIG_X)`) and its words. */
const assignment = /^[ \t]*([\w-]+?)-(?:y|m|objs|\$\([^)]*\))[ \t]*[:+?]?=[ \t]*(.*)$/gm;

/** Names of modules, as they run, whose lists have the object; sorted. */
export function modulesListing(object: string, makefiles: readonly Makefile[]): string[] {
  const modules = makefiles.flatMap(({ file, text }) => {
    const folder = path.posix.dirname(file);
    const lists = [...text.replaceAll('\\\n', ' ').matchAll(assignment)].map(([, name = '', words = '']) => ({
      name,
      words: words.split(/\s+/),
    }));
    const built = new Set(lists.filter(({ name }) => name === 'obj').flatMap(({ words }) => words));
    const composites = new Set(lists.map(({ name }) => `${name}.o`));
    const named = lists.flatMap(({ name, words }) => {
      const word = words.find((candidate) => path.posix.join(folder, candidate) === object);
      if (word === undefined) return [];
      if (name === 'obj') return composites.has(word) ? [] : [path.posix.basename(word, '.o')];
      return built.has(`${name}.o`) ? [path.posix.basename(name)] : [];
    });
    return named.map((name) => name.replaceAll(/[-,]/g, '_'));
  });
  return [...new Set(modules)].sort();
}

/** Names of modules, as they run, that may link the object: those that linked it when the tree was last built come first. */
export function possibleOwners(
  object: string,
  linked: readonly ModuleObjects[],
  makefiles: readonly Makefile[],
): string[] {
  const listed = linked.filter(({ objects }) => objects.includes(object)).map(({ module }) => module);
  return [...new Set([...listed, ...modulesListing(object, makefiles)])];
}
