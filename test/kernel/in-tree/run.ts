/**
 * Patches to the kernel's own source, built from the distribution's source package without a debug package: what the builds
 * say, and what a booted kernel shows. The kernel is prepared once, in a cache that stays from one run to the next; each
 * series has its own, so that two of them can be at work side by side.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modulesToLoad } from '../../boot/installed-modules.js';
import { changesOf, codesOf, documentOf, errorsOf, moduleName, requireRun, wantedStop } from '../build-results.js';
import type { BuildResult } from '../builds.js';
import { runBuild } from '../command-line.js';
import type { GuestSettings, LoadedScenario, PlanOutcome } from '../guest-plan.js';
import { missingForSource } from '../linux-source.js';
import { replayOf } from '../replay.js';
import { findTestKernel, isRequired, type KernelSeries, missingForPreparing } from '../requirements.js';
import { planInTree } from './plan.js';
import { inOne, inTreeScenarios, type LiveInTree, type StoppedScenarioInTree } from './scenarios.js';

/** The module that some scenarios patch. */
const module = '8021q';

/** A machine on which the kernel works in another way. */
export interface OtherMachine {
  readonly settings: GuestSettings;
  /** A command that succeeds there only. */
  readonly proof: string;
}

const ordinary = 'on an ordinary machine';

