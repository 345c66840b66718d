/**
 * In which order a guest loads, looks at and unloads the livepatches of the kernel's own source. One boot sees it all: each
 * alone, all together while their module comes later, and all in one module.
 */
import { GuestPlan, type LoadedScenario } from '../guest-plan.js';

export function planInTree(
  modules: readonly string[],
  themes: readonly LoadedScenario[],
  whole: readonly LoadedScenario[],
): GuestPlan {
  const plan = new GuestPlan();
  const [first] = themes;
  if (first === undefined) return plan;
  const insert = () =>
    plan.succeed(first.scenario.name, modules.map((name) => `insmod /modules/${name}.ko`).join(' && '));
  const remove = () => plan.succeed(first.scenario.name, `rmmod ${modules.toReversed().join(' ')}`);

  for (const { scenario } of themes) plan.prepare(scenario);
  insert();
  for (const loaded of [...themes, ...whole]) {
    const { scenario } = loaded;
    plan.begin(scenario.name);
    plan.show(scenario.name, scenario.before);
    plan.load(loaded);
    plan.seeEnabled(loaded);
    plan.disable(loaded);
    plan.succeed(scenario.name, '! grep . /sys/kernel/tracing/enabled_functions');
    plan.seeDisabled(loaded);
  }
  remove();

  plan.begin('together');
  for (const loaded of themes) plan.load(loaded);
  insert();
  for (const loaded of themes) plan.seeEnabled(loaded);
  for (const loaded of themes) plan.disable(loaded);
  for (const loaded of themes) plan.seeDisabled(loaded);
  return plan;
}
