/** One build of a private copy of the tree, as the target wants it: of either side, or of the reference. */
import { buildTree, type TreeBuild, type TreeQuestion, treeInvocations } from '../kbuild/build-tree.js';
import { wrapperIn } from '../kbuild/compiler-wrapper.js';
import type { Invocation } from '../kbuild/make-steps.js';
import { objtoolVariables } from '../kbuild/objtool.js';
import type { WorkFolder } from '../system/work-folder.js';
import { extraSymbolsForTree, mergedExtraSymbols } from './known-exports.js';
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
  scene: CopyScene,
  question: CopyQuestion,
  report: (text: string) => void,
): Promise<TreeBuild> {
  const { options, target, work } = scene;
  return buildTree({
    ...question,
    ...facts(options, target),
    compiler: target.compiler,
    extraSymbols: await extraSymbolsForTree(target, work.path),
    timeout: options.timeout,
    signal: options.signal,
    onLine: (line) => report(line.trim()),
  });
}

/** The commands of such a build, with the work folder at `workFolder`, where nothing need be. */
export function copyInvocations(
  { options, target }: Omit<CopyScene, 'work'>,
  question: Pick<CopyQuestion, 'side' | 'tree' | 'sources' | 'folder'>,
  workFolder: string,
): Invocation[] {
  const extraSymbols = mergedExtraSymbols(target, workFolder);
  const objtool = objtoolVariables(target.kernel.config, question.folder);
  return treeInvocations({ ...question, ...facts(options, target), extraSymbols }, wrapperIn(question.folder), objtool);
}

function facts({ makeArguments, jobs }: BuildOptions, { tree: originalTree, plan, kernel }: Target) {
  return { originalTree, plan, kernel, makeArguments, jobs };
}
