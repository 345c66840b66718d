/** The livepatches of the scenarios for one kernel, and what the boots with them showed. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { changesOf, codesOf, documentOf, errorsOf, moduleName, requireRun, wantedStop } from './build-results.js';
import {
  type BuildRequest,
  type BuildResult,
  buildAll,
  digestTree,
  moduleNames,
  packings,
  setUpWorkbench,
  twoAtATime,
  type Workbench,
} from './builds.js';
import type { CliRun } from './command-line.js';
import { differingSections } from './differing-sections.js';
import type { GuestPlan, GuestSettings, LoadedScenario, PlanOutcome } from './guest-plan.js';
import { replayOf } from './replay.js';
import type { TestKernel } from './requirements.js';
import type { LiveScenario, StoppedScenario } from './scenario.js';

/**
 * Of each livepatch several may be built: for the ordinary boots, the same again in another place, as one that replaces, for
 * stripped or compressed modules.
 */
export type Variant = 'plain' | 'again' | 'replacing' | 'stripped' | 'compressed';

export interface VariantRequest {
  readonly scenario: LiveScenario | StoppedScenario;
  readonly variant: Variant;
  readonly isReplacing: boolean;
}

export interface PlannedBoot {
  readonly name: string;
  readonly plan: GuestPlan;
  /** Which modules and which livepatches the guest gets. */
  readonly variant: Variant;
  readonly settings?: GuestSettings;
}

export class ScenarioRun {
  readonly #builds = new Map<string, BuildResult>();
  readonly #outcomes = new Map<string, PlanOutcome>();
  readonly #folder: string;
  readonly #bench: Workbench;
  #digestBefore: readonly string[] = [];
  #digestAfter: readonly string[] = [];

  private constructor(
    folder: string,
    bench: Workbench,
    readonly live: readonly LiveScenario[],
  ) {
    this.#folder = folder;
    this.#bench = bench;
  }

