/**
 * Every scenario of fixtures/patches, through the built program: what the build says, and for those that give a
 * livepatch what a booted kernel shows before, while it is enabled and after it was disabled.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type BuildRequest,
  type BuildResult,
  buildAll,
  digestTree,
  moduleNames,
  packings,
  setUpWorkbench,
  twoAtATime,
} from './builds.js';
import type { CliDocument, CliRun } from './command-line.js';
import { GuestPlan, type LoadedScenario, type PlanOutcome } from './guest-plan.js';
import { replayOf } from './replay.js';
import { findTestKernel, isRequired } from './requirements.js';
import { filesOf, type LiveScenario, onlyLooks, readScenarios, type StoppedScenario } from './scenario.js';

const { live, stopped } = readScenarios();
const { kernel, missing } = findTestKernel();

/** Scenarios that can be in force side by side: no function and no file of /proc in common. */
const together = sideBySide(live);
/** Loaded one after the other, each in place of the one before. The kernel does not call the callbacks of what is replaced. */
const replacing = together.filter((scenario) => !hasCallbacks(scenario)).slice(0, 3);
/** Loaded before the modules are; their steps do not depend on what happened to the modules before. */
const early = live.filter(onlyLooks);
/** Names that exist twice, static locals, two modules: what symbols of a stripped module have to be enough for. */
const onStripped = live.filter(({ name }) => /^(namesake|static-local|both-modules|shared-object)/.test(name));

/** Their livepatches of the boot `early` are built for modules that were given compressed, and that the guest unpacks. */
const onCompressed = early.filter(({ name }) => name.startsWith('namesake'));

test('the machine has what the kernel tier needs', ({ skip }) => {
  skip(!isRequired && missing.length > 0, `needs ${missing.join(', ')}`);
  expect(missing).toEqual([]);
});

const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;

