/**
 * The original and the patched objects of a kernel tree, compiled one after the other in the prepared copy, which is left as
 * it was for the next run.
 */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { fail } from '../diagnostics/catalogue.js';
import { compileKernelObjects, type KernelObjectsQuestion, objectOfSource } from '../kbuild/kernel-objects.js';
import { askOwners } from '../kbuild/kernel-owners.js';
import type { Side } from '../kbuild/make-output.js';
import type { PreparedKernel } from '../kbuild/prepared-kernel.js';
import { preprocessedDigests } from '../kbuild/preprocessed-digests.js';
import { applyPatches } from '../patch/apply.js';
import { makeFolders } from '../system/make-folders.js';
import { type BothSides, pairUp } from './both-sides.js';
import { readVersions } from './export-versions.js';
import { keepObjects, keptObjectSchema, versionsSchema } from './kept-objects.js';
import { patchedInputs } from './patched-side.js';
import type { Progress } from './progress.js';
import { putAside } from './side-evidence.js';
import { type SideScene, type SideSources, sourcesInWords } from './side-scene.js';
import { hashOf, type StepInputs, type StepRunner } from './step-stamps.js';
import { workPlaces } from './work-places.js';

const originalSchema = z.object({
  objects: z.array(keptObjectSchema),
  versions: versionsSchema,
  /** Sources that the preprocessor makes the same of on both sides, so that they were not compiled. */
  same: z.array(z.string()),
});

type KernelOriginal = z.output<typeof originalSchema>;

const patchedSchema = originalSchema.omit({ same: true });

interface Scene extends SideScene {
  readonly prepared: PreparedKernel;
  readonly sources: SideSources;
}

/** Compiles both sides, or takes what an earlier run has compiled. Throws what the two steps throw. */
export async function buildKernelSides(
  request: Omit<SideScene, 'tree'>,
  steps: StepRunner,
  progress: Progress,
): Promise<BothSides> {
  const { prepared } = request.target;
  if (prepared === undefined) throw new RangeError('a build of a kernel that was not prepared');
  const sources = request.patches.sources ?? { original: [], patched: [] };
  const scene = { ...request, prepared, sources, tree: prepared.tree };
  await makeFolders(workPlaces(request.work.path).kbuild);
  const original = await steps.run({
    step: 'original',
    inputs: () => originalInputs(scene),
    kept: originalSchema,
    work: (folder) => buildOriginal(scene, folder, progress),
  });
  const patched = await steps.run({
    step: 'patched',
    inputs: async () => ({ ...steps.before('patched'), ...(await patchedInputs(scene)) }),
    kept: patchedSchema,
    work: (folder) => buildPatched(scene, original, folder, progress),
  });
  await prepared.close();
  return {
    pairs: pairUp(original.objects, patched.objects),
    built: [],
    versions: { original: new Map(original.versions), patched: new Map(patched.versions) },
    warnings: [],
  };
}

/** @throws KptoolError with what `compileKernelObjects` and `applyPatches` throw */
async function buildOriginal(scene: Scene, folder: string, progress: Progress): Promise<KernelOriginal> {
  const { sources, patches, prepared } = scene;
  const objects = [...new Set([...sources.original, ...sources.patched])].map(objectOfSource);
  await prepared.plan({ touched: patches.touched, objects });
  const same = await sameText(scene, progress);
  progress.note(`objects to compile: ${objects.length - same.length}`);
  const compiled = await progress.step('Building the original objects', (report) =>
    compileSide(scene, question(scene, 'original', without(sources.original, same), report)),
  );
  return {
    objects: await keepObjects(compiled, path.join(folder, 'objects')),
    versions: [...(await readVersions(compiled))],
    same,
  };
}

