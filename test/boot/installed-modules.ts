/** The modules that a distribution ships, as a guest gets them: unpacked, with all that they depend on, in load order. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { decompressModule } from '../../src/kernel/compressed-module.js';

/** A module that the guest can load. */
export interface GuestModule {
  /** `ib_cm` */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * The installed modules of these names, after those that they depend on. What they ask for at run time only, such as a
 * digest of the crypto API, is not known to `depmod` and has to be named. Throws for a module that is not installed.
 */
export async function modulesToLoad(release: string, names: readonly string[]): Promise<GuestModule[]> {
  const folder = path.join('/lib/modules', release);
  const dependencies = parseDependencies(await readFile(path.join(folder, 'modules.dep'), 'utf8'));
  return await Promise.all(
    loadOrder(dependencies, names).map(async ({ name, file }) => {
      const whole = path.join(folder, file);
      return { name, bytes: await decompressModule(await readFile(whole), whole) };
    }),
  );
}

interface Dependencies {
  readonly file: string;
  /** Files, each before those that it depends on itself. */
  readonly needs: readonly string[];
}

/** `modules.dep` by module name: `kernel/a.ko: kernel/b.ko kernel/c.ko`. */
export function parseDependencies(text: string): Map<string, Dependencies> {
  const lines = text.split('\n').filter((line) => line.includes(':'));
  return new Map(
    lines.map((line) => {
      const [file = '', needs = ''] = line.split(':');
      return [moduleName(file), { file, needs: needs.split(' ').filter((need) => need !== '') }];
    }),
  );
}

/** depmod lists what a module needs in the order in which `modprobe -r` would unload it: the reverse is that of loading. */
export function loadOrder(
  dependencies: ReadonlyMap<string, Dependencies>,
  names: readonly string[],
): { name: string; file: string }[] {
  const files = new Set<string>();
  for (const name of names) {
    const found = dependencies.get(name);
    if (found === undefined) throw new Error(`module ${name} is not installed`);
    for (const file of [...found.needs].reverse()) files.add(file);
    files.add(found.file);
  }
  return [...files].map((file) => ({ name: moduleName(file), file }));
}

function moduleName(file: string): string {
  return path
    .basename(file)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}
