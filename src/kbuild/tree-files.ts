/** Finds files in the copied tree, for whoever has to look at sources, makefiles or modules that came out. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** The paths below `folder` of all files that `accept` takes, sorted; folders of version control are passed over. */
export async function filesBelow(folder: string, accept: (name: string) => boolean): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !accept(entry.name)) continue;
    const file = path.relative(folder, path.join(entry.parentPath, entry.name));
    if (!/(^|\/)\.(git|svn|hg)\//.test(file)) found.push(file);
  }
  return found.sort();
}

/** Some file or folder of the tree can be reached by two paths. */
export async function hasLinks(folder: string): Promise<boolean> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.some((entry) => entry.isSymbolicLink());
}

/** By its name, or by a path that ends in it. */
export function isMakefile(file: string): boolean {
  return /^(Kbuild|Makefile)(\.|$)|\.mk$/.test(path.basename(file));
}

/** A makefile of the tree, without its comments. */
export interface Makefile {
  /** Path in the tree. */
  readonly file: string;
  readonly text: string;
}

export async function readMakefiles(tree: string): Promise<Makefile[]> {
  const files = await filesBelow(tree, isMakefile);
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(path.join(tree, file), 'latin1');
      return { file, text: withoutComments(text) };
    }),
  );
}

/** Those of the folders that the files are in, and of the folders above; for a tree too large to be read whole. */
export async function makefilesAbove(tree: string, files: readonly string[]): Promise<Makefile[]> {
  const folders = new Set<string>();
  for (const file of files) {
    for (let folder = path.dirname(file); !folders.has(folder); folder = path.dirname(folder)) folders.add(folder);
  }
  const names = [...folders].flatMap((folder) => [path.join(folder, 'Kbuild'), path.join(folder, 'Makefile')]);
  const read = names.map(async (file) => {
    const text = await readFile(path.join(tree, file), 'latin1').catch(() => undefined);
    return text === undefined ? [] : [{ file, text: withoutComments(text) }];
  });
  return (await Promise.all(read)).flat();
}

export function withoutComments(text: string): string {
  return text.replaceAll(/(^|\s)#.*$/gm, '');
}

/** The lines that say what modules are linked from (`Kbuild: obj-m := ib_mad.o`), for a message. */
export async function moduleRules(tree: string): Promise<string[]> {
  const rule = /^\s*[\w$(){}-]+-(?:m|y|objs|\$\(\w+\))\s*[:+]?=/;
  const makefiles = await readMakefiles(tree);
  return makefiles.flatMap(({ file, text }) =>
    text
      .replaceAll(/\\\n\s*/g, '')
      .split('\n')
      .filter((line) => rule.test(line) && !/flags-/.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  );
}
