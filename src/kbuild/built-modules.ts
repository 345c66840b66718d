/** The `.ko` files in a tree: which there are, which of them a build has written, and what they say about themselves. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { readImage } from '../elf/image.js';
import { readInput } from '../system/files.js';
import { filesBelow } from './tree-files.js';

/** A module that came out of a build. */
export interface BuiltModule {
  /** Absolute path of the `.ko`. */
  readonly file: string;
  /** The name that it runs under. */
  readonly name: string;
  /** The kernel release that it was built for. */
  readonly release: string;
}

/** A `.ko` that lies in the tree, not yet read. */
export interface FoundModule {
  readonly file: string;
  /** Changes whenever the file is written: inode, size and time of last change. */
  readonly identity: string;
}

/** All `.ko` files below `tree`. */
export async function findModules(tree: string): Promise<FoundModule[]> {
  const files = await filesBelow(tree, (name) => name.endsWith('.ko'));
  return Promise.all(
    files.map(async (file) => {
      const absolute = path.join(tree, file);
      const { ino, size, mtimeNs, ctimeNs } = await stat(absolute, { bigint: true });
      return { file: absolute, identity: [ino, size, mtimeNs, ctimeNs].join(' ') };
    }),
  );
}

/** The modules that are not among `before`, or were written since. Throws `elf-*` for a `.ko` that is damaged. */
export async function modulesSince(before: readonly FoundModule[], tree: string): Promise<BuiltModule[]> {
  const known = new Map(before.map(({ file, identity }) => [file, identity]));
  const written = (await findModules(tree)).filter(({ file, identity }) => known.get(file) !== identity);
  return Promise.all(written.map(({ file }) => describe(file)));
}

/** `.modinfo` holds `name=` and `vermagic=`, each ended by a zero byte; old kernels name the module by its file only. */
async function describe(file: string): Promise<BuiltModule> {
  const { sections } = readImage(await readInput(file), file);
  const content = sections.find(({ name }) => name === '.modinfo')?.content() ?? new Uint8Array(0);
  const texts = Buffer.from(content).toString('utf8').split('\0');
  const valueFor = (key: string) => texts.find((text) => text.startsWith(`${key}=`))?.slice(key.length + 1);
  return {
    file,
    name: valueFor('name') ?? path.basename(file, '.ko').replaceAll('-', '_'),
    release: valueFor('vermagic')?.split(' ')[0] ?? '',
  };
}
