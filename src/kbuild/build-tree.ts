/**
 * Builds one side of the patch: the private copy as it is now, through the target kernel's kbuild. What comes back is
 * what was compiled, object by object, and the modules that came out. The pipeline calls it for the original and, after
 * the patch has been applied to the same copy, for the patched side.
 */
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { diagnose, fail } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { InstalledCompiler } from '../kernel/compiler.js';
import type { TargetKernel } from '../kernel/resolve.js';
import { runProgram } from '../system/run.js';
import { includesOf } from './affected-sources.js';
import { type BuiltModule, findModules, modulesSince } from './built-modules.js';
import { type CompiledObject, type CompilerWrapper, readCompileLog, writeCompilerWrapper } from './compiler-wrapper.js';
import { type ExtraSymbols, passExtraSymbols } from './extra-symbols.js';
import { judge, type Side } from './make-output.js';
import { type BuildPlan, type Invocation, invocationOf, kbuildInvocation, singleObjectWay } from './make-steps.js';
import { readModuleObjects } from './module-objects.js';
import { objtoolSettings } from './objtool.js';
import { areObjectsContested, isNamedOtherwise, isOwnerDoubtful, withArchiveMembers, withOwners } from './owners.js';
import { checkSections } from './section-flags.js';
import { layOutTraceHeaders } from './trace-headers.js';
import { filesBelow, moduleRules, readMakefiles } from './tree-files.js';

export interface TreeQuestion {
  readonly side: Side;
  /** Absolute path of the private copy, without symbolic links. */
  readonly tree: string;
  /** Absolute path of the user's tree, for arguments that name it. */
  readonly originalTree: string;
  readonly plan: BuildPlan;
  readonly kernel: TargetKernel;
  readonly compiler: InstalledCompiler;
  readonly makeArguments: readonly string[];
  /** What other trees export; `undefined` where nothing names any. */
  readonly extraSymbols?: ExtraSymbols | undefined;
  readonly jobs: number;
  /** C files of the tree to compile, and no others; `undefined` builds the tree whole. See `affectedSources`. */
  readonly sources?: readonly string[] | undefined;
  /** Compile as an ordinary build does, without a section per function: for a module to set beside one that runs. */
  readonly isPlain?: boolean | undefined;
  /**
   * C files of the tree that have to be part of a module, because the patch changes them; the default is `sources`. Those
   * that do not exist on this side are passed over.
   */
  readonly touched?: readonly string[] | undefined;
  /**
   * Where kbuild does not say whose one of the `sources` is: build the tree whole after all (the default), or refuse the
   * source, since the other side was not built whole.
   */
  readonly onDoubt?: 'build whole' | 'refuse';
  /** Private folder for the compiler wrapper and the log; the same for both sides, so that both are built alike. */
  readonly folder: string;
  /** Milliseconds for each call of make. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with every line that make prints. */
  readonly onLine?: ((line: string) => void) | undefined;
}

export interface TreeBuild {
  /**
   * Compiled for this side, sorted by object, by this call or an earlier one for the same side. Of a whole patched side:
   * what make found out of date.
   */
  readonly objects: readonly CompiledObject[];
  /** Modules that this build linked; none where only `sources` were compiled. */
  readonly modules: readonly BuiltModule[];
  /** The tree was built whole, because it was asked for or because nothing else could tell whose the objects are. */
  readonly isWhole: boolean;
  readonly warnings: readonly Diagnostic[];
  /** Everything that make printed. */
  readonly log: string;
}

/**
 * Builds the copy. With `sources`, which takes one call of make, these objects are compiled afresh in any case, so that
 * both sides are made by the same command from the same state.
 *
 * Throws `source-not-built` (a source that no module is linked from), `compile-failed`, `modpost-failed`, `make-failed`,
 * `no-modules-built`, `built-for-other-kernel` and `section-flags-lost`, besides what running a program may throw.
 */
