/**
 * Patches to the kernel's own source, built from the distribution's source package without a debug package: what the build
 * says, and what a booted kernel shows. The kernel is prepared once, in a cache that stays from one run to the next.
 */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modulesToLoad } from '../boot/installed-modules.js';
import { changesOf, codesOf, documentOf, errorsOf, moduleName, requireRun, wantedStop } from './build-results.js';
import { type BuildResult, twoAtATime } from './builds.js';
import { runBuild } from './command-line.js';
import { GuestPlan, type LoadedScenario, type PlanOutcome } from './guest-plan.js';
import { inTreeScenarios, type StoppedInTree } from './in-tree-scenarios.js';
import { missingForSource } from './linux-source.js';
import { findTestKernel, isRequired, missingForPreparing } from './requirements.js';
import type { LiveScenario } from './scenario.js';

const cache = fileURLToPath(new URL('../../.build/kernel-cache', import.meta.url));
/** The module that some scenarios patch; `/proc/fs/fscache/stats` is its. */
const module = 'fscache';

const { kernel, missing: missingTools } = findTestKernel('6.1');
const missing = kernel === undefined ? missingTools : [...(await missingForSource(kernel)), ...missingForPreparing()];

test('the machine has the source of its kernel, and what prepares it', ({ skip }) => {
  skip(!isRequired && missing.length > 0, `needs ${missing.join(', ')}`);
  expect(missing).toEqual([]);
});

const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;

