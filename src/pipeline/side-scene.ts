/** What the two sides have in common: what they are built from, and how one build of the copy is asked for. */
import path from 'node:path';
import type { TreeBuild } from '../kbuild/build-tree.js';
import { buildCopy, type CopyQuestion, type CopyScene } from './build-copy.js';
import type { CheckedPatches } from './patches.js';
import { preprocessSide } from './side-evidence.js';
import { workPlaces } from './work-places.js';

/** The C files to compile on either side. */
export type SideSources = NonNullable<CheckedPatches['sources']>;

export interface SideScene extends CopyScene {
  readonly patches: CheckedPatches;
  /** Absolute path of the private copy. */
  readonly tree: string;
}

/** Builds one side of the copy. Throws what `buildTree` throws. */
export async function buildSide(
  scene: SideScene,
  question: Pick<CopyQuestion, 'side' | 'sources' | 'onDoubt'>,
  report: (text: string) => void,
): Promise<TreeBuild> {
  if (question.sources?.length === 0) return { objects: [], modules: [], isWhole: false, warnings: [], log: '' };
  const { tree, patches, work } = scene;
  // One folder for both sides, so that both are built alike.
  const { kbuild: folder } = workPlaces(work.path);
  try {
    return await buildCopy(scene, { ...question, tree, touched: patches.touched, folder }, report);
  } finally {
    await preprocessSide(scene, question.side, path.join(folder, `compiled-${question.side}`));
  }
}

/** `every source` where the tree is built whole. */
export function sourcesInWords(sources: SideSources | undefined, side: keyof SideSources): string {
  return sources === undefined ? 'every source' : sources[side].join(' ');
}
