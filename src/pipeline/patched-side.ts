/** The step `patched`: the patches applied to the copy that the unpatched objects came from, and the objects built again. */
import { copyFile, mkdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { applyPatches } from '../patch/apply.js';
import { writeOutputAtomically } from '../system/files.js';
import { errorCode, writingError } from '../system/system-error.js';
import { diagnosticSchema } from './diagnostic-schema.js';
import { readVersions } from './export-versions.js';
import { keepObjects, keptObjectSchema, versionsSchema } from './kept-objects.js';
import type { OriginalSide } from './original-side.js';
import type { Progress } from './progress.js';
import { buildSide, type SideScene, sourcesInWords } from './side-scene.js';
import { hashOf, type StepInputs } from './step-stamps.js';
import { workPlaces } from './work-places.js';

export const patchedSchema = z.object({
  objects: z.array(keptObjectSchema),
  versions: versionsSchema,
  warnings: z.array(diagnosticSchema),
});

export type PatchedSide = z.output<typeof patchedSchema>;

/** In the folder of the step: which files of the copy are not the user's any more. Written before they are touched. */
const touchedFile = 'touched.json';

/** @throws KptoolError with what `applyPatches` and `buildTree` throw */
export async function buildPatched(
  scene: SideScene,
  original: OriginalSide,
  folder: string,
  progress: Progress,
): Promise<PatchedSide> {
  const { options, patches, tree, work } = scene;
  await progress.step('Applying the patches', async () => {
    const newerThan = await newestOf(original.objects.flatMap(({ object, kept }) => [path.join(tree, object), kept]));
    await restore(scene, folder, newerThan);
    await writeOutputAtomically(path.join(folder, touchedFile), JSON.stringify(patches.touched));
    await applyPatches(patches.resolved, tree, { newerThan, signal: options.signal });
  });
  await rm(path.join(workPlaces(work.path).kbuild, 'compiled-patched'), { recursive: true, force: true });

  // The original is built; of the patched side nothing is linked, so the objects alone are enough where they are known.
  const patched = await progress.step('Building the patched objects', (report) => {
    const sources = original.needsWhole ? undefined : patches.sources?.patched;
    const onDoubt = original.isWhole ? 'build whole' : 'refuse';
    return buildSide(scene, { side: 'patched', sources, onDoubt }, report);
  });
  return {
    objects: await keepObjects(patched.objects, path.join(folder, 'objects')),
    versions: [...(await readVersions(patched.objects))],
    warnings: [...patched.warnings],
  };
}

/** What the patched objects depend on beyond the unpatched ones. */
export async function patchedInputs({ options, patches }: SideScene): Promise<StepInputs> {
  const { contents } = patches;
  return {
    ...Object.fromEntries(options.patches.map((file, index) => [`the patch ${file}`, hashOf(contents[index] ?? '')])),
    'the order of the patches': options.patches.join(' '),
    'the sources to compile': sourcesInWords(patches.sources, 'patched'),
  };
}

/**
 * Time of last change of the newest file, in milliseconds since 1970; 0 for none. An object that is not there was about to be
 * compiled again when an earlier run of this step was stopped.
 */
async function newestOf(files: readonly string[]): Promise<number> {
  const times = await Promise.all(files.map(async (file) => (await stat(file).catch(() => undefined))?.mtimeMs ?? 0));
  return Math.max(0, ...times);
}

/**
 * Takes back what an earlier run of this step did to the copy, newer than every object, so that make compiles it again.
 * That the user's tree is the one that was copied, the stamp of the first step has said.
 */
async function restore({ target, tree }: SideScene, folder: string, newerThan: number): Promise<void> {
  const text = await readFile(path.join(folder, touchedFile), 'utf8').catch(() => '[]');
  const time = new Date(Math.max(Date.now(), Math.ceil(newerThan) + 1));
  for (const file of z.array(z.string()).parse(JSON.parse(text))) {
    const copy = path.join(tree, file);
    try {
      await mkdir(path.dirname(copy), { recursive: true });
      await copyFile(path.join(target.tree, file), copy);
      await utimes(copy, time, time);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw writingError(error, copy, 'work-folder-unwritable');
      // A file that the patch had added.
      await rm(copy, { force: true });
    }
  }
}
