/** What the livepatch is for: the kernel, the compiler that goes with it, and where the target modules may be found. */
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { type BuildPlan, planBuild } from '../kbuild/make-steps.js';
import { checkObjtool } from '../kbuild/objtool.js';
import type { PreparedKernel } from '../kbuild/prepared-kernel.js';
import { requireBuildPrograms } from '../kernel/build-programs.js';
import { checkCompiler, type InstalledCompiler } from '../kernel/compiler.js';
import { checkTargetRules } from '../kernel/livepatch-options.js';
import { readModuleFile } from '../kernel/module-file.js';
import { resolveKernel, type TargetKernel } from '../kernel/resolve.js';
import type { ExportedSymbol } from '../kernel/symvers.js';
import type { SymversLayout } from '../kernel/write-symvers.js';
import { allOrFindings } from './all-findings.js';
import { type ExtraSymvers, readExtraSymvers, readKernelSymvers } from './known-exports.js';
import type { BuildOptions } from './options.js';
import { applyRuleLevels } from './rule-levels.js';
import { modulesInTree, TargetModules } from './target-modules.js';

export interface Target {
  /** What the user has: the tree, or the folder or archive of the kernel's source. */
  readonly place: string;
  /** What the patches are held against: the user's tree, or the private copy of the kernel's. */
  readonly tree: string;
  /** Where the kernel's own source is patched; to be closed. */
  readonly prepared?: PreparedKernel;
  readonly kernel: TargetKernel;
  readonly compiler: InstalledCompiler;
  /** What the kernel and the modules that come with it export. */
  readonly symvers: readonly ExportedSymbol[];
  readonly symversLayout: SymversLayout;
  /** What modules of other trees export. */
  readonly extraSymvers: ExtraSymvers;
  readonly modules: TargetModules;
  readonly plan: BuildPlan;
  /** With errors among them, where the user or a rule has it so. */
  readonly findings: readonly Diagnostic[];
}

/**
 * Reads what there is, and only reads. Throws what `readModuleFile`, `resolveKernel`, `checkObjtool`,
 * `requireBuildPrograms`, `checkCompiler`, `planBuild` and `readExtraSymvers` throw.
 */
export async function resolveTarget(options: BuildOptions, tree: string): Promise<Target> {
  const given = await Promise.all(options.modules.map(readModuleFile));
  const inTree = await modulesInTree(tree);

  // A module that lies in the tree may be left from another kernel: it has a say only where nobody else has.
  const isChosen = given.length > 0 || options.kernel !== undefined || options.configuredKernel !== undefined;
  const resolving = resolveKernel({
    requested: options.kernel,
    configured: options.configuredKernel,
    buildDirectory: options.buildDirectory,
    modules: isChosen ? given : inTree,
  });
  const { makeArguments, skipCompilerCheck: skipCheck, signal } = options;
  const [kernel, { compiler, warnings }, plan, { entries: symvers, layout: symversLayout }] = await allOrFindings([
    resolving,
    resolving.then((found) => checkCompiler({ kernel: found, makeArguments, modules: given, skipCheck, signal })),
    resolving.then(({ release, architecture }) =>
      planBuild({ tree, configured: options.makeSteps, release, architecture: architecture.name }),
    ),
    resolving.then(({ symversPath }) => readKernelSymvers(symversPath)),
    requireBuildPrograms(makeArguments),
    resolving.then(checkObjtool),
  ]);
  const extraSymvers = await readExtraSymvers(
    options.extraSymvers,
    {
      tree,
      buildDirectory: kernel.buildDirectory,
      release: kernel.release,
      steps: plan.steps,
      chosenBy: plan.chosenBy,
      makeArguments,
      environment: options.extraSymbolsVariable,
    },
    symvers,
  );
  const kernelModules = new Set(symvers.map(({ moduleName }) => moduleName));
  const modules = new TargetModules({ given, inTree, release: kernel.release, kernelModules });
  return {
    ...{ place: tree, tree, kernel, compiler, symvers, symversLayout, extraSymvers, modules, plan },
    findings: [...applyRuleLevels(checkTargetRules(kernel), options.rules), ...warnings, ...extraSymvers.warnings],
  };
}