/** @throws KptoolError with what `compileKernelObjects` and `applyPatches` throw */
async function buildPatched(scene: Scene, original: KernelOriginal, folder: string, progress: Progress) {
  const { sources, patches, prepared, tree } = scene;
  const objects = without(sources.patched, original.same).map(objectOfSource);
  await prepared.plan({ touched: patches.touched, objects });
  await progress.step('Applying the patches', async () => {
    const times = original.objects.map(({ object }) => timeOf(path.join(tree, object)));
    await apply(scene, Math.max(0, ...(await Promise.all(times))));
  });
  await requireListed(scene);
  const compiled = await progress.step('Building the patched objects', (report) =>
    compileSide(scene, question(scene, 'patched', without(sources.patched, original.same), report)),
  );
  return {
    objects: await keepObjects(compiled, path.join(folder, 'objects')),
    versions: [...(await readVersions(compiled))],
  };
}

async function compileSide(scene: Scene, asked: KernelObjectsQuestion) {
  try {
    return await compileKernelObjects(asked);
  } finally {
    await putAside(scene, asked.side);
  }
}

/** kbuild compiles any C file that it is asked for; whether a makefile lists a new one, only the patched tree can tell. */
async function requireListed(scene: Scene): Promise<void> {
  const { sources, prepared, target } = scene;
  const added = sources.patched.filter((source) => !sources.original.includes(source));
  if (added.length === 0) return;
  const make = question(scene, 'patched', added, () => {});
  const owners = await askOwners(make, prepared, added, { isPatched: true });
  const lost = added.find((source) => owners.of(source).length === 0);
  if (lost !== undefined) fail('source-not-in-kernel', { source: lost, release: target.kernel.release });
}

/** Of the sources that only include what the patches touch, or whose makefile is touched, those that the compiler is given alike. */
async function sameText(scene: Scene, progress: Progress): Promise<string[]> {
  const { patches, prepared, sources } = scene;
  const affected = patches.affected.kind === 'some' ? patches.affected.sources : [];
  const including = affected
    .filter(({ source, because }) => !because.includes(source) && sources.original.includes(source))
    .map(({ source }) => source);
  if (including.length === 0) return [];
  return progress.step(`Preprocessing ${including.length} sources that include what changes`, async (report) => {
    const original = await preprocessedDigests(question(scene, 'original', including, report));
    await apply(scene, 0);
    const patched = await preprocessedDigests(question(scene, 'patched', including, report));
    await prepared.restore();
    return including.filter((source) => original.get(source) === patched.get(source));
  });
}

const without = (sources: readonly string[], same: readonly string[]) =>
  sources.filter((source) => !same.includes(source));

async function apply({ options, patches, tree }: Scene, newerThan: number): Promise<void> {
  await applyPatches(patches.resolved, tree, { newerThan, signal: options.signal });
}

/** Milliseconds since 1970; 0 for an object of an earlier run, which is not there any more. */
function timeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}

/** Everything that the unpatched objects depend on. The prepared copy is known by what it was made of, and its files by a list. */
async function originalInputs({ options, target, patches, prepared, sources, tree }: Scene): Promise<StepInputs> {
  const texts = patches.touched.map(async (file): Promise<[string, string]> => {
    const text = await readFile(path.join(tree, file)).catch(() => '');
    return [`the source ${file}`, hashOf(text)];
  });
  return {
    ...Object.fromEntries(await Promise.all(texts)),
    'the version of kptool': options.invocation.version,
    'the place of the tree': target.place,
    'the prepared kernel': prepared.key,
    'the files of the kernel': prepared.id,
    'the sources to compile': sourcesInWords(sources, 'original'),
  };
}

function question(
  { options, target, prepared, work }: Scene,
  side: Side,
  sources: readonly string[],
  report: (text: string) => void,
): KernelObjectsQuestion {
  const { kernel, compiler } = target;
  const { makeArguments, jobs, timeout, signal } = options;
  const log = path.join(workPlaces(work.path).kbuild, `${side}.log`);
  return { prepared, kernel, compiler, makeArguments, side, sources, log, jobs, timeout, signal, onLine: report };
}