describe.skipIf(kernel === undefined)(`scenarios on a booted kernel${needs}`, () => {
  const builds = new Map<string, BuildResult>();
  const outcomes = new Map<string, PlanOutcome>();
  let folder = '';
  let digestBefore: readonly string[] = [];
  let digestAfter: readonly string[] = [];

  beforeAll(async () => {
    if (kernel === undefined) return;
    folder = await mkdtemp(path.join(tmpdir(), 'kptool-scenarios-'));
    const bench = await setUpWorkbench(folder, kernel);
    digestBefore = await digestTree(bench.tree);

    const requests = buildRequests();
    const results = await buildAll(bench, [...requests.values()]);
    for (const [index, key] of [...requests.keys()].entries()) {
      const result = results[index];
      if (result !== undefined) builds.set(key, result);
    }
    digestAfter = await digestTree(bench.tree);

    const boots: readonly (readonly [string, GuestPlan, string, Variant])[] = [
      ['one by one', planOneByOne(loaded(live, 'plain')), bench.tree, 'plain'],
      ['together', planTogether(loaded(together, 'plain')), bench.tree, 'plain'],
      ['replacing', planReplacing(loaded(replacing, 'replacing')), bench.tree, 'replacing'],
      ['early', planEarly(loaded(early, 'plain')), bench.compressed, 'compressed'],
      ['stripped', planOneByOne(loaded(onStripped, 'stripped')), bench.stripped, 'stripped'],
    ];
    await twoAtATime(
      boots.map(([name, plan, modules, variant]) => async () => {
        const files = modules === bench.compressed ? packedModules(modules) : moduleFiles(modules);
        outcomes.set(name, await plan.run(kernel.image, { ...files, ...livepatchFiles(variant) }));
      }),
    );
  });

  afterAll(async () => {
    if (folder !== '') await rm(folder, { recursive: true, force: true });
  });

  /** The scenarios of which a livepatch came out. */
  function loaded(scenarios: readonly LiveScenario[], variant: Variant): LoadedScenario[] {
    return scenarios.flatMap((scenario) => {
      const document = documentOf(builds.get(buildKey(scenario.name, variant)));
      return typeof document?.name === 'string' ? [{ scenario, livepatch: moduleName(document.name) }] : [];
    });
  }

  function livepatchFiles(variant: Variant): Record<string, string> {
    // What is not built for compressed modules is the same livepatch anyway.
    const files: Record<string, string> = variant === 'compressed' ? livepatchFiles('plain') : {};
    for (const { scenario, livepatch } of loaded(live, variant)) {
      const file = documentOf(builds.get(buildKey(scenario.name, variant)))?.file;
      if (typeof file === 'string') files[`modules/${livepatch}.ko`] = file;
    }
    return files;
  }

  function expectVerdict(bootName: string, scenario: LiveScenario): void {
    const outcome = outcomes.get(bootName);
    if (outcome === undefined) throw new Error(`the boot "${bootName}" did not take place`);
    const { seen, wanted } = outcome.verdict(scenario);
    expect(wanted.length, `no livepatch of ${scenario.name} was built`).toBeGreaterThan(0);
    expect(seen).toEqual(wanted);
  }

  test('gcc cloned and split functions of the fixture in every way that it knows', async () => {
    const { stdout } = await execa('nm', [path.join(folder, 'ib_mad/ib_mad.ko')]);
    for (const suffix of ['.cold', '.part.0', '.isra.0', '.constprop.0']) expect(stdout).toContain(suffix);
  });

  describe('what the build says', () => {
    test.each(live)('$name: $title', (scenario) => {
      const { document, exitStatus } = requireRun(builds.get(buildKey(scenario.name, 'plain')));
      expect(errorsOf(document)).toEqual([]);
      expect({ exitStatus, outcome: document.outcome }).toEqual({ exitStatus: 0, outcome: 'built' });
      expect(codesOf(document, 'warning')).toEqual(scenario.build.warnings);
      const objects = document.objects.map((entry) => {
        return { ...entry, callbacks: entry.callbacks.map((callback) => `${callback.kind} ${callback.function}`) };
      });
      expect(changesOf(objects)).toEqual(changesOf(scenario.build.objects));
    });

    test.each(stopped)('$name: $title', (scenario) => {
      const { document, exitStatus } = requireRun(builds.get(buildKey(scenario.name, 'plain')));
      expect({ exitStatus, outcome: document.outcome, codes: codesOf(document, 'error') }).toEqual(
        wantedStop(scenario),
      );
      expect(document.file).toBeNull();
    });

    test.each(stopped)(
      '$name: the bundle, where something had been compiled, fails as the build did',
      async (scenario) => {
        const { document } = requireRun(builds.get(buildKey(scenario.name, 'plain')));
        const hasCompiled = document.outcome === 'refused' && document.workFolder !== null;
        expect(document.bundle !== null).toBe(hasCompiled);
        if (!hasCompiled) return;
        const { then, now, ...ended } = await replayOf(document);
        expect(now).toEqual(then);
        expect(ended).toEqual({ outcome: 'reproduced', exitStatus: 0, step: 'diff', way: 'computed' });
      },
    );

    test('nothing was written to the tree', () => {
      expect(digestBefore.length).toBeGreaterThan(0);
      expect(digestAfter).toEqual(digestBefore);
    });
  });

  test.each(['one by one', 'together', 'replacing', 'early', 'stripped'])(
    'the guest came to its end and its log is clean: %s',
    (name) => {
      const outcome = outcomes.get(name);
      expect(outcome).toBeDefined();
      expect(outcome?.failure).toBeUndefined();
      expect(outcome?.troubles(live)).toEqual([]);
    },
  );

  test.each(live)('one by one: $name', (scenario) => expectVerdict('one by one', scenario));
  test.each(together)('together with others: $name', (scenario) => expectVerdict('together', scenario));
  test.each(replacing)('each in place of the one before: $name', (scenario) => expectVerdict('replacing', scenario));
  test.each(early)('loaded before its modules: $name', (scenario) => expectVerdict('early', scenario));
  test.each(onCompressed)('the livepatch for compressed modules was the one in the boot early: $name', (scenario) => {
    const { document, exitStatus } = requireRun(builds.get(buildKey(scenario.name, 'compressed')));
    expect({ exitStatus, outcome: document.outcome }).toEqual({ exitStatus: 0, outcome: 'built' });
    expectVerdict('early', scenario);
  });
  test.each(onStripped)('on stripped modules: $name', (scenario) => expectVerdict('stripped', scenario));

  test('the selections are not empty', () => {
    expect(together.length).toBeGreaterThanOrEqual(6);
    expect(replacing.length).toBe(3);
    expect(early.length).toBeGreaterThanOrEqual(8);
    expect(onStripped.length).toBeGreaterThanOrEqual(5);
    expect(onCompressed.length).toBeGreaterThanOrEqual(3);
    expect(early.filter(isForBothModules).length).toBeGreaterThanOrEqual(1);
  });
});

