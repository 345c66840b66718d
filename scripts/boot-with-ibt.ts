/** What scripts/boot-with-ibt does once everything is installed. Runs in the project's folder. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { bootWithIbt } from '../test/boot/bochs.js';
import type { GuestResult } from '../test/boot/guest.js';
import { findTroubles } from '../test/boot/troubles.js';
import { moduleNames, setUpWorkbench } from '../test/kernel/builds.js';
import { findTestKernel, type TestKernel } from '../test/kernel/requirements.js';
import { type LiveScenario, readScenarios, type Step, stepText } from '../test/kernel/scenario.js';

/** A pointer that only the new function may be called by; both modules; new functions; callbacks; a static key. */
const chosen = ['function-pointer-taken', 'both-modules', 'new-static-function', 'callbacks', 'cloned-functions'];
const minutes = 60;

/**
 * What the kernel says to a Tiger Lake as Bochs emulates it, whatever is loaded: of its topology and the size of its
 * registers, and of the pages that it makes writable itself for its thunks against ITS (CVE-2024-28956), which it uses there.
 */
const ofBochs = [
  /at arch\/x86\/kernel\/fpu\/xstate\.c:\d+ fpu__init_system_xstate/,
  /at arch\/x86\/kernel\/cpu\/topology_common\.c:\d+ parse_legacy/,
  /CPA detected W\^X violation/,
];

const say = (text: string) => process.stdout.write(`${text}\n`);

interface Task {
  readonly run: string;
  /** All that must be printed, with the status; without it success is enough. */
  readonly wanted?: string;
}

const { kernel, missing } = findTestKernel('6.12');
if (kernel === undefined) {
  say(`not installed: ${missing.join(', ')}`);
  process.exitCode = 2;
} else {
  const folder = mkdtempSync(path.join(tmpdir(), 'kptool-ibt-'));
  try {
    process.exitCode = await show(folder, kernel, process.argv.slice(2));
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function show(folder: string, target: TestKernel, names: readonly string[]): Promise<number> {
  const wanted = names.length === 0 ? chosen : names;
  const scenarios = readScenarios('6.12').live.filter(({ name }) => wanted.includes(name));
  if (scenarios.length < wanted.length) {
    say(`not all of these are scenarios that give a livepatch for 6.12: ${wanted.join(', ')}`);
    return 2;
  }
  say(`building the modules of fixtures/ib_mad and ${scenarios.length} livepatches for ${target.release}`);
  const bench = await setUpWorkbench(folder, target);
  const files: Record<string, string> = {};
  for (const name of moduleNames) files[`modules/${name}.ko`] = path.join(bench.tree, `${name}.ko`);
  const tasks: Task[] = [{ run: 'grep -qw ibt /proc/cpuinfo' }];
  for (const scenario of scenarios) {
    const file = await build(bench.tree, path.join(folder, scenario.name), target, scenario);
    const livepatch = path.basename(file, '.ko').replaceAll('-', '_');
    files[`modules/${livepatch}.ko`] = file;
    tasks.push(...tasksOf(scenario, livepatch));
  }
  tasks.push({ run: 'dmesg | grep -q "Indirect Branch Tracking enabled"' });

  say(`booting ${target.release} in Bochs, with ${tasks.length} commands to run`);
  let seen = -1;
  const { results, dmesg } = await bootWithIbt({
    image: target.image,
    files,
    commands: tasks.map(({ run }) => ({ run })),
    timeoutSeconds: 30 * minutes,
    onProgress: (done) => {
      if (done !== seen) say(`  ${done} of ${tasks.length}`);
      seen = done;
    },
  });
  const failed = tasks.filter((task, index) => !isRight(task, results[index]));
  const troubles = findTroubles(dmesg, ofBochs);
  for (const { block } of troubles) say(`the kernel complained:\n${block}`);
  say(failed.length + troubles.length === 0 ? 'all as it must be' : 'NOT all was as it must be');
  return failed.length + troubles.length === 0 ? 0 : 1;
}

async function build(tree: string, output: string, target: TestKernel, { patchFiles }: LiveScenario): Promise<string> {
  mkdirSync(output);
  const words = ['--oot', tree, '--kernel', target.release, '--output', output, '--cache', path.join(output, 'cache')];
  await execa('node', ['dist/main.js', 'build', ...words, ...patchFiles]);
  const file = readdirSync(output).find((name) => name.endsWith('.ko'));
  if (file === undefined) throw new Error(`kptool left no .ko in ${output}`);
  return path.join(output, file);
}

function tasksOf(scenario: LiveScenario, livepatch: string): Task[] {
  const steps = (list: readonly Step[]) => list.map((step) => ({ run: step.run, wanted: stepText(step) }));
  return [
    { run: `echo '<6>scenario ${scenario.name}' > /dev/kmsg` },
    { run: moduleNames.map((name) => `insmod /modules/${name}.ko`).join(' && ') },
    ...scenario.prepare.map((run) => ({ run })),
    ...steps(scenario.before),
    { run: `lp_load ${livepatch}` },
    ...steps(scenario.enabled),
    { run: `lp_disable ${livepatch}` },
    ...steps(scenario.disabled ?? scenario.before),
    { run: `rmmod ${moduleNames.toReversed().join(' ')}` },
  ];
}

/** Prints the command and what came of it. */
function isRight({ run, wanted }: Task, result: GuestResult | undefined): boolean {
  const text = result === undefined ? 'was not reached' : `${result.output}[status ${result.status}]`;
  const isAsWanted = wanted === undefined ? result?.status === 0 : `${run}\n${text}` === wanted;
  say(`${isAsWanted ? 'ok  ' : 'FAIL'} ${run}`);
  if (!isAsWanted) say(`${text}\n--- but must be\n${wanted ?? 'success'}`);
  else if (result?.output !== '') say(result?.output.trimEnd().replaceAll(/^/gm, '       ') ?? '');
  return isAsWanted;
}