/** The tests of one kernel, for the file that is about it. What all patches make is booted on the other machines too, by name. */
export async function describeInTree(
  series: KernelSeries,
  machines: Readonly<Record<string, OtherMachine>> = {},
): Promise<void> {
  const cache = fileURLToPath(new URL(`../../../.build/kernel-cache-${series}`, import.meta.url));
  const { kernel, missing: missingTools } = findTestKernel(series);
  const missing = kernel === undefined ? missingTools : [...(await missingForSource(kernel)), ...missingForPreparing()];

  test(`the machine has the source of its ${series} kernel, and what prepares it`, ({ skip }) => {
    skip(!isRequired && missing.length > 0, `needs ${missing.join(', ')}`);
    expect(missing).toEqual([]);
  });

  const vmlinux = kernel === undefined ? undefined : debugVmlinux(kernel.release);
  const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;

  describe.skipIf(kernel === undefined || missing.length > 0)(`the kernel itself, ${series}${needs}`, () => {
    const builds = new Map<string, BuildResult>();
    let themes: LiveInTree[] = [];
    let all: LiveInTree | undefined;
    let namesake: LiveInTree | undefined;
    let stopped: StoppedScenarioInTree[] = [];
    const outcomes = new Map<string, PlanOutcome>();
    let folder = '';

    /** The scenarios of which a livepatch must come out. */
    const wanted = () =>
      [...themes, all, vmlinux === undefined ? undefined : namesake].filter((scenario) => scenario !== undefined);

    const build = async (name: string, patches: readonly string[], words: readonly string[] = []) => {
      const output = path.join(folder, 'output', name);
      await mkdir(output, { recursive: true });
      const options = ['--kernel', kernel?.release ?? '', '--cache', cache, '--output', output, '--non-replace'];
      return runBuild([...options, ...words, ...patches]).catch((error: unknown) => ({ error: String(error) }));
    };

    beforeAll(async () => {
      if (kernel === undefined) return;
      folder = await mkdtemp(path.join(tmpdir(), `kptool-in-tree-${series}-`));
      await prepareKernel();
      const patches = path.join(folder, 'patches');
      ({ themes, stopped, namesake } = await inTreeScenarios(await preparedTree(), patches, series));
      all = inOne('all', themes, series);
      // One after the other: builds of one kernel wait for each other, and the other kernel keeps the second CPU busy.
      for (const { name, patchFiles } of wanted()) {
        builds.set(name, await build(name, patchFiles, ['--name', `livepatch-${name}`]));
      }
      for (const { name, patchFiles, options = [], symbols } of stopped) {
        const words = symbols === undefined ? options : [...options, '--vmlinux', kernel.image];
        builds.set(name, await build(name, patchFiles, [...words, '--bundle', folder]));
      }

      const modules = await modulesToLoad(kernel.release, [module]);
      const loaded = loadedOf(themes);
      const whole = loadedOf(wanted().filter((scenario) => !themes.includes(scenario)));
      const watchFile = path.join(folder, 'watch-file');
      await execa('gcc', ['-static', '-o', watchFile, fileURLToPath(new URL('watch.c', import.meta.url))]);
      const files = {
        'bin/watch-file': watchFile,
        ...Object.fromEntries(modules.map(({ name, bytes }) => [`modules/${name}.ko`, bytes])),
        ...Object.fromEntries([...whole, ...loaded].map(({ livepatch, file }) => [`modules/${livepatch}.ko`, file])),
      };
      const names = modules.map(({ name }) => name);
      outcomes.set(ordinary, await planInTree(names, loaded, whole).run(kernel.image, files));
      for (const [name, { settings, proof }] of Object.entries(machines)) {
        const plan = planInTree(names, whole, []);
        plan.succeed('all', proof);
        outcomes.set(name, await plan.run(kernel.image, files, settings));
      }
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
      // A kptool that kept kernels in another form may have left one.
      const kernels = path.join(cache, 'kernels');
      const names = (await readdir(kernels)).filter((name) => !name.endsWith('.lock'));
      const times = await Promise.all(names.map(async (name) => (await stat(path.join(kernels, name))).mtimeMs));
      return path.join(kernels, names[times.indexOf(Math.max(...times))] ?? '', 'tree');
    }

    function loadedOf(scenarios: readonly LiveInTree[]): (LoadedScenario & { readonly file: string })[] {
      return scenarios.flatMap((scenario) => {
        const { name, file } = documentOf(builds.get(scenario.name)) ?? {};
        return typeof name === 'string' && typeof file === 'string'
          ? [{ scenario, livepatch: moduleName(name), file }]
          : [];
      });
    }

    test('what the builds say', () => {
      expect(themes.length).toBeGreaterThan(3);
      for (const scenario of wanted()) {
        const { document, exitStatus } = requireRun(builds.get(scenario.name));
        expect(errorsOf(document), scenario.name).toEqual([]);
        expect({ exitStatus, outcome: document.outcome }, scenario.name).toEqual({ exitStatus: 0, outcome: 'built' });
        expect(codesOf(document, 'warning'), scenario.name).toEqual(scenario.build.warnings);
        // The code in the boot image, and that of the modules, is what this source gives.
        const compared = document.objects.filter(({ changedFunctions }) => changedFunctions.length > 0);
        for (const { name, verification } of document.modules) {
          if (!compared.some((entry) => entry.module === name)) continue;
          expect(verification?.verdict, `${scenario.name}, ${name}`).toMatch(/^same\b/);
        }
        const newData = document.objects.flatMap((entry) => entry.newData.map((name) => name.replace(/\.\d+$/, '')));
        expect(scenario.keptData.filter((name) => newData.includes(name))).toEqual([]);
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
        const text = JSON.stringify(document.diagnostics.filter(({ severity }) => severity === 'error'));
        for (const told of scenario.told ?? []) expect(text, scenario.name).toContain(told);
      }
    });

    test('a bundle, where something had been compiled, fails as the build did where there is no kernel', async () => {
      for (const { name, replayed = { step: 'diff', way: 'computed' } } of stopped) {
        const { document } = requireRun(builds.get(name));
        const hasCompiled = document.outcome === 'refused' && document.workFolder !== null;
        expect(document.bundle !== null, name).toBe(hasCompiled);
        if (!hasCompiled) continue;
        const { then, now, ...ended } = await replayOf(document);
        expect(now, name).toEqual(then);
        expect(ended, name).toEqual({ outcome: 'reproduced', exitStatus: 0, ...replayed });
      }
    });

    const needsSymbols = vmlinux === undefined ? ` (skipped: needs linux-image-${kernel?.release}-dbg)` : '';
    test.skipIf(vmlinux === undefined)(`a vmlinux with symbols tells namesakes apart${needsSymbols}`, () => {
      const { document } = requireRun(builds.get('namesake'));
      expect(errorsOf(document)).toEqual([]);
    });

    test.each([ordinary, ...Object.keys(machines)])(
      'the guest shows what it must, and its log is clean: %s',
      (name) => {
        const outcome = outcomes.get(name);
        expect(outcome?.failure).toBeUndefined();
        for (const scenario of name === ordinary ? wanted() : wanted().filter((one) => !themes.includes(one))) {
          const verdict = outcome?.verdict(scenario);
          expect(verdict?.wanted.length, `no livepatch of ${scenario.name} was built`).toBeGreaterThan(0);
          expect(verdict?.seen).toEqual(verdict?.wanted);
        }
        expect(outcome?.troubles(themes)).toEqual([]);
      },
    );
  });
}

/** As Debian's debug packages install it, which have a gigabyte. */
function debugVmlinux(release: string): string | undefined {
  const file = `/usr/lib/debug/boot/vmlinux-${release}`;
  return existsSync(file) ? file : undefined;
}