describe.skipIf(kernel === undefined || missing.length > 0)(`the kernel itself${needs}`, () => {
  const builds = new Map<string, BuildResult>();
  let live: LiveScenario[] = [];
  let stopped: StoppedInTree[] = [];
  let oneByOne: PlanOutcome | undefined;
  let together: PlanOutcome | undefined;
  let folder = '';

  const build = async (name: string, patches: readonly string[], words: readonly string[] = []) => {
    const output = path.join(folder, 'output', name);
    await mkdir(output, { recursive: true });
    const options = ['--kernel', kernel?.release ?? '', '--cache', cache, '--output', output, '--non-replace'];
    return runBuild([...options, ...words, ...patches]).catch((error: unknown) => ({ error: String(error) }));
  };

  beforeAll(async () => {
    if (kernel === undefined) return;
    folder = await mkdtemp(path.join(tmpdir(), 'kptool-in-tree-'));
    await prepareKernel();
    ({ live, stopped } = await inTreeScenarios(await preparedTree(), path.join(folder, 'patches')));
    await twoAtATime(
      [...live.map((scenario) => ({ ...scenario, options: [] })), ...stopped].map(
        ({ name, patchFiles, options }) =>
          async () => {
            builds.set(name, await build(name, patchFiles, options));
          },
      ),
    );
    // A klp object has one callback of a kind.
    const all = live.filter(({ name }) => name !== 'callbacks').flatMap(({ patchFiles }) => patchFiles);
    builds.set('all', await build('all', all, ['--name', 'livepatch-all']));

    const modules = await modulesToLoad(kernel.release, [module]);
    const files = {
      ...Object.fromEntries(modules.map(({ name, bytes }) => [`modules/${name}.ko`, bytes])),
      ...Object.fromEntries(loaded().map(({ livepatch, file }) => [`modules/${livepatch}.ko`, file])),
    };
    const names = modules.map(({ name }) => name);
    oneByOne = await planOneByOne(names, loaded()).run(kernel.image, files);
    together = await planTogether(names, loaded()).run(kernel.image, files);
  });

  afterAll(async () => {
    if (folder !== '') await rm(folder, { recursive: true, force: true });
  });

  /** A new file that nothing compiles is enough to have the kernel prepared. */
  async function prepareKernel(): Promise<void> {
    const patch = path.join(folder, 'prepare.patch');
    await writeFile(patch, '--- /dev/null\n+++ b/Documentation/kptool.txt\n@@ -0,0 +1 @@\n+A file of no use.\n');
    const { document } = requireRun(await build('prepare', [patch], ['--dry-run']));
    expect(errorsOf(document)).toEqual([]);
  }

  async function preparedTree(): Promise<string> {
    const folders = (await readdir(path.join(cache, 'kernels'))).filter((name) => !name.endsWith('.lock'));
    expect(folders).toHaveLength(1);
    return path.join(cache, 'kernels', folders[0] ?? '', 'tree');
  }

  function loaded(): (LoadedScenario & { readonly file: string })[] {
    return live.flatMap((scenario) => {
      const { name, file } = documentOf(builds.get(scenario.name)) ?? {};
      return typeof name === 'string' && typeof file === 'string'
        ? [{ scenario, livepatch: moduleName(name), file }]
        : [];
    });
  }

  test('what the builds say', () => {
    for (const scenario of live) {
      const { document, exitStatus } = requireRun(builds.get(scenario.name));
      expect(errorsOf(document), scenario.name).toEqual([]);
      expect({ exitStatus, outcome: document.outcome }, scenario.name).toEqual({ exitStatus: 0, outcome: 'built' });
      expect(codesOf(document, 'warning'), scenario.name).toEqual(scenario.build.warnings);
      const objects = document.objects.map((entry) => {
        return { ...entry, callbacks: entry.callbacks.map((callback) => `${callback.kind} ${callback.function}`) };
      });
      expect(changesOf(objects), scenario.name).toEqual(changesOf(scenario.build.objects));
    }
  });

  test('what cannot be a livepatch is refused, and where only lines moved nothing is built', () => {
    expect(stopped.length).toBeGreaterThan(4);
    for (const scenario of stopped) {
      const { document, exitStatus } = requireRun(builds.get(scenario.name));
      const codes = codesOf(document, 'error');
      expect({ exitStatus, outcome: document.outcome, codes }, scenario.name).toEqual(wantedStop(scenario));
    }
  });

  test('all patches in one livepatch', () => {
    const { document, exitStatus } = requireRun(builds.get('all'));
    expect(errorsOf(document)).toEqual([]);
    expect({ exitStatus, outcome: document.outcome }).toEqual({ exitStatus: 0, outcome: 'built' });
  });

  test.each(['one by one', 'together'])('the guest shows what it must, and its log is clean: %s', (name) => {
    const outcome = name === 'together' ? together : oneByOne;
    expect(outcome?.failure).toBeUndefined();
    for (const scenario of live) {
      const { seen, wanted } = outcome?.verdict(scenario) ?? { seen: [], wanted: ['a boot'] };
      expect(wanted.length, `no livepatch of ${scenario.name} was built`).toBeGreaterThan(0);
      expect(seen).toEqual(wanted);
    }
    expect(outcome?.troubles(live)).toEqual([]);
  });
});

function planOneByOne(modules: readonly string[], scenarios: readonly LoadedScenario[]): GuestPlan {
  const plan = new GuestPlan();
  insert(plan, modules, scenarios);
  for (const loaded of scenarios) {
    const { scenario } = loaded;
    plan.begin(scenario.name);
    plan.show(scenario.name, scenario.before);
    plan.load(loaded);
    plan.seeEnabled(loaded);
    plan.disable(loaded);
    plan.succeed(scenario.name, '! grep . /sys/kernel/tracing/enabled_functions');
    plan.seeDisabled(loaded);
  }
  return plan;
}

/** All at the same time, loaded before the module is, and taken back in another order. */
function planTogether(modules: readonly string[], scenarios: readonly LoadedScenario[]): GuestPlan {
  const plan = new GuestPlan();
  for (const loaded of scenarios) plan.load(loaded);
  insert(plan, modules, scenarios);
  for (const loaded of scenarios) plan.seeEnabled(loaded);
  for (const loaded of scenarios) plan.disable(loaded);
  for (const loaded of scenarios) plan.seeDisabled(loaded);
  return plan;
}

function insert(plan: GuestPlan, modules: readonly string[], [first]: readonly LoadedScenario[]): void {
  const commands = modules.map((module) => `insmod /modules/${module}.ko`).join(' && ');
  if (first !== undefined) plan.succeed(first.scenario.name, commands);
}