/** Of each livepatch several may be built: for the ordinary boots, as one that replaces, for stripped or compressed modules. */
type Variant = 'plain' | 'replacing' | 'stripped' | 'compressed';

function buildKey(name: string, variant: Variant): string {
  return `${name} ${variant}`;
}

function buildRequests(): Map<string, BuildRequest> {
  const requests = new Map<string, BuildRequest>();
  const add = (scenario: LiveScenario | StoppedScenario, variant: Variant, isReplacing: boolean) => {
    const { name, patchFiles } = scenario;
    const targets = variant === 'stripped' || variant === 'compressed' ? variant : 'in the tree';
    requests.set(buildKey(name, variant), { name, patchFiles, isReplacing, targets });
  };
  for (const scenario of live) add(scenario, 'plain', !together.includes(scenario));
  for (const scenario of stopped) add(scenario, 'plain', true);
  for (const scenario of replacing) add(scenario, 'replacing', true);
  for (const scenario of onStripped) add(scenario, 'stripped', true);
  for (const scenario of onCompressed) add(scenario, 'compressed', !together.includes(scenario));
  return requests;
}

function planOneByOne(scenarios: readonly LoadedScenario[]): GuestPlan {
  const plan = new GuestPlan();
  for (const loaded of scenarios) {
    const { scenario } = loaded;
    plan.begin(scenario.name);
    plan.loadModules(scenario);
    plan.show(scenario.name, scenario.before);
    plan.load(loaded);
    plan.seeEnabled(loaded);
    plan.disable(loaded);
    plan.succeed(scenario.name, '! grep . /sys/kernel/tracing/enabled_functions');
    plan.seeDisabled(loaded);
    plan.unloadModules(scenario);
  }
  return plan;
}

/** The modules are loaded once, on behalf of the first scenario. */
function planOneLoading(first: LoadedScenario, scenarios: readonly LoadedScenario[]): GuestPlan {
  const plan = new GuestPlan();
  plan.insertModules(first.scenario);
  for (const { scenario } of scenarios) plan.prepare(scenario);
  for (const { scenario } of scenarios) plan.show(scenario.name, scenario.before);
  return plan;
}

function planTogether(scenarios: readonly LoadedScenario[]): GuestPlan {
  const [first] = scenarios;
  if (first === undefined) return new GuestPlan();
  const plan = planOneLoading(first, scenarios);
  for (const loaded of scenarios) plan.load(loaded);
  for (const loaded of scenarios) plan.seeEnabled(loaded);
  for (const loaded of scenarios) plan.disable(loaded);
  for (const loaded of scenarios) plan.seeDisabled(loaded);
  plan.unloadModules(first.scenario);
  return plan;
}

function planReplacing(scenarios: readonly LoadedScenario[]): GuestPlan {
  const [first] = scenarios;
  if (first === undefined) return new GuestPlan();
  const plan = planOneLoading(first, scenarios);
  let previous: LoadedScenario | undefined;
  for (const loaded of scenarios) {
    plan.load(loaded);
    plan.seeEnabled(loaded);
    if (previous !== undefined) {
      plan.seeDisabled(previous);
      plan.succeed(previous.scenario.name, `lp_unload ${previous.livepatch}`);
    }
    previous = loaded;
  }
  if (previous !== undefined) {
    plan.disable(previous);
    plan.seeDisabled(previous);
  }
  plan.unloadModules(first.scenario);
  return plan;
}

/**
 * The kernel patches a module while it loads. Only its first loading: before commit 0c05e7bd2d01 ("livepatch,x86: Clear
 * relocation targets on a module removal", 6.3) the kernel refuses a module that is loaded again under a livepatch.
 */
function planEarly(scenarios: readonly LoadedScenario[]): GuestPlan {
  const plan = new GuestPlan();
  for (const name of moduleNames) {
    const { suffix, unpack } = packings[name];
    const file = `/modules/${name}.ko`;
    plan.succeed(scenarios[0]?.scenario.name ?? '', `${unpack} ${file}${suffix} > ${file}`);
  }
  for (const loaded of scenarios) {
    const { scenario } = loaded;
    plan.begin(scenario.name);
    plan.load(loaded);
    plan.loadModules(scenario);
    plan.seeEnabled(loaded);
    plan.disable(loaded);
    plan.seeDisabled(loaded);
    plan.unloadModules(scenario);
    if (isForBothModules(scenario)) seeSecondModuleComeLater(plan, loaded);
  }
  return plan;
}

