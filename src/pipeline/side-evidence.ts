/**
 * What a bundle tells of one side of a kernel build: which commands compiled it, and the touched files. Put aside while nobody
 * else works in the prepared kernel, which forgets it.
 */
import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
import { readCompileLog } from '../kbuild/compiler-wrapper.js';
import { wrapperFolder } from '../kbuild/kernel-places.js';
import type { Side } from '../kbuild/make-output.js';
import type { PreparedKernel } from '../kbuild/prepared-kernel.js';
import { preprocess } from '../kbuild/preprocess.js';
import type { SideScene } from './side-scene.js';
import { workPlaces } from './work-places.js';

/** Throws nothing: what does not get so far is not in the bundle; why the build failed matters more. */
export async function putAside(scene: SideScene & { readonly prepared: PreparedKernel }, side: Side): Promise<void> {
  const { prepared, patches, work, tree } = scene;
  const { kbuild, sources } = workPlaces(work.path);
  const log = `compiled-${side}`;
  await takeInto(path.join(kbuild, log), [[path.join(wrapperFolder(prepared.folder), log), '.']]);
  const touched = patches.touched.map((file): [string, string] => [path.join(tree, file), file]);
  await takeInto(path.join(sources, side), touched);
  await preprocessSide(scene, side, path.join(kbuild, log));
}

/** Copies what is there into the folder, which holds nothing else then. */
async function takeInto(folder: string, files: readonly (readonly [from: string, name: string])[]): Promise<void> {
  await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  for (const [from, name] of files) {
    await cp(from, path.join(folder, name), { recursive: true }).catch(() => undefined);
  }
}

/** For `--bundle-full`: what the compiler saw of the side, of which `log` is the list. Throws nothing either. */
export async function preprocessSide(
  { tree, work, options, target }: SideScene,
  side: Side,
  log: string,
): Promise<void> {
  if (!options.bundleFull) return;
  const objects = await readCompileLog(log, tree).catch(() => []);
  const folder = path.join(workPlaces(work.path).preprocessed, side);
  const { command } = target.compiler;
  await preprocess({ objects, command, folder, signal: options.signal }).catch(() => undefined);
}
