/**
 * From patch files to a livepatch module: the steps in their order. Each hands values to the next; nothing is written
 * outside the private work folder before the finished module is.
 */
import path from 'node:path';
import { type ModuleObjects, readModuleObjects } from '../kbuild/module-objects.js';
import { readEntrySizes } from '../kernel/entry-sizes.js';
import { livepatchName, requireLivepatchName } from '../livepatch/names.js';
import { nameRules } from '../lookup/drifting-names.js';
import { requireOutputFolder, writeOutputAtomically } from '../system/files.js';
import { createWorkFolder, type WorkFolder } from '../system/work-folder.js';
import { buildBothSides } from './both-sides.js';
import { compareObjects } from './compare-objects.js';
import { compareVersions } from './export-versions.js';
import { findForeignSources } from './foreign-sources.js';
import { knownExports } from './known-exports.js';
import { finishLivepatch, linkLivepatch } from './link-livepatch.js';
import type { BuildOptions, BuildOutcome } from './options.js';
import { type CheckedPatches, checkPatches, stopAtErrors } from './patches.js';
import { planOf } from './plan.js';
import type { Progress } from './progress.js';
import { rebuildOnDemand } from './rebuild.js';
import { withLookups } from './refused-lookups.js';
import { checkReport, ReportMaker } from './report.js';
import { resolveTarget, type Target } from './target.js';
import { unseenWarnings, unusedWarnings } from './target-modules.js';
import { workPlaces } from './work-places.js';

/**
 * Builds the livepatch, or says why not.
 * @throws KptoolError with the findings; its `workFolder` names what is left to look at
 */
export async function build(options: BuildOptions, progress: Progress): Promise<BuildOutcome> {
  const target = await progress.step('Resolving the target', () => resolveTarget(options));
  progress.note(`kernel ${target.kernel.release}, by ${target.kernel.chosenBy}`);

  const patches = await progress.step('Checking the patches', () => checkPatches(options, target));
  const name = options.name ?? livepatchName(options.patches[0] ?? '');
  requireLivepatchName(name, []);

  const linked = await readModuleObjects(options.oot);
  const foreign = await findForeignSources(options.oot, patches.touched, target.modules, linked);
  stopAtErrors([...foreign, ...target.warnings, ...patches.warnings]);

  // Up to here nothing has been written and nothing compiled.
  if (options.dryRun) {
    const plan = await planOf({ options, target, patches, name, linked });
    const report = checkReport(target, patches, plan);
    for (const warning of report.warnings) progress.warn(warning);
    return { kind: 'checked', report };
  }

  await requireOutputFolder(options.output);
  const work = await createWorkFolder(path.join(options.cache, 'work'), name);
  const maker = new ReportMaker(name, target.kernel, options.keep ? work.path : undefined, options.explainLookup);
  maker.warn([...target.warnings, ...patches.warnings]);
  try {
    const outcome = await buildIn(work, maker, { options, target, patches, linked }, progress);
    if (options.keep) await work.keep();
    else await work.remove();
    return outcome;
  } catch (error) {
    await work.keep();
    // Of a failure after the comparison too: what the link of the livepatch misses is what no lookup found.
    const told = withLookups(error, maker.report().objects);
    throw told instanceof Error ? Object.assign(told, { workFolder: work.path }) : told;
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
  work: WorkFolder,
  maker: ReportMaker,
  request: Request,
  progress: Progress,
): Promise<BuildOutcome> {
  const { options, target, patches, linked } = request;
  const { kernel, compiler } = target;
  const { name } = maker;

  // The probe needs the compiler only; it runs beside the builds. Its failure is told when its answer is needed.
  const probe = readEntrySizes({
    kernel,
    compiler,
    folder: workPlaces(work.path).probe,
    cache: options.cache,
    signal: options.signal,
  });
  probe.catch(() => undefined);

  const { pairs, built, versions, warnings: doubts } = await buildBothSides({ ...request, work }, progress);
  maker.warn(doubts);

  // From here on the compiler has said what the patch affects, and which modules own it.
  const patched = [...new Set(pairs.flatMap(({ modules }) => modules))];
  const targets = await progress.step('Reading the target modules', () => target.modules.closure(patched));
  requireLivepatchName(
    name,
    targets.map((found) => found.name),
  );
  maker.targets(targets);
  maker.warn([...unseenWarnings(targets), ...unusedWarnings(target.modules.sources.given, targets, patched)]);

  const exports = knownExports(target, targets, built);
  const entrySizes = await probe;
  const { skipTargetCheck: skipCheck, skipCompilerCheck } = options;
  const findRebuild = rebuildOnDemand({ options, target, work }, progress);
  const { contributions, unchanged, warnings, verifications } = await progress.step('Comparing objects', () =>
    compareObjects({
      pairs,
      targets,
      built,
      linked,
      findRebuild,
      exports,
      entrySizes,
      explain: options.explain,
      names: nameRules(options.names ?? {}),
      verification: { kernel, skipCheck, skipCompilerCheck },
    }),
  );
  maker.warn(warnings);
  maker.verified(verifications);
  maker.objects(contributions, unchanged);

  // What other modules were built to call must still be what they call.
  const versionFindings = compareVersions({ versions, targets, contributions, patches: patches.resolved });
  stopAtErrors(versionFindings);
  maker.warn(versionFindings);
  if (contributions.length === 0) return { kind: 'unchanged', report: maker.report() };

  const bytes = await progress.step('Linking the livepatch', async (report) => {
    const question = { name, contributions, targets, exports, options, target, entrySizes, work, report };
    const finished = finishLivepatch(await linkLivepatch(question), question);
    maker.warn(finished.warnings);
    return finished.bytes;
  });
  const file = path.join(options.output, `${name}.ko`);
  await writeOutputAtomically(file, bytes);
  return { kind: 'built', file, report: maker.report() };
}
