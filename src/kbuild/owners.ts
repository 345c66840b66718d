/**
 * Which modules link an object. kbuild tells it twice: the compiler gets the module's name (`KBUILD_MODNAME`), also where
 * single objects are compiled, and the `.mod` files list what was linked. The name is not enough everywhere; where the two
 * disagree, the `.mod` files are right.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { archiveMembers } from '../elf/archive.js';
import type { CompiledObject } from './compiler-wrapper.js';
import type { ModuleObjects } from './module-objects.js';
import type { Makefile } from './tree-files.js';

/**
 * The objects with the modules that link them. `linked` are the `.mod` files of the modules that exist, `existing` the names of
 * these modules; the compiler's word counts for those of them that have no `.mod` file. An object that kbuild compiles because a
 * module's archive needs it gets a name of its own, which no module has.
 */
export function withOwners(
  objects: readonly CompiledObject[],
  linked: readonly ModuleObjects[],
  existing: ReadonlySet<string>,
): CompiledObject[] {
  const listed = new Set(linked.map(({ module }) => module));
  const owners = new Map<string, string[]>();
  for (const { module, objects: members } of linked) {
    for (const member of members) owners.set(member, [...(owners.get(member) ?? []), module]);
  }
  return objects.map((object) => {
    const told = object.modules.filter((module) => existing.has(module) && !listed.has(module));
    return { ...object, modules: [...new Set([...(owners.get(object.object) ?? []), ...told])] };
  });
}

/**
 * The `.mod` files with the members of archives (`lib.a`) in the place of the archives. An ordinary archive knows base names
 * only; of several objects of one name those in the archive's folder are meant.
 */
export async function withArchiveMembers(
  linked: readonly ModuleObjects[],
  tree: string,
  objects: readonly CompiledObject[],
): Promise<ModuleObjects[]> {
  const paths = objects.map(({ object }) => object);
  const membersOf = async (archive: string) => {
    const folder = path.dirname(archive);
    const names = archiveMembers(await readFile(path.join(tree, archive)).catch(() => new Uint8Array(0)));
    return names.flatMap((name) => {
      const member = path.join(folder, name);
      const namesakes = paths.filter((candidate) => path.basename(candidate) === name);
      return paths.includes(member) || namesakes.length !== 1 ? [member] : namesakes;
    });
  };
  return Promise.all(
    linked.map(async (file) => {
      const expanded = file.objects.map(async (object) => (object.endsWith('.a') ? membersOf(object) : [object]));
      return { ...file, objects: (await Promise.all(expanded)).flat() };
    }),
  );
}

/**
 * Whether only a build of the whole tree can tell whose an object is that was compiled alone:
 *
 * 1. kbuild compiled it for no module. It asks only the makefile of the object's own folder or the folders above:
 *    `core/Kbuild: core-y := main.o ../outer.o` is not read for `outer.o`. Old kernels name no module where two share the object
 *    (`modname_flags` in scripts/Makefile.lib).
 * 2. The makefiles name it more often than kbuild names modules: `obj-m := twice.o b.o` with `b-y := main.o twice.o` makes
 *    two modules of it, of which kbuild names `b` only; and two folders may each list `../shared.o`.
 */
export function isOwnerDoubtful({ object, modules }: CompiledObject, makefiles: readonly Makefile[]): boolean {
  return modules.length === 0 || mentions(object, makefiles) > modules.length;
}

/** How often the makefiles name the object. Of a path that a variable makes up only the last part can be compared. */
function mentions(object: string, makefiles: readonly Makefile[]): number {
  return makefiles.flatMap(({ file, text }) => {
    const words = text.split(/[\s:=]+/).filter((word) => word.endsWith('.o'));
    return words.filter((word) =>
      word.includes('$')
        ? path.posix.basename(word) === path.posix.basename(object)
        : path.posix.join(path.posix.dirname(file), word) === object,
    );
  }).length;
}

/**
 * Whether the makefiles of two folders list one object, `../common/shared.o`. kbuild then compiles it in both at the same time,
 * and each overwrites what the other writes.
 */
export function areObjectsContested(makefiles: readonly Makefile[]): boolean {
  const folders = new Map<string, string>();
  return makefiles.some(({ file, text }) => {
    const folder = path.posix.dirname(file);
    const words = text.split(/[\s:=]+/).filter((word) => word.endsWith('.o') && !word.includes('$'));
    return words.some((word) => {
      const object = path.posix.join(folder, word);
      const first = folders.get(object) ?? folder;
      folders.set(object, first);
      return first !== folder;
    });
  });
}

/**
 * Whether a C file of the tree is named by the makefiles in another way than as an object, so that it may matter to the
 * modules without being part of one: `hostprogs := generate`, `cp part.c copy.c`.
 */
export function isNamedOtherwise(source: string, makefiles: readonly Makefile[]): boolean {
  const stem = path.posix.basename(source, '.c');
  return makefiles.some(({ text }) => {
    const words = text.split(/[^\w.-]+/);
    return words.some((word) => word !== `${stem}.o` && path.posix.parse(word).name === stem);
  });
}
