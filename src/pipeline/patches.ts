/** The patches as the build needs them: parsed, fitted to the tree, tried, and known by what they make compile. */
import { type Diagnostic, KptoolError } from '../diagnostics/diagnostic.js';
import { affectedKernelSources, describeLeftOut } from '../kbuild/affected-kernel-sources.js';
import { type Affected, affectedSources, readIncludes } from '../kbuild/affected-sources.js';
import { modulesListing } from '../kbuild/composite-lists.js';
import type { PreparedKernel } from '../kbuild/prepared-kernel.js';
import { isMakefile, readMakefiles } from '../kbuild/tree-files.js';
import { type TriedPatches, tryPatches } from '../patch/apply.js';
import { type ResolvedPatch, resolvePatches } from '../patch/check.js';
import { patchIn } from '../patch/read.js';
import { compareAll } from '../patch/source-change.js';
import { checkSourceRules } from '../patch/source-rules.js';
import { type TouchedCode, touchedCode } from '../patch/touched-code.js';
import { readInput } from '../system/files.js';
import type { BuildOptions } from './options.js';
import { applyRuleLevels } from './rule-levels.js';
import type { Target } from './target.js';
import { checkKernelTree, checkTree, withPatched } from './tree-findings.js';

export interface CheckedPatches {
  readonly resolved: readonly ResolvedPatch[];
  /** Of the patch files, in the same order. */
  readonly contents: readonly Uint8Array[];
  /** Files of the tree that the patches change, add or take away. */
  readonly touched: readonly string[];
  /** What they touch in C files and headers. */
  readonly touchedCode: TouchedCode;
  /** C files to compile, and why. */
  readonly affected: Affected;
  /** The same for either side, or `undefined` where the tree has to be built whole. */
  readonly sources: { readonly original: readonly string[]; readonly patched: readonly string[] } | undefined;
  readonly warnings: readonly Diagnostic[];
}

/**
 * Finds everything about the patches that can be found without compiling. The user's tree is only read; the patches are
 * tried on copies of the files that they touch.
 * @throws KptoolError with all findings, if one of them is an error
 */
export async function checkPatches(options: BuildOptions, target: Target): Promise<CheckedPatches> {
  const { tree, kernel, prepared } = target;
  // Read once: a pipe (`<(git diff)`) gives its content only once.
  const contents = await Promise.all(options.patches.map(readInput));
  const patches = options.patches.map((file, index) => patchIn(contents[index] ?? new Uint8Array(), file));
  const resolved = await resolvePatches(patches, tree);
  stopAtErrors(resolved.flatMap(({ findings }) => findings));
  const trial = await tryPatches(resolved, tree, { signal: options.signal });
  stopAtErrors(trial.findings);
  const { texts, touched, added, deleted } = trial;
  const changes = compareAll(texts);
  const {
    affected,
    modules,
    findings: broken,
  } = await (prepared === undefined
    ? judgeTree(trial, options, target)
    : judgeKernel(trial, options, target, prepared));
  const judged = [...checkSourceRules({ texts, changes, config: kernel.config, modules }), ...broken];
  const findings = [...trial.findings, ...applyRuleLevels(judged, options.rules)];
  stopAtErrors(findings);
  return {
    ...{ resolved, contents, touched, touchedCode: touchedCode(texts, changes), affected },
    ...{ sources: sidesOf(affected, added, deleted), warnings: findings },
  };
}

/** What the tree says of the touched files. */
interface Judgement {
  readonly affected: Affected;
  /** By touched file, what may link it. */
  readonly modules: ReadonlyMap<string, readonly string[]>;
  readonly findings: readonly Diagnostic[];
}

/** By the makefiles and the includes of a module tree. */
async function judgeTree(
  { texts, touched }: TriedPatches,
  options: BuildOptions,
  { tree, kernel, plan }: Target,
): Promise<Judgement> {
  const includes = await readIncludes(tree);
  const makefiles = withPatched(await readMakefiles(tree), texts);
  return {
    affected: await affectedSources(tree, touched, plan, includes),
    modules: new Map(touched.map((file) => [file, modulesListing(file.replace(/\.c$/, '.o'), makefiles)])),
    findings: checkTree({ includes, texts, makefiles, config: kernel.config, plan, ...options }),
  };
}

/** By what kbuild makes of the kernel's makefiles, and by its includes. */
async function judgeKernel(
  { texts, touched, added }: TriedPatches,
  options: BuildOptions,
  { tree, kernel, compiler }: Target,
  prepared: PreparedKernel,
): Promise<Judgement> {
  const { maxObjects } = options;
  const makefiles = new Map([...texts].filter(([file]) => isMakefile(file)));
  const question = { touched, added, makefiles, maxObjects };
  const affected = await affectedKernelSources({ ...options, kernel, compiler }, prepared, question);
  const sources = affected.kind === 'some' ? affected.sources : [];
  const modules = new Map(sources.map(({ source, modules: owners = [] }) => [source, owners]));
  const ofTree = await checkKernelTree(tree, touched, { affected, makefiles, config: kernel.config });
  return { affected, modules, findings: [...describeLeftOut(affected, kernel.release), ...ofTree] };
}

function sidesOf(affected: Affected, added: readonly string[], deleted: readonly string[]): CheckedPatches['sources'] {
  if (affected.kind === 'all') return undefined;
  const sources = affected.sources.map(({ source }) => source);
  const unlisted = new Set(affected.sources.filter(({ isUnlisted }) => isUnlisted).map(({ source }) => source));
  return {
    original: sources.filter((source) => !added.includes(source) && !unlisted.has(source)),
    patched: sources.filter((source) => !deleted.includes(source)),
  };
}

/** Throws them all, if one of them is an error. */
export function stopAtErrors(findings: readonly Diagnostic[]): void {
  if (findings.some(({ severity }) => severity === 'error')) throw new KptoolError(findings);
}
