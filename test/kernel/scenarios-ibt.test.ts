/**
 * The scenarios of fixtures/patches on a kernel that is built for indirect branch tracking, with padding in front of every
 * function: the same livepatches in an ordinary boot, and in one where the kernel tracks the depth of calls, for which it
 * writes into that padding. QEMU does not emulate IBT; scripts/boot-with-ibt is for that.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findTestKernel, isRequired } from './requirements.js';
import { readScenarios } from './scenario.js';
import { planOneByOne } from './scenario-plans.js';
import { ScenarioRun, type VariantRequest } from './scenario-run.js';

const { live, stopped } = readScenarios('6.12');
const { kernel, missing } = findTestKernel('6.12');

test('the machine has what the kernel tier needs for 6.12', ({ skip }) => {
  skip(!isRequired && missing.length > 0, `needs ${missing.join(', ')}`);
  expect(missing).toEqual([]);
});

const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;
const boots = ['one by one', 'call depth tracking'] as const;

describe.skipIf(kernel === undefined)(`scenarios on a kernel with IBT${needs}`, () => {
  let run: ScenarioRun;

  beforeAll(async () => {
    if (kernel === undefined) return;
    run = await ScenarioRun.start(kernel, live, wantedBuilds());
    const [ordinary, tracked] = boots.map((name) => {
      return { name, plan: planOneByOne(run.loaded(live, 'plain')), variant: 'plain' as const };
    });
    if (ordinary === undefined || tracked === undefined) return;
    // Where retpolines are too slow, on Skylake, calls are counted instead (arch/x86/kernel/cpu/bugs.c).
    tracked.plan.succeed(live[0]?.name ?? '', 'grep -q Stuffing /sys/devices/system/cpu/vulnerabilities/retbleed');
    await run.boot([ordinary, { ...tracked, settings: { cpu: 'Skylake-Client-v3', append: 'retbleed=stuff' } }]);
  });

  afterAll(() => run?.close());

  describe('what the build says', () => {
    test.each(live)('$name: $title', (scenario) => run.expectBuilt(scenario));
    test.each(stopped)('$name: $title', (scenario) => run.expectStopped(scenario));
    test('nothing was written to the tree', () => run.expectTreeUntouched());
  });

  describe.each(boots)('%s', (boot) => {
    test('the guest came to its end and its log is clean', () => run.expectCleanLog(boot));
    test.each(live)('$name', (scenario) => run.expectVerdict(boot, scenario));
  });
});

function wantedBuilds(): VariantRequest[] {
  return [...live, ...stopped].map((scenario) => ({ scenario, variant: 'plain', isReplacing: true }));
}
