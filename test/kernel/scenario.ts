/**
 * The scenarios of fixtures/patches as the kernel tier reads them: what the build must say of each, and what must be
 * seen on a booted kernel. fixtures/README.md describes the format.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { GuestResult } from '../boot/guest.js';
import { type KernelSeries, kernelSeries } from './requirements.js';

export const fixtures = path.join(projectFolder(), 'fixtures/');

/** Whether this file is run as it is or compiled into `.build/`. */
function projectFolder(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder);
  return folder;
}

const stepSchema = z.strictObject({
  run: z.string(),
  output: z.array(z.string()).default([]),
  status: z.number().int().default(0),
});

const objectsSchema = z.array(
  z.strictObject({
    object: z.string(),
    module: z.string(),
    changedFunctions: z.array(z.string()),
    newFunctions: z.array(z.string()),
    callbacks: z.array(z.string()).default([]),
  }),
);

const seriesSchema = z.enum(kernelSeries);

const builtSchema = z.strictObject({
  outcome: z.literal('built'),
  objects: objectsSchema,
  objectsOn: z.partialRecord(seriesSchema, objectsSchema).default({}),
  warnings: z.array(z.string()).default([]),
});

const titleAndPatches = {
  title: z.string(),
  patches: z.array(z.string()).min(1),
  onlyOn: z.array(seriesSchema).default([...kernelSeries]),
};

const liveSchema = z.strictObject({
  ...titleAndPatches,
  build: builtSchema,
  prepare: z.array(z.string()).default([]),
  before: z.array(stepSchema).min(1),
  enabled: z.array(stepSchema).min(1),
  disabled: z.array(stepSchema).optional(),
  troubles: z.array(z.string()).default([]),
});

const stoppedSchema = z.strictObject({
  ...titleAndPatches,
  build: z.discriminatedUnion('outcome', [
    z.strictObject({ outcome: z.literal('refused'), code: z.string() }),
    z.strictObject({ outcome: z.literal('unchanged') }),
  ]),
});

/** A command and what it must print. */
export type Step = z.output<typeof stepSchema>;

interface Named {
  /** The file's name without `.json`. */
  readonly name: string;
  /** Absolute paths, in the order in which they are applied. */
  readonly patchFiles: readonly string[];
}

/** A scenario that gives a livepatch. */
export type LiveScenario = z.output<typeof liveSchema> & Named;
/** A scenario that gives none: refused, or nothing that runs has changed. */
export type StoppedScenario = z.output<typeof stoppedSchema> & Named;

/** The scenario that `file` (NAME.json) describes. Throws when it does not follow the format. */
export function readScenario(file: string): LiveScenario | StoppedScenario {
  const text: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const isLive = z.looseObject({ build: z.looseObject({ outcome: z.literal('built') }) }).safeParse(text).success;
  const scenario = isLive ? liveSchema.parse(text) : stoppedSchema.parse(text);
  const patchFiles = scenario.patches.map((patch) => path.join(path.dirname(file), patch));
  return { ...scenario, name: path.basename(file, '.json'), patchFiles };
}

/** Whether the scenario gives a livepatch. */
export function isLiveScenario(scenario: LiveScenario | StoppedScenario): scenario is LiveScenario {
  return scenario.build.outcome === 'built';
}

/** Every scenario of fixtures/patches, or those for one kernel as they go there, in the order of their names. */
export function readScenarios(series?: KernelSeries): { live: LiveScenario[]; stopped: StoppedScenario[] } {
  const folder = path.join(fixtures, 'patches');
  const files = readdirSync(folder).filter((entry) => entry.endsWith('.json'));
  const scenarios = files
    .sort()
    .map((file) => readScenario(path.join(folder, file)))
    .filter(({ onlyOn }) => series === undefined || onlyOn.includes(series));
  return {
    live: scenarios.filter(isLiveScenario).map((scenario) => withObjectsOf(scenario, series)),
    stopped: scenarios.filter((scenario): scenario is StoppedScenario => !isLiveScenario(scenario)),
  };
}

/** The same source may be split into other functions for another kernel. */
function withObjectsOf(scenario: LiveScenario, series: KernelSeries | undefined): LiveScenario {
  const { build } = scenario;
  if (series === undefined) return scenario;
  return { ...scenario, build: { ...build, objects: build.objectsOn[series] ?? build.objects } };
}

/** What must be seen after the livepatch was taken back: as before it, where the scenario says nothing else. */
export function stepsAfter(scenario: LiveScenario): readonly Step[] {
  return scenario.disabled ?? scenario.before;
}

/** What a scenario reads or writes in the guest, such as /proc/ib_mad/cm; those that share nothing can run side by side. */
export function filesOf(scenario: LiveScenario): Set<string> {
  const steps = [...scenario.before, ...scenario.enabled, ...(scenario.disabled ?? [])].map((step) => step.run);
  return new Set([...scenario.prepare, ...steps].flatMap((run) => run.match(/\/proc\/[\w/]+/g) ?? []));
}

/** Whether its steps only look: what they show then does not depend on how often or when they ran. */
export function onlyLooks(scenario: LiveScenario): boolean {
  const steps = [...scenario.before, ...scenario.enabled, ...(scenario.disabled ?? [])];
  return scenario.disabled === undefined && steps.every((step) => !step.run.includes('>'));
}

/** A step's outcome as text, for comparison with `stepText`. */
export function resultText(result: GuestResult): string {
  return `${result.command}\n${result.output}[status ${result.status}]`;
}

/** A step as `resultText` shows it when it goes as it must. */
export function stepText(step: Step): string {
  return `${step.run}\n${step.output.map((line) => `${line}\n`).join('')}[status ${step.status}]`;
}
