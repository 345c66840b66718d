/**
 * Which modules' exports the livepatch imports as any module does, so that they are loaded before it. For the split of
 * references between module loader and livepatch loader.
 */
import type { TargetModule } from './target-modules.js';

/**
 * Decides it for a klp object `objectName` and a module that exports something to it:
 *
 * 1. A module that the klp object depends on is there when it is patched, but perhaps not yet when the livepatch is loaded:
 *    `ib_core` for a patch to `ib_cm`. The livepatch loader waits. The same holds for a module that is patched itself.
 * 2. Any other module nobody would load: `mad_keys` of another tree, which only the patch makes `ib_mad` use. The livepatch
 *    has to depend on it, and its symbol versions are checked as those of vmlinux are.
 */
export function importedBy(
  objectName: string,
  targets: readonly TargetModule[],
  patched: ReadonlySet<string>,
): (exporter: string) => boolean {
  const byName = new Map(targets.map((found) => [found.name, found.module]));
  const loadedBefore = new Set([objectName]);
  for (const name of loadedBefore) {
    for (const needed of byName.get(name)?.depends ?? []) loadedBefore.add(needed);
  }
  return (exporter) => !loadedBefore.has(exporter) && !patched.has(exporter);
}
