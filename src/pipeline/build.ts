/**
 * From patch files to a livepatch module: the steps in their order. Each hands values to the next; nothing is written
 * outside the private work folder before the finished module is.
 */
import path from 'node:path';
import { z } from 'zod';
import { type ModuleObjects, readModuleObjects } from '../kbuild/module-objects.js';
import { readEntrySizes } from '../kernel/entry-sizes.js';
import { sealsOfInstalledKernel } from '../kernel/sealed-functions.js';
import { livepatchName, requireLivepatchName } from '../livepatch/names.js';
import { nameRules } from '../lookup/drifting-names.js';
import { readInput, requireOutputFolder, writeOutputAtomically } from '../system/files.js';
import { withEarlier } from './all-findings.js';
import { buildBothSides } from './both-sides.js';
import { type Evidence, leaveBundle } from './bundle/write-bundle.js';
import { type CompareInput, compareInputs, compareStep } from './compare-step.js';
import { finishInput, finishLivepatch } from './finish-livepatch.js';
import { findForeignSources } from './foreign-sources.js';
import { buildKernelSides } from './kernel-sides.js';
import { resolveKernelTarget } from './kernel-target.js';
import { knownExports } from './known-exports.js';
import { linkInputs, linkLivepatch, livepatchSources } from './link-livepatch.js';
import { checkMachineRules, checkPlaces } from './machine-rules.js';
import type { BuildOptions, BuildOutcome } from './options.js';
import { type CheckedPatches, checkPatches, stopAtErrors } from './patches.js';
import { planOf } from './plan.js';
import type { Progress } from './progress.js';
import { noRebuild, rebuildOnDemand, remembered } from './rebuild.js';
import { withLookups } from './refused-lookups.js';
import { checkReport, ReportMaker } from './report.js';
import { openWork } from './resume.js';
import { StepRunner } from './step-stamps.js';
import { resolveTarget, type Target } from './target.js';
import { unseenWarnings, unusedWarnings } from './target-modules.js';
import { workPlaces } from './work-places.js';

/**
 * Builds the livepatch, or says why not.
 * @throws KptoolError with the findings; its `workFolder` names what is left to look at, its `bundle` what to report it with
 */
export async function build(options: BuildOptions, progress: Progress): Promise<BuildOutcome> {
  const target = await openTarget(options, progress);
  try {
    progress.note(`kernel ${target.kernel.release}, by ${target.kernel.chosenBy}`);
    return await buildFor(target, options, progress);
  } finally {
    await target.prepared?.close();
  }
}

/** Modules of a tree of their own, or the kernel and its modules. */
async function openTarget(options: BuildOptions, progress: Progress): Promise<Target> {
  const { oot } = options;
  if (oot === undefined) return resolveKernelTarget(options, progress);
  return progress.step('Resolving the target', () => resolveTarget(options, oot));
}

async function buildFor(target: Target, options: BuildOptions, progress: Progress): Promise<BuildOutcome> {
  const patches = await progress.step('Checking the patches', () =>
    withEarlier(target.findings, () => checkPatches(options, target)),
  );
  const name = options.name ?? livepatchName(options.patches[0] ?? '');
  requireLivepatchName(name, []);

  // Of the kernel's own source no build of the user's is looked at.
  const { tree, prepared } = target;
  const linked = prepared === undefined ? await readModuleObjects(tree) : [];
  const foreign = prepared === undefined ? await findForeignSources(tree, patches.touched, target.modules, linked) : [];
  const findings = [
    ...target.findings,
    ...(await checkMachineRules({ options, name, release: target.kernel.release, sources: patches.sources?.patched })),
    ...patches.warnings,
  ];
  stopAtErrors([...foreign, ...findings]);

  // Up to here nothing has been written and nothing compiled.
  if (options.dryRun) {
    const plan = await planOf({ options, target, patches, name, linked });
    const doubts = await checkPlaces(options.output, options.cache);
    const report = checkReport(target, patches, plan, [...findings, ...doubts]);
    for (const warning of report.warnings) progress.warn(warning);
    return { kind: 'checked', report };
  }

  await requireOutputFolder(options.output);
  const work = await openWork(options, { name, tree: target.place }, progress);
  const maker = new ReportMaker(name, target.kernel, options.keep ? work.path : undefined, options.explainLookup);
  maker.warn(findings);
  const steps = new StepRunner(work, options.from);
  const seen: Evidence = {};
  try {
    const outcome = await buildIn(steps, maker, { options, target, patches, linked }, seen, progress);
    if (options.keep) await work.keep();
    else await work.remove();
    return outcome;
  } catch (error) {
    await work.keep();
    const scene = { options, target, patches, work, name };
    const { bundle, warnings } = await leaveBundle(scene, seen, steps.current, error);
    maker.warn(warnings);
    // Of a failure after the comparison too: what the link of the livepatch misses is what no lookup found.
    const told = withLookups(error, maker.report().objects);
    throw told instanceof Error ? Object.assign(told, { workFolder: work.path, bundle }) : told;
  } finally {
    // At the end, where people look; also of a failure they may be the reason.
    for (const warning of maker.report().warnings) progress.warn(warning);
  }
}