/** One module is patched when the livepatch is loaded, the other one when it is loaded itself. */
function seeSecondModuleComeLater(plan: GuestPlan, loaded: LoadedScenario): void {
  const { scenario, livepatch } = loaded;
  plan.succeed(scenario.name, 'insmod /modules/ib_mad.ko');
  plan.load(loaded);
  plan.succeed(scenario.name, `grep -qx 1 /sys/kernel/livepatch/${livepatch}/ib_mad/patched`);
  plan.succeed(scenario.name, `grep -qx 0 /sys/kernel/livepatch/${livepatch}/ib_cm_stats/patched`);
  plan.succeed(scenario.name, 'insmod /modules/ib_cm_stats.ko && insmod /modules/ib_mad_loopback.ko');
  plan.prepare(scenario);
  plan.seeEnabled(loaded);
  plan.disable(loaded);
  plan.seeDisabled(loaded);
  plan.unloadModules(scenario);
}

function isForBothModules(scenario: LiveScenario): boolean {
  const modules = new Set(scenario.build.objects.map(({ module }) => module));
  return modules.has('ib_mad') && modules.has('ib_cm_stats');
}

function sideBySide(scenarios: readonly LiveScenario[]): LiveScenario[] {
  const taken = new Set<string>();
  return scenarios.filter((scenario) => {
    const own = [...filesOf(scenario), ...functionsOf(scenario)];
    const isFree = scenario.troubles.length === 0 && own.every((name) => !taken.has(name));
    if (isFree) for (const name of own) taken.add(name);
    return isFree;
  });
}

function hasCallbacks(scenario: LiveScenario): boolean {
  return scenario.build.objects.some(({ callbacks }) => callbacks.length > 0);
}

function functionsOf(scenario: LiveScenario): string[] {
  return scenario.build.objects.flatMap(({ object, changedFunctions }) =>
    changedFunctions.map((name) => `${object} ${name}`),
  );
}

function moduleFiles(folder: string): Record<string, string> {
  return Object.fromEntries(moduleNames.map((name) => [`modules/${name}.ko`, path.join(folder, `${name}.ko`)]));
}

function packedModules(folder: string): Record<string, string> {
  const files = moduleNames.map((name) => `${name}.ko${packings[name].suffix}`);
  return Object.fromEntries(files.map((file) => [`modules/${file}`, path.join(folder, file)]));
}

function moduleName(livepatch: string): string {
  return livepatch.replaceAll('-', '_');
}

function documentOf(result: BuildResult | undefined): CliDocument | undefined {
  return result !== undefined && 'document' in result ? result.document : undefined;
}

function requireRun(result: BuildResult | undefined): CliRun {
  if (result === undefined) throw new Error('the build did not take place');
  if ('error' in result) throw new Error(result.error);
  return result;
}

function errorsOf(document: CliDocument): string[] {
  return document.diagnostics
    .filter(({ severity }) => severity === 'error')
    .map(({ code, what }) => `${code}: ${what}`);
}

/** Which functions come from which object and when the kernel calls them, in one order. */
function changesOf(objects: LiveScenario['build']['objects']): string[] {
  return objects
    .flatMap(({ object, module, changedFunctions, newFunctions, callbacks }) => [
      ...changedFunctions.map((name) => `${module} ${object}: ${name} changed`),
      ...newFunctions.map((name) => `${module} ${object}: ${name} new`),
      ...callbacks.map((callback) => `${module} ${object}: ${callback}`),
    ])
    .sort();
}

function codesOf(document: CliDocument, severity: 'error' | 'warning'): string[] {
  const found = document.diagnostics.filter((diagnostic) => diagnostic.severity === severity);
  return [...new Set(found.map(({ code }) => code))].sort();
}

function wantedStop(scenario: StoppedScenario): { exitStatus: number; outcome: string; codes: string[] } {
  const { build } = scenario;
  if (build.outcome === 'unchanged') return { exitStatus: 3, outcome: 'unchanged', codes: [] };
  return { exitStatus: 1, outcome: 'refused', codes: [build.code] };
}
