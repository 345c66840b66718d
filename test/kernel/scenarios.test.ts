/**
 * Every scenario of fixtures/patches, through the built program: what the build says, and for those that give a
 * livepatch what a booted kernel shows before, while it is enabled and after it was disabled.
 */
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findTestKernel, isRequired } from './requirements.js';
import { type LiveScenario, onlyLooks, readScenarios } from './scenario.js';
import {
  hasCallbacks,
  isForBothModules,
  planEarly,
  planOneByOne,
  planReplacing,
  planTogether,
  sideBySide,
} from './scenario-plans.js';
import { type PlannedBoot, ScenarioRun, type VariantRequest } from './scenario-run.js';

const { live, stopped } = readScenarios('6.1');
const { kernel, missing } = findTestKernel('6.1');

/** Scenarios that can be in force side by side: no function and no file of /proc in common. */
const together = sideBySide(live);
/** Loaded one after the other, each in place of the one before. The kernel does not call the callbacks of what is replaced. */
const replacing = together.filter((scenario) => !hasCallbacks(scenario)).slice(0, 3);
/** Loaded before the modules are; their steps do not depend on what happened to the modules before. */
const early = live.filter(onlyLooks);
/** Names that exist twice, static locals, two modules: what symbols of a stripped module have to be enough for. */
const onStripped = live.filter(({ name }) => /^(namesake|static-local|both-modules|shared-object)/.test(name));

/**
 * Their livepatches of the boot `early` are built for modules that were given compressed, and that the guest unpacks: one
 * needs every symbol of a module, the other one modules that are packed in two ways.
 */
const onCompressed = early.filter(({ name }) => name === 'namesake-same-file-name' || name === 'both-modules');

/** Those that are built once more in another place, each for what could bring the place into it. */
const inAnotherPlace = {
  callbacks: 'several objects of two modules, with tables of callbacks',
  'header-inline-changed':
    'objects that two compilers make at the same time, the order of which is the order of their end',
  'namesake-same-file-name': 'two objects of one name, told apart by their folders',
  'shared-object': 'one object for two modules',
  'tracepoint-in-function': 'a header that is found by the path of the tree',
  'warn-added': 'a table with the name of the source',
};
const again = live.filter(({ name }) => Object.hasOwn(inAnotherPlace, name));

test('the machine has what the kernel tier needs', ({ skip }) => {
  skip(!isRequired && missing.length > 0, `needs ${missing.join(', ')}`);
  expect(missing).toEqual([]);
});

const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;

describe.skipIf(kernel === undefined)(`scenarios on a booted kernel${needs}`, () => {
  let run: ScenarioRun;

  beforeAll(async () => {
    if (kernel === undefined) return;
    run = await ScenarioRun.start(kernel, live, wantedBuilds());
    await run.boot(plannedBoots(run));
  });

  afterAll(() => run?.close());

  test('gcc cloned and split functions of the fixture in every way that it knows', async () => {
    const { stdout } = await execa('nm', [path.join(run.tree, 'ib_mad.ko')]);
    for (const suffix of ['.cold', '.part.0', '.isra.0', '.constprop.0']) expect(stdout).toContain(suffix);
  });

  describe('what the build says', () => {
    test.each(live)('$name: $title', (scenario) => run.expectBuilt(scenario));
    test.each(stopped)('$name: $title', (scenario) => run.expectStopped(scenario));
    test.each(stopped)('$name: the bundle, where something had been compiled, fails as the build did', (scenario) =>
      run.expectReplay(scenario),
    );
    test.each(again)('$name: the same bytes in another place', (scenario) => run.expectSameBytes(scenario));
    test('nothing was written to the tree', () => run.expectTreeUntouched());
  });

  test.each(['one by one', 'together', 'replacing', 'early', 'stripped'])(
    'the guest came to its end and its log is clean: %s',
    (name) => run.expectCleanLog(name),
  );

  test.each(live)('one by one: $name', (scenario) => run.expectVerdict('one by one', scenario));
  test.each(together)('together with others: $name', (scenario) => run.expectVerdict('together', scenario));
  test.each(replacing)('each in place of the one before: $name', (scenario) =>
    run.expectVerdict('replacing', scenario),
  );
  test.each(early)('loaded before its modules: $name', (scenario) => run.expectVerdict('early', scenario));
  test.each(onCompressed)('the livepatch for compressed modules was the one in the boot early: $name', (scenario) => {
    run.expectOutcomeBuilt(scenario, 'compressed');
    run.expectVerdict('early', scenario);
  });
  test.each(onStripped)('on stripped modules: $name', (scenario) => run.expectVerdict('stripped', scenario));

  test('the selections are not empty', () => {
    expect(together.length).toBeGreaterThanOrEqual(6);
    expect(replacing.length).toBe(3);
    expect(early.length).toBeGreaterThanOrEqual(8);
    expect(onStripped.length).toBeGreaterThanOrEqual(5);
    expect(onCompressed.length).toBe(2);
    expect(again.map(({ name }) => name)).toEqual(Object.keys(inAnotherPlace));
    expect(early.filter(isForBothModules).length).toBeGreaterThanOrEqual(1);
  });
});

function wantedBuilds(): VariantRequest[] {
  const isAlone = (scenario: LiveScenario) => !together.includes(scenario);
  return [
    ...live.map((scenario) => ({ scenario, variant: 'plain' as const, isReplacing: isAlone(scenario) })),
    ...again.map((scenario) => ({ scenario, variant: 'again' as const, isReplacing: isAlone(scenario) })),
    ...stopped.map((scenario) => ({ scenario, variant: 'plain' as const, isReplacing: true })),
    ...replacing.map((scenario) => ({ scenario, variant: 'replacing' as const, isReplacing: true })),
    ...onStripped.map((scenario) => ({ scenario, variant: 'stripped' as const, isReplacing: true })),
    ...onCompressed.map((scenario) => ({ scenario, variant: 'compressed' as const, isReplacing: isAlone(scenario) })),
  ];
}

function plannedBoots(run: ScenarioRun): PlannedBoot[] {
  return [
    { name: 'one by one', plan: planOneByOne(run.loaded(live, 'plain')), variant: 'plain' },
    { name: 'together', plan: planTogether(run.loaded(together, 'plain')), variant: 'plain' },
    { name: 'replacing', plan: planReplacing(run.loaded(replacing, 'replacing')), variant: 'replacing' },
    // Of these modules most have the livepatch that was built for the others.
    { name: 'early', plan: planEarly(run.loaded(early, 'plain')), variant: 'compressed' },
    { name: 'stripped', plan: planOneByOne(run.loaded(onStripped, 'stripped')), variant: 'stripped' },
  ];
}