interface Request {
  readonly options: BuildOptions;
  readonly target: Target;
  readonly patches: CheckedPatches;
  /** As the user last built the tree. */
  readonly linked: readonly ModuleObjects[];
}

async function buildIn(
  steps: StepRunner,
  maker: ReportMaker,
  request: Request,
  seen: Evidence,
  progress: Progress,
): Promise<BuildOutcome> {
  const { options, target, patches, linked } = request;
  const { kernel, compiler } = target;
  const { name } = maker;
  const { work } = steps;

  // The probe needs the compiler only; it runs beside the builds. Its failure is told when its answer is needed.
  const probe = readEntrySizes({
    kernel,
    compiler,
    folder: workPlaces(work.path).probe,
    cache: options.cache,
    timeout: options.timeout,
    signal: options.signal,
  });
  probe.catch(() => undefined);

  const buildSides = target.prepared === undefined ? buildBothSides : buildKernelSides;
  const { pairs, built, versions, warnings: doubts } = await buildSides({ ...request, work }, steps, progress);
  maker.warn(doubts);

  steps.enter('diff');
  // From here on the compiler has said what the patch affects, and which modules own it.
  const patched = [...new Set(pairs.flatMap(({ modules }) => modules))];
  const targets = await progress.step('Reading the target modules', () => target.modules.closure(patched));
  requireLivepatchName(
    name,
    targets.map((found) => found.name),
  );
  maker.targets(targets);
  maker.warn([...unseenWarnings(targets), ...unusedWarnings(target.modules.sources.given, targets, patched)]);

  const entrySizes = await probe;
  const { skipTargetCheck: skipCheck, skipCompilerCheck } = options;
  // A kernel takes hours to build; its namesakes are told apart by its symbols, or not at all.
  const findRebuild = remembered(
    target.prepared === undefined ? rebuildOnDemand({ options, target, work }, progress) : noRebuild,
  );
  const comparison: CompareInput = {
    ...{ pairs, targets, built, linked, versions, entrySizes, patches: patches.resolved },
    findRebuild: findRebuild.find,
    exports: knownExports(target, targets, built),
    explain: options.explain,
    names: nameRules(options.names ?? {}),
    verification: { kernel, skipCheck, skipCompilerCheck },
    findKernelSeals: () => sealsOfInstalledKernel(kernel.release),
    touched: patches.touchedCode,
    rules: options.rules,
  };
  seen.comparison = { input: comparison, names: options.names ?? {}, rebuilt: findRebuild.answers };
  const compared = await steps.run({
    step: 'diff',
    inputs: async () => ({ ...steps.before('diff'), ...(await compareInputs(comparison)) }),
    work: () => progress.step('Comparing objects', () => compareStep(comparison)),
  });
  const { contributions, findings } = compared;
  maker.settle(compared.settled);
  maker.warn(compared.warnings);
  maker.verified(compared.verifications);
  maker.objects(contributions, compared.unchanged);
  stopAtErrors(findings);
  maker.warn(findings);
  if (contributions.length === 0) return { kind: 'unchanged', report: maker.report() };

  const question = { name, contributions, exports: comparison.exports, options, target };
  steps.enter('module');
  const sources = livepatchSources(question);
  seen.sources = sources;
  const linkedFile = await steps.run({
    step: 'module',
    inputs: async () => ({ ...steps.before('module'), ...(await linkInputs(question, sources)) }),
    kept: z.string(),
    work: (folder) =>
      progress.step('Linking the livepatch', (report) => linkLivepatch(question, sources, { work, folder, report })),
  });

  const finish = finishInput(await readInput(linkedFile), {
    ...question,
    exports: sources.exports,
    targets,
    entrySizes,
  });
  seen.finish = finish;
  const finished = await steps.run({
    step: 'finish',
    inputs: async () => steps.before('finish'),
    work: async () => finishLivepatch(finish),
  });
  maker.warn(finished.warnings);
  const file = path.join(options.output, `${name}.ko`);
  await writeOutputAtomically(file, finished.bytes);
  return { kind: 'built', file, report: maker.report() };
}