  /** Builds the livepatches; `close` has to follow. */
  static async start(
    kernel: TestKernel,
    live: readonly LiveScenario[],
    wanted: readonly VariantRequest[],
  ): Promise<ScenarioRun> {
    const folder = await mkdtemp(path.join(tmpdir(), 'kptool-scenarios-'));
    const run = new ScenarioRun(folder, await setUpWorkbench(folder, kernel), live);
    run.#digestBefore = await digestTree(run.tree);
    const results = await buildAll(run.#bench, wanted.map(buildRequest));
    for (const [index, { scenario, variant }] of wanted.entries()) {
      const result = results[index];
      if (result !== undefined) run.#builds.set(buildKey(scenario, variant), result);
    }
    run.#digestAfter = await digestTree(run.tree);
    return run;
  }

  get tree(): string {
    return this.#bench.tree;
  }

  async boot(boots: readonly PlannedBoot[]): Promise<void> {
    await twoAtATime(
      boots.map(({ name, plan, variant, settings }) => async () => {
        const files = { ...this.#moduleFiles(variant), ...this.#livepatchFiles(variant) };
        this.#outcomes.set(name, await plan.run(this.#bench.kernel.image, files, settings));
      }),
    );
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** The scenarios of which a livepatch came out. */
  loaded(scenarios: readonly LiveScenario[], variant: Variant): LoadedScenario[] {
    return scenarios.flatMap((scenario) => {
      const document = documentOf(this.#builds.get(buildKey(scenario, variant)));
      return typeof document?.name === 'string' ? [{ scenario, livepatch: moduleName(document.name) }] : [];
    });
  }

  #livepatchFiles(variant: Variant): Record<string, string> {
    // What is not built for compressed modules is the same livepatch anyway.
    const files: Record<string, string> = variant === 'compressed' ? this.#livepatchFiles('plain') : {};
    for (const { scenario, livepatch } of this.loaded(this.live, variant)) {
      const file = documentOf(this.#builds.get(buildKey(scenario, variant)))?.file;
      if (typeof file === 'string') files[`modules/${livepatch}.ko`] = file;
    }
    return files;
  }

  #moduleFiles(variant: Variant): Record<string, string> {
    const { tree, stripped, compressed } = this.#bench;
    const folder = variant === 'stripped' ? stripped : variant === 'compressed' ? compressed : tree;
    const suffix = (name: (typeof moduleNames)[number]) => (variant === 'compressed' ? packings[name].suffix : '');
    const files = moduleNames.map((name) => `${name}.ko${suffix(name)}`);
    return Object.fromEntries(files.map((file) => [`modules/${file}`, path.join(folder, file)]));
  }

  expectBuilt(scenario: LiveScenario): void {
    const { document, exitStatus } = this.#requireBuild(scenario, 'plain');
    expect(errorsOf(document)).toEqual([]);
    expect({ exitStatus, outcome: document.outcome }).toEqual({ exitStatus: 0, outcome: 'built' });
    expect(codesOf(document, 'warning')).toEqual(scenario.build.warnings);
    const objects = document.objects.map((entry) => {
      return { ...entry, callbacks: entry.callbacks.map((callback) => `${callback.kind} ${callback.function}`) };
    });
    expect(changesOf(objects)).toEqual(changesOf(scenario.build.objects));
  }

  /** Built in another place, at another time, by another number of jobs: no section differs, and nothing around them. */
  async expectSameBytes(scenario: LiveScenario): Promise<void> {
    const read = async (variant: Variant) => readFile(this.#requireBuild(scenario, variant).document.file ?? 'no file');
    expect(differingSections(await read('plain'), await read('again'))).toEqual([]);
  }

  expectOutcomeBuilt(scenario: LiveScenario, variant: Variant): void {
    const { document, exitStatus } = this.#requireBuild(scenario, variant);
    expect({ exitStatus, outcome: document.outcome }).toEqual({ exitStatus: 0, outcome: 'built' });
  }

  expectStopped(scenario: StoppedScenario): void {
    const { document, exitStatus } = this.#requireBuild(scenario, 'plain');
    const codes = codesOf(document, 'error');
    expect({ exitStatus, outcome: document.outcome, codes }).toEqual(wantedStop(scenario));
    expect(document.file).toBeNull();
  }

  async expectReplay(scenario: StoppedScenario): Promise<void> {
    const { document } = this.#requireBuild(scenario, 'plain');
    const hasCompiled = document.outcome === 'refused' && document.workFolder !== null;
    expect(document.bundle !== null).toBe(hasCompiled);
    if (!hasCompiled) return;
    const { then, now, ...ended } = await replayOf(document);
    expect(now).toEqual(then);
    expect(ended).toEqual({ outcome: 'reproduced', exitStatus: 0, step: 'diff', way: 'computed' });
  }

  expectTreeUntouched(): void {
    expect(this.#digestBefore.length).toBeGreaterThan(0);
    expect(this.#digestAfter).toEqual(this.#digestBefore);
  }

  expectCleanLog(bootName: string): void {
    const outcome = this.#outcomes.get(bootName);
    expect(outcome).toBeDefined();
    expect(outcome?.failure).toBeUndefined();
    expect(outcome?.troubles(this.live)).toEqual([]);
  }

  expectVerdict(bootName: string, scenario: LiveScenario): void {
    const outcome = this.#outcomes.get(bootName);
    if (outcome === undefined) throw new Error(`the boot "${bootName}" did not take place`);
    const { seen, wanted } = outcome.verdict(scenario);
    expect(wanted.length, `no livepatch of ${scenario.name} was built`).toBeGreaterThan(0);
    expect(seen).toEqual(wanted);
  }

  #requireBuild(scenario: LiveScenario | StoppedScenario, variant: Variant): CliRun {
    return requireRun(this.#builds.get(buildKey(scenario, variant)));
  }
}

function buildKey({ name }: LiveScenario | StoppedScenario, variant: Variant): string {
  return `${name} ${variant}`;
}

function buildRequest({ scenario: { name, patchFiles }, variant, isReplacing }: VariantRequest): BuildRequest {
  if (variant === 'again') return { name, patchFiles, isReplacing, targets: 'in a copy of the tree' };
  const targets = variant === 'stripped' || variant === 'compressed' ? variant : 'in the tree';
  return { name, patchFiles, isReplacing, targets };
}
