/**
 * In which order a guest is told to load, look at and unload the livepatches of several scenarios: one by one, side by
 * side, each in place of the one before, and before their modules.
 */
import { moduleNames, packings } from './builds.js';
import { GuestPlan, type LoadedScenario } from './guest-plan.js';
import { filesOf, type LiveScenario } from './scenario.js';

export function planOneByOne(scenarios: readonly LoadedScenario[]): GuestPlan {
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

export function planTogether(scenarios: readonly LoadedScenario[]): GuestPlan {
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

export function planReplacing(scenarios: readonly LoadedScenario[]): GuestPlan {
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
export function planEarly(scenarios: readonly LoadedScenario[]): GuestPlan {
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

export function isForBothModules(scenario: LiveScenario): boolean {
  const modules = new Set(scenario.build.objects.map(({ module }) => module));
  return modules.has('ib_mad') && modules.has('ib_cm_stats');
}

export function sideBySide(scenarios: readonly LiveScenario[]): LiveScenario[] {
  const taken = new Set<string>();
  return scenarios.filter((scenario) => {
    const own = [...filesOf(scenario), ...functionsOf(scenario)];
    const isFree = scenario.troubles.length === 0 && own.every((name) => !taken.has(name));
    if (isFree) for (const name of own) taken.add(name);
    return isFree;
  });
}

export function hasCallbacks(scenario: LiveScenario): boolean {
  return scenario.build.objects.some(({ callbacks }) => callbacks.length > 0);
}

function functionsOf(scenario: LiveScenario): string[] {
  return scenario.build.objects.flatMap(({ object, changedFunctions }) =>
    changedFunctions.map((name) => `${object} ${name}`),
  );
}
