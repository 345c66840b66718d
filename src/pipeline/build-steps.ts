/**
 * The steps of a build that make something, in their order. Each has a numbered folder in the work folder, `--from` and
 * `reproduce --step` call it by its name, and a bundle says in which one the build failed.
 */
import { stepFolder, type WorkFolder } from '../system/work-folder.js';

export const buildSteps = ['original', 'patched', 'diff', 'module', 'finish'] as const;

export type BuildStep = (typeof buildSteps)[number];

/** The steps that can be gone on from: those that have one before them. */
export const laterSteps: readonly BuildStep[] = buildSteps.slice(1);

/** `2-patched` */
export function folderName(step: BuildStep): string {
  return stepFolder(numberOf(step), step);
}

/** The folder of the step in the work folder, made if it is not there. Throws what `WorkFolder.step` throws. */
export function makeStepFolder(work: WorkFolder, step: BuildStep): Promise<string> {
  return work.step(numberOf(step), step);
}

const numberOf = (step: BuildStep) => buildSteps.indexOf(step) + 1;

/** Whether the first step comes before the second one. */
export function isBefore(step: BuildStep, other: BuildStep): boolean {
  return buildSteps.indexOf(step) < buildSteps.indexOf(other);
}
