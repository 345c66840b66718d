/**
 * The original and the patched objects, built one after the other in the same private copy, so that nothing but the
 * patch differs between them.
 */
import { copyFile, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { TreeBuild } from '../kbuild/build-tree.js';
import type { CompiledObject } from '../kbuild/compiler-wrapper.js';
import type { Side } from '../kbuild/make-output.js';
import { type ModuleFile, readModuleFile } from '../kernel/module-file.js';
import { applyPatches } from '../patch/apply.js';
import { copyTree } from '../system/copy-tree.js';
import { buildCopy, type CopyScene } from './build-copy.js';
import { readVersions, type VersionsOfSides } from './export-versions.js';
import type { CheckedPatches } from './patches.js';
import type { Progress } from './progress.js';
import { mayKnowModules } from './target-modules.js';
import { workPlaces } from './work-places.js';

/** An object that the patched side compiled. */
export interface ObjectPair {
  /** Path in the tree, `core/agent.o`. */
  readonly object: string;
  /** Modules that link it, by the names they run under. */
  readonly modules: readonly string[];
  /** Absolute path; `undefined` for the object of a source that the patch adds. */
  readonly original: string | undefined;
  /** Absolute path. */
  readonly patched: string;
}

export interface BothSides {
  readonly pairs: readonly ObjectPair[];
  /** Modules that the unpatched source was built to; none where single objects were enough. */
  readonly built: readonly ModuleFile[];
  readonly versions: VersionsOfSides;
  readonly warnings: readonly Diagnostic[];
}

interface Scene extends CopyScene {
  readonly patches: CheckedPatches;
}

/**
 * Builds both sides in the work folder. Modules that are found nowhere as they run are built from the unpatched source.
 * @throws KptoolError with what `copyTree`, `buildTree`, `applyPatches` and `TargetModules.closure` throw
 */
export async function buildBothSides(scene: Scene, progress: Progress): Promise<BothSides> {
  const { options, target, patches, work } = scene;
  const { tree } = workPlaces(work.path);
  await progress.step('Copying the module tree', () => copyTree(options.oot, tree));

  // Linking the modules is needed only where they are found nowhere as they run.
  const isModuleKnown = await mayKnowModules(tree, target.modules);
  let sources = isModuleKnown ? patches.sources : undefined;
  let original = await progress.step('Building the original objects', (report) =>
    build(scene, tree, 'original', sources?.original, report),
  );
  // Asked for single objects, kbuild could not say whose they are; on the patched side it could not either.
  const needsWhole = sources !== undefined && original.isWhole;
  if (needsWhole) sources = undefined;
  const owners = [...new Set(original.objects.flatMap(({ modules }) => modules))];
  if (sources !== undefined && !(await target.modules.hasAll(owners))) {
    sources = undefined;
    original = await progress.step('Building the original modules', (report) =>
      build(scene, tree, 'original', undefined, report),
    );
  }
  const built = await readBuilt(original);
  target.modules.addBuilt(built);
  const originals = await keepObjects(original.objects, await work.step(1, 'original'));
  const originalVersions = await readVersions(original.objects);

  await progress.step('Applying the patches', async () => {
    const newest = await Promise.all(original.objects.map(async ({ file }) => (await stat(file)).mtimeMs));
    await applyPatches(patches.resolved, tree, { newerThan: Math.max(0, ...newest), signal: options.signal });
  });

  // The original is built; of the patched side nothing is linked, so the objects alone are enough where they are known.
  const patched = await progress.step('Building the patched objects', (report) =>
    build(scene, tree, 'patched', needsWhole ? undefined : patches.sources?.patched, report, original.isWhole),
  );
  const versions = { original: originalVersions, patched: await readVersions(patched.objects) };
  const patchedFiles = await keepObjects(patched.objects, await work.step(2, 'patched'));
  const pairs = patched.objects.flatMap(({ object, modules }): ObjectPair[] => {
    const file = patchedFiles.get(object);
    return file === undefined ? [] : [{ object, modules, original: originals.get(object), patched: file }];
  });
  return { pairs, built, versions, warnings: patched.warnings };
}

async function build(
  scene: Scene,
  tree: string,
  side: Side,
  sources: readonly string[] | undefined,
  report: (text: string) => void,
  mayBuildWhole = true,
): Promise<TreeBuild> {
  if (sources?.length === 0) return { objects: [], modules: [], isWhole: false, warnings: [], log: '' };
  const { touched } = scene.patches;
  const onDoubt = mayBuildWhole ? 'build whole' : 'refuse';
  const folder = workPlaces(scene.work.path).kbuild;
  return buildCopy(scene, { side, tree, sources, touched, onDoubt, folder }, report);
}

function readBuilt({ modules }: TreeBuild): Promise<ModuleFile[]> {
  return Promise.all(modules.map(({ file }) => readModuleFile(file)));
}

/** Copies the objects out of the tree, where the other side will overwrite them. */
async function keepObjects(objects: readonly CompiledObject[], folder: string): Promise<Map<string, string>> {
  const kept = new Map<string, string>();
  for (const { object, file } of objects) {
    const copy = path.join(folder, object);
    await mkdir(path.dirname(copy), { recursive: true });
    await copyFile(file, copy);
    kept.set(object, copy);
  }
  return kept;
}
