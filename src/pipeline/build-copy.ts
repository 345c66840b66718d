/** One build of a private copy of the tree, as the target wants it: of either side, or of the reference. */
import { buildTree, type TreeBuild, type TreeQuestion } from '../kbuild/build-tree.js';
import type { WorkFolder } from '../system/work-folder.js';
import { extraSymbolsForTree } from './known-exports.js';
import type { BuildOptions } from './options.js';
import type { Target } from './target.js';

export interface CopyScene {
  readonly options: BuildOptions;
  readonly target: Target;
  readonly work: WorkFolder;
}

/** What is not the same for every build of a run. */
export type CopyQuestion = Pick<
  TreeQuestion,
  'side' | 'tree' | 'sources' | 'touched' | 'onDoubt' | 'isPlain' | 'folder'
>;

/** Throws what `buildTree` throws. */
export async function buildCopy(
  { options, target, work }: CopyScene,
  question: CopyQuestion,
  report: (text: string) => void,
): Promise<TreeBuild> {
  return buildTree({
    ...question,
    originalTree: options.oot,
    plan: target.plan,
    kernel: target.kernel,
    compiler: target.compiler,
    makeArguments: options.makeArguments,
    extraSymbols: await extraSymbolsForTree(target, work.path),
    jobs: options.jobs,
    signal: options.signal,
    onLine: (line) => report(line.trim()),
  });
}
