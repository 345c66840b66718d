/** The step `original`: the tree copied into the work folder, and the unpatched objects built there. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { copyTree } from '../system/copy-tree.js';
import { hashFile, hashSources } from '../system/hash.js';
import { readVersions } from './export-versions.js';
import { keepFile, keepObjects, keptObjectSchema, versionsSchema } from './kept-objects.js';
import type { Progress } from './progress.js';
import { buildSide, type SideScene, sourcesInWords } from './side-scene.js';
import { hashOf, type StepInputs } from './step-stamps.js';
import { mayKnowModules } from './target-modules.js';

export const originalSchema = z.object({
  objects: z.array(keptObjectSchema),
  /** Absolute paths of the modules that were linked; none where single objects were enough. */
  modules: z.array(z.string()),
  versions: versionsSchema,
  /** The tree was built whole, so that make knows on the patched side what is out of date. */
  isWhole: z.boolean(),
  /** The patched side has to be built whole too, since single objects could not say whose they are. */
  needsWhole: z.boolean(),
});

export type OriginalSide = z.output<typeof originalSchema>;

/**
 * Copies the tree and builds it. Modules that are found nowhere as they run are built too.
 * @throws KptoolError with what `copyTree`, `buildTree` and `TargetModules.closure` throw
 */
export async function buildOriginal(scene: SideScene, folder: string, progress: Progress): Promise<OriginalSide> {
  const { target, patches, tree } = scene;
  await rm(tree, { recursive: true, force: true });
  await progress.step('Copying the module tree', () => copyTree(target.tree, tree));

  // Linking the modules is needed only where they are found nowhere as they run.
  const isModuleKnown = await mayKnowModules(tree, target.modules);
  let sources = isModuleKnown ? patches.sources?.original : undefined;
  const build = (title: string) =>
    progress.step(title, (report) => buildSide(scene, { side: 'original', sources }, report));
  let original = await build('Building the original objects');
  // Asked for single objects, kbuild could not say whose they are; on the patched side it could not either.
  const needsWhole = sources !== undefined && original.isWhole;
  const owners = [...new Set(original.objects.flatMap(({ modules }) => modules))];
  if (sources !== undefined && !needsWhole && !(await target.modules.hasAll(owners))) {
    sources = undefined;
    original = await build('Building the original modules');
  }
  const modules = await Promise.all(
    original.modules.map(({ file }) => keepFile(file, path.join(folder, 'modules', path.relative(tree, file)))),
  );
  return {
    objects: await keepObjects(original.objects, path.join(folder, 'objects')),
    modules,
    versions: [...(await readVersions(original.objects))],
    isWhole: original.isWhole,
    needsWhole,
  };
}

/** Everything that the unpatched objects depend on. Throws what reading the kernel's files throws. */
export async function originalInputs({ options, target, patches, work }: SideScene): Promise<StepInputs> {
  const { kernel, compiler, plan, extraSymvers } = target;
  const isOurs = (file: string) =>
    file === work.path || options.patches.includes(file) || /\/kptool-failure-[^/]*\.tar\.gz$/.test(file);
  const sources = await hashSources(target.tree, isOurs);
  return {
    ...Object.fromEntries([...sources].map(([name, hash]) => [`the source ${name}`, hash])),
    'the version of kptool': options.invocation.version,
    'the place of the tree': target.place,
    'the kernel': `${kernel.release} ${kernel.buildDirectory}`,
    'the configuration of the kernel': await hashFile(path.join(kernel.buildDirectory, '.config')),
    'Module.symvers of the kernel': await hashFile(kernel.symversPath),
    'the compiler': [...compiler.command, compiler.versionText].join(' '),
    'the steps of make': hashOf(JSON.stringify(plan.steps)),
    'the variables of make': options.makeArguments.join(' '),
    'the exports of other trees': hashOf(JSON.stringify(extraSymvers.entries)),
    'the sources to compile': sourcesInWords(patches.sources, 'original'),
  };
}
