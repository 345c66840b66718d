/**
 * The demonstration of scripts/quickstart: builds the modules of fixtures/ib_mad as a user has them, a livepatch for
 * them, boots a kernel in QEMU and shows what it says before the livepatch, while it is enabled and after it was taken
 * back. Exit status 0 only if all three are as they must be. Runs in the project's folder.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { boot } from '../test/boot/boot.js';
import type { GuestResult } from '../test/boot/guest.js';
import { newestKernel } from '../test/boot/kernels.js';
import { findTroubles } from '../test/boot/troubles.js';

const patch = 'fixtures/patches/constant-changed.patch';
const scenarioFile = 'fixtures/patches/constant-changed.json';

interface Step {
  readonly run: string;
  readonly output: readonly string[];
}

interface Scenario {
  readonly title: string;
  readonly prepare: readonly string[];
  readonly before: readonly Step[];
  readonly enabled: readonly Step[];
}

const say = (text: string) => process.stdout.write(`${text}\n`);
const heading = (text: string) => say(`\n=== ${text}`);

const kernel = newestKernel('6.1');
const buildDirectory = kernel?.buildDirectory;
if (kernel === undefined || buildDirectory === undefined) {
  say('There is no 6.1 kernel with its headers to build for and to boot (linux-image-amd64, linux-headers-amd64).');
  process.exitCode = 2;
} else {
  const folder = mkdtempSync(join(tmpdir(), 'kptool-quickstart-'));
  try {
    process.exitCode = await demonstrate(folder, kernel.release, kernel.image, buildDirectory);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function demonstrate(folder: string, release: string, image: string, buildTree: string): Promise<number> {
  const scenario = JSON.parse(readFileSync(scenarioFile, 'utf8')) as Scenario;
  const tree = join(folder, 'ib_mad');
  const output = join(folder, 'output');
  mkdirSync(output);

  heading(`Building the modules of fixtures/ib_mad for ${release}, as a user has them`);
  cpSync('fixtures/ib_mad', tree, { recursive: true });
  await execa('make', [`-j${availableParallelism()}`, '-C', buildTree, `M=${tree}`, 'modules'], { stdio: 'inherit' });

  heading(`Building the livepatch: ${scenario.title}`);
  say(readFileSync(patch, 'utf8'));
  const words = [
    'build',
    '--oot',
    tree,
    '--kernel',
    release,
    '--output',
    output,
    '--cache',
    join(folder, 'cache'),
    patch,
  ];
  say(`$ kptool ${words.join(' ')}`);
  await execa('node', ['dist/main.js', ...words], { stdio: 'inherit' });
  const file = readdirSync(output).find((name) => name.endsWith('.ko'));
  if (file === undefined) throw new Error(`kptool left no .ko in ${output}`);
  const livepatch = file.slice(0, -'.ko'.length).replaceAll('-', '_');

  heading(`Booting ${release} in QEMU`);
  const steps = guestSteps(scenario, livepatch);
  const { results, dmesg } = await boot({
    image,
    files: {
      'modules/ib_mad.ko': join(tree, 'ib_mad.ko'),
      'modules/ib_cm_stats.ko': join(tree, 'ib_cm_stats.ko'),
      [`modules/${livepatch}.ko`]: join(output, file),
    },
    commands: steps.map(({ run }) => run),
  });
  const isRight = steps.map((step, index) => judge(step, results[index]));
  const troubles = findTroubles(dmesg);
  for (const { block } of troubles) say(`the kernel complained:\n${block}`);

  if (isRight.includes(false) || troubles.length > 0) {
    say('\nThe demonstration FAILED: not everything was as it must be.');
    return 1;
  }
  heading('The livepatch changed what the kernel does while it was enabled, and the old behaviour came back after it');
  for (const line of differences(scenario)) say(line);
  return 0;
}

/** The lines that the livepatch changes; what was seen is known to be what the scenario says. */
function differences({ before, enabled }: Scenario): string[] {
  const old = before.flatMap(({ output }) => output);
  const patched = enabled.flatMap(({ output }) => output);
  const show = (title: string, lines: readonly string[], others: readonly string[]) =>
    lines.filter((line, index) => line !== others[index]).map((line) => `${title.padEnd(17)}${line}`);
  return [
    ...show('before:', old, patched),
    ...show('patched:', patched, old),
    ...show('after disabling:', old, patched),
  ];
}

interface GuestStep {
  readonly run: string;
  /** Shown above the step; steps without are not shown. */
  readonly title?: string;
  /** What must be printed; without it success is enough. */
  readonly output?: string;
}

function guestSteps(scenario: Scenario, livepatch: string): GuestStep[] {
  const show = (title: string, list: readonly Step[]): GuestStep[] =>
    list.map(({ run, output }) => ({ run, title, output: output.map((line) => `${line}\n`).join('') }));
  const quiet = (run: string): GuestStep => ({ run });
  return [
    quiet('insmod /modules/ib_mad.ko && insmod /modules/ib_cm_stats.ko'),
    ...scenario.prepare.map(quiet),
    ...show('before', scenario.before),
    quiet(`lp_load ${livepatch}`),
    ...show('patched', scenario.enabled),
    quiet(`lp_disable ${livepatch}`),
    ...show('after disabling', scenario.before),
  ];
}

/** Prints what a step showed; false where it is not what it must be. */
function judge(step: GuestStep, result: GuestResult | undefined): boolean {
  const isRight = result?.status === 0 && (step.output === undefined || result.output === step.output);
  if (step.title !== undefined) heading(`${step.title}: ${step.run}`);
  else if (!isRight) heading(`FAILED: ${step.run}`);
  if (step.title !== undefined || !isRight) say((result?.output ?? 'nothing came').trimEnd());
  if (!isRight && step.output !== undefined) say(`--- but it must be:\n${step.output.trimEnd()}`);
  return isRight;
}