export async function buildTree(question: TreeQuestion): Promise<TreeBuild> {
  const { tree, side, folder } = question;
  const log = path.join(folder, `${side}.log`);
  const traceFolders = await layOutTraceHeaders(tree, path.join(folder, 'trace'));
  const { command } = question.compiler;
  const drawsNumbers = question.kernel.config.isOn('CONFIG_GCC_PLUGIN_LATENT_ENTROPY');
  const wrapper = await writeCompilerWrapper(folder, {
    ...{ command, tree, traceFolders, side, drawsNumbers },
    isPlain: question.isPlain,
  });
  if (question.sources !== undefined) {
    const objects = await buildSingly(question, wrapper, log);
    if (objects !== undefined) return { objects, modules: [], isWhole: false, warnings: [], log };
  }
  const before = await findModules(tree);
  const jobs = areObjectsContested(await readMakefiles(tree)) ? 1 : question.jobs;
  await runMake({ ...question, jobs, sources: undefined }, wrapper, log);
  const modules = await modulesSince(before, tree);
  const names = new Set(modules.map(({ name }) => name));
  // A `.mod` file may be left from a module that is not built any more.
  const linked = (await readModuleObjects(tree, [question.originalTree])).filter(({ module }) => names.has(module));
  const compiled = await readCompileLog(wrapper.log, tree);
  const objects = withOwners(compiled, await withArchiveMembers(linked, tree, compiled), names);
  if (side === 'original') checkWholeBuild(modules, objects, question, log);
  await refuseLostSources(question, objects, modules, log);
  if (question.isPlain !== true) await checkSections(objects);
  return {
    objects: objects.filter((object) => object.modules.length > 0),
    modules,
    isWhole: true,
    warnings: objects.flatMap(({ object, compiledFor }) =>
      compiledFor === undefined ? [] : [diagnose('object-compiled-per-module', { object, modules: compiledFor })],
    ),
    log,
  };
}

/** The objects of `sources` and nothing else; `undefined` where that cannot tell whose they are. */
async function buildSingly(
  question: TreeQuestion,
  wrapper: CompilerWrapper,
  log: string,
): Promise<CompiledObject[] | undefined> {
  const { tree, sources = [], onDoubt = 'build whole' } = question;
  await runMake(question, wrapper, log);
  const objects = await readCompileLog(wrapper.log, tree);
  if (onDoubt === 'build whole') {
    const makefiles = await readMakefiles(tree);
    const asked = objects.filter(({ source }) => sources.includes(source));
    if (asked.length < sources.length || asked.some((object) => isOwnerDoubtful(object, makefiles))) return undefined;
  }
  const lost = sources.find((source) => !isInModule(source, objects));
  if (lost !== undefined) {
    const modules = [...new Set(objects.flatMap((object) => object.modules))].sort();
    fail('source-not-built', { source: lost, modules, rules: await moduleRules(tree), log });
  }
  await checkSections(objects);
  return objects;
}

async function runMake(question: TreeQuestion, { program }: CompilerWrapper, log: string): Promise<void> {
  const { side, tree, sources = [] } = question;
  await Promise.all(sources.map((source) => rm(path.join(tree, objectOf(source)), { force: true })));
  const settings = await objtoolSettings(question.kernel.config, question.folder);
  for (const invocation of treeInvocations(question, program, settings)) {
    const result = await runProgram({
      ...invocation,
      logFile: log,
      timeout: question.timeout,
      signal: question.signal,
      ...(question.onLine === undefined ? {} : { onLine: question.onLine }),
    });
    if (result.exitStatus !== 0) {
      const failed = { side, tree, log, rules: await moduleRules(tree), invocation };
      judge({ kind: 'side', output: result.output, failed });
    }
  }
}

/**
 * Refuses a touched C file that is in no module. What another source includes, or what the makefiles use in another way,
 * is not compiled by itself and may matter all the same; so may any file where the tree is built in a way of its own.
 */
