/**
 * The original and the patched objects, built one after the other in the same private copy, so that nothing but the
 * patch differs between them.
 */
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { type ModuleFile, readModuleFile } from '../kernel/module-file.js';
import type { VersionsOfSides } from './export-versions.js';
import type { KeptObject } from './kept-objects.js';
import { buildOriginal, originalInputs, originalSchema } from './original-side.js';
import { buildPatched, patchedInputs, patchedSchema } from './patched-side.js';
import type { Progress } from './progress.js';
import type { SideScene } from './side-scene.js';
import type { StepRunner } from './step-stamps.js';
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

/** Builds both sides in the work folder, or takes what an earlier run has built. Throws what the two steps throw. */
export async function buildBothSides(
  request: Omit<SideScene, 'tree'>,
  steps: StepRunner,
  progress: Progress,
): Promise<BothSides> {
  const scene = { ...request, tree: workPlaces(request.work.path).tree };
  const original = await steps.run({
    step: 'original',
    inputs: () => originalInputs(scene),
    kept: originalSchema,
    work: (folder) => buildOriginal(scene, folder, progress),
  });
  const built = await Promise.all(original.modules.map(readModuleFile));
  scene.target.modules.addBuilt(built);

  const patched = await steps.run({
    step: 'patched',
    inputs: async () => ({ ...steps.before('patched'), ...(await patchedInputs(scene)) }),
    kept: patchedSchema,
    work: (folder) => buildPatched(scene, original, folder, progress),
  });
  return {
    pairs: pairUp(original.objects, patched.objects),
    built,
    versions: { original: new Map(original.versions), patched: new Map(patched.versions) },
    warnings: patched.warnings,
  };
}

/** The objects of the patched side with those of the original; both are known by path in the tree. */
export function pairUp(originals: readonly KeptObject[], patched: readonly KeptObject[]): ObjectPair[] {
  const files = new Map(originals.map(({ object, kept }) => [object, kept]));
  return patched.map(({ object, modules, kept }) => ({ object, modules, original: files.get(object), patched: kept }));
}
