/** What a step keeps of a build in its folder of the work folder, where the other side cannot overwrite it. */
import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { CompiledObject } from '../kbuild/compiler-wrapper.js';
import { writingError } from '../system/system-error.js';

/** A compiled object, and where its copy lies. */
export const keptObjectSchema = z.object({
  object: z.string(),
  source: z.string(),
  modules: z.array(z.string()),
  directory: z.string(),
  arguments: z.array(z.string()),
  /** Absolute path of the copy. */
  kept: z.string(),
});

export type KeptObject = z.output<typeof keptObjectSchema>;

/** Checksums of exports, as entries of a Map. */
export const versionsSchema = z.array(
  z.tuple([z.string(), z.object({ crc: z.number(), object: z.string(), modules: z.array(z.string()).readonly() })]),
);

/** Copies the objects into `folder`, under their paths in the tree. Throws `work-folder-unwritable`, `disk-full`. */
export async function keepObjects(objects: readonly CompiledObject[], folder: string): Promise<KeptObject[]> {
  const kept: KeptObject[] = [];
  for (const { object, file, source, modules, directory, arguments: words } of objects) {
    const copy = await keepFile(file, path.join(folder, object));
    kept.push({ object, source, modules: [...modules], directory, arguments: [...words], kept: copy });
  }
  return kept;
}

/** Copies a file and returns where to. Throws `work-folder-unwritable`, `disk-full`. */
export async function keepFile(file: string, copy: string): Promise<string> {
  try {
    await mkdir(path.dirname(copy), { recursive: true });
    await copyFile(file, copy);
    return copy;
  } catch (error) {
    throw writingError(error, copy, 'work-folder-unwritable');
  }
}