async function refuseLostSources(
  { tree, plan, sources: asked = [], touched = asked }: TreeQuestion,
  objects: readonly CompiledObject[],
  modules: readonly BuiltModule[],
  log: string,
): Promise<void> {
  const owned = new Set(objects.filter((object) => object.modules.length > 0).map(({ source }) => source));
  const doubtful = touched.filter((source) => source.endsWith('.c') && !owned.has(source));
  if (doubtful.length === 0) return;
  const sources = await filesBelow(tree, (name) => /\.(c|h|S|inc)$/.test(name));
  const makefiles = await readMakefiles(tree);
  const included = await Promise.all(
    sources.map(async (file) => includesOf(await readFile(path.join(tree, file), 'latin1')).names),
  );
  const isUsed = (source: string) =>
    included.some((names) => names.has(path.basename(source))) || isNamedOtherwise(source, makefiles);
  const mayGenerate = singleObjectWay(plan) === undefined && objects.length > 0;
  const lost = doubtful.find((source) => {
    if (!sources.includes(source)) return false;
    return objects.some((object) => object.source === source) || !(isUsed(source) || mayGenerate);
  });
  if (lost === undefined) return;
  const names = modules.map(({ name }) => name).sort();
  fail('source-not-built', { source: lost, modules: names, rules: await moduleRules(tree), log });
}

/** What has a say in the commands that build one side. */
export type InvocationQuestion = Pick<
  TreeQuestion,
  'side' | 'tree' | 'originalTree' | 'plan' | 'kernel' | 'makeArguments' | 'extraSymbols' | 'jobs' | 'sources'
>;

/**
 * The commands that build one side with this compiler and these settings of objtool. Single `sources` need a plan that has a
 * way for them (`singleObjectWay`).
 */
export function treeInvocations(
  question: InvocationQuestion,
  compiler: string,
  objtool: readonly string[],
): Invocation[] {
  const { sources, tree, kernel, extraSymbols } = question;
  const { steps, makeArguments } =
    extraSymbols === undefined ? { ...question.plan, ...question } : passExtraSymbols(extraSymbols);
  const plan = { ...question.plan, steps };
  const surroundings = {
    tree,
    originalTree: question.originalTree,
    buildDirectory: kernel.buildDirectory,
    release: kernel.release,
    compiler,
    makeArguments,
    // The patched side may use symbols that only the loader of livepatches can resolve; modpost shall not mind.
    settings: [...(question.side === 'patched' ? ['KBUILD_MODPOST_WARN=1'] : []), ...objtool],
    jobs: question.jobs,
  };
  if (sources === undefined) return plan.steps.map((step) => invocationOf(step, surroundings));
  const way = singleObjectWay(plan);
  if (way === undefined) throw new RangeError('single sources can be compiled in the ordinary way only');
  const goals = sources.map((source) => path.posix.relative(way.directory, objectOf(source)));
  return [kbuildInvocation(way.directory, [...way.variables, ...goals], surroundings)];
}

const objectOf = (source: string) => source.replace(/\.c$/, '.o');

/** kbuild compiles any C file that it is asked for; whether a module links it shows in how it was compiled. */
function isInModule(source: string, objects: readonly CompiledObject[]): boolean {
  return objects.some(({ object, modules }) => object === objectOf(source) && modules.length > 0);
}

function checkWholeBuild(
  modules: readonly BuiltModule[],
  objects: readonly CompiledObject[],
  { plan, kernel, tree }: TreeQuestion,
  log: string,
): void {
  if (modules.length === 0)
    fail('no-modules-built', { tree, chosenBy: plan.chosenBy, expected: plan.expectedModules, log });
  const other = modules.find((module) => module.release !== kernel.release);
  if (other !== undefined) {
    const module = path.relative(tree, other.file);
    fail('built-for-other-kernel', { module, found: other.release, release: kernel.release, chosenBy: plan.chosenBy });
  }
  if (objects.length === 0)
    fail('section-flags-lost', { objects: modules.map(({ file }) => path.relative(tree, file)) });
}
