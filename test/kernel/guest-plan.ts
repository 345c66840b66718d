/**
 * What a booted guest is told to do and what must come of it, kept together per scenario: the commands of all scenarios
 * run in one boot, and each scenario is judged by its own part.
 */
import { BootError, type BootOptions, boot } from '../boot/boot.js';
import type { GuestResult } from '../boot/guest.js';
import { findTroubles } from '../boot/troubles.js';
import { moduleNames } from './builds.js';
import { type LiveScenario, resultText, type Step, stepsAfter, stepText } from './scenario.js';

/** Kernel messages that show where a scenario begins. */
const mark = 'kptool scenario';

interface Task {
  readonly scenario: string;
  readonly run: string;
  /** The whole text that must come; without it the command must only succeed. */
  readonly wanted?: string;
}

/** A livepatch that was built, as the guest has it. */
export interface LoadedScenario {
  readonly scenario: LiveScenario;
  /** The module's name, underscores for hyphens; the guest has it as /modules/NAME.ko. */
  readonly livepatch: string;
}

/** What a boot showed of one scenario, and what it had to show. */
export interface ScenarioVerdict {
  readonly seen: readonly string[];
  readonly wanted: readonly string[];
}

/** The machine, where it is not the ordinary one. */
export type GuestSettings = Pick<BootOptions, 'cpu' | 'append'>;

/** Collects tasks; the methods add them in the order in which the guest runs them. */
export class GuestPlan {
  readonly #tasks: Task[] = [];

  /** Tells the kernel log, too, that a scenario begins. */
  begin(scenario: string): void {
    this.succeed(scenario, `echo '${mark} ${scenario}' > /dev/kmsg`);
  }

  succeed(scenario: string, run: string): void {
    this.#tasks.push({ scenario, run });
  }

  show(scenario: string, steps: readonly Step[]): void {
    for (const step of steps) this.#tasks.push({ scenario, run: step.run, wanted: stepText(step) });
  }

  loadModules(scenario: LiveScenario): void {
    this.insertModules(scenario);
    this.prepare(scenario);
  }

  insertModules({ name }: LiveScenario): void {
    this.succeed(name, moduleNames.map((module) => `insmod /modules/${module}.ko`).join(' && '));
  }

  prepare(scenario: LiveScenario): void {
    for (const run of scenario.prepare) this.succeed(scenario.name, run);
  }

  unloadModules(scenario: LiveScenario): void {
    this.succeed(scenario.name, `rmmod ${moduleNames.toReversed().join(' ')}`);
  }

  load({ scenario, livepatch }: LoadedScenario): void {
    this.succeed(scenario.name, `lp_load ${livepatch}`);
  }

  /** The kernel says of every changed function that it is patched, and the behaviour is the new one. */
  seeEnabled({ scenario, livepatch }: LoadedScenario): void {
    for (const { module, changedFunctions } of scenario.build.objects) {
      if (changedFunctions.length === 0) continue;
      this.succeed(scenario.name, `lp_patched ${livepatch} ${module} ${changedFunctions.join(' ')}`);
    }
    this.show(scenario.name, scenario.enabled);
  }

  disable({ scenario, livepatch }: LoadedScenario): void {
    this.succeed(scenario.name, `lp_disable ${livepatch}`);
  }

  /** The old behaviour is back. */
  seeDisabled({ scenario }: LoadedScenario): void {
    this.show(scenario.name, stepsAfter(scenario));
  }

  /** Boots the kernel `image` with `files` and runs the plan. A guest that panics or hangs leaves the rest unseen. */
  async run(
    image: string,
    files: Readonly<Record<string, string | Uint8Array>>,
    settings: GuestSettings = {},
  ): Promise<PlanOutcome> {
    const commands = this.#tasks.map((task) => task.run);
    try {
      const { results, dmesg } = await boot({ ...settings, image, files, commands, timeoutSeconds: 480 });
      return new PlanOutcome(this.#tasks, results, dmesg, undefined);
    } catch (error) {
      if (!(error instanceof BootError)) throw error;
      return new PlanOutcome(this.#tasks, error.results, '', error.message);
    }
  }
}

/** How a plan went. */
export class PlanOutcome {
  readonly #tasks: readonly Task[];
  readonly #results: readonly GuestResult[];
  readonly #dmesg: string;
  /** Why the guest did not come to its end, with the console's last lines. */
  readonly failure: string | undefined;

  constructor(tasks: readonly Task[], results: readonly GuestResult[], dmesg: string, failure: string | undefined) {
    this.#tasks = tasks;
    this.#results = results;
    this.#dmesg = dmesg;
    this.failure = failure;
  }

  /** The part of one scenario. */
  verdict(scenario: LiveScenario): ScenarioVerdict {
    const own = [...this.#tasks.entries()].filter(([, task]) => task.scenario === scenario.name);
    const seen = own.map(([index, task]) => seenText(task, this.#results[index]));
    const wanted = own.map(([, task]) => task.wanted ?? succeeded(task));
    return { seen, wanted };
  }

  /**
   * The troubles of the whole kernel log, each after the scenario that was running. A scenario's own expected troubles
   * are left out, but only while it runs.
   */
  troubles(scenarios: readonly LiveScenario[]): string[] {
    const [start = '', ...marked] = this.#dmesg.split(new RegExp(`^.*${mark} (.*)$`, 'm'));
    const found = findTroubles(start).map(({ block }) => block);
    for (let index = 0; index < marked.length; index += 2) {
      const name = marked[index];
      const expected = scenarios.find((scenario) => scenario.name === name)?.troubles ?? [];
      const expressions = expected.map((expression) => new RegExp(expression));
      for (const { block } of findTroubles(marked[index + 1] ?? '', expressions)) found.push(`${name}:\n${block}`);
    }
    return found;
  }
}

function seenText(task: Task, result: GuestResult | undefined): string {
  if (result === undefined) return `${task.run}\nwas not reached`;
  return task.wanted === undefined && result.status === 0 ? succeeded(task) : resultText(result);
}

function succeeded(task: Task): string {
  return `${task.run}\n[succeeded]`;
}
