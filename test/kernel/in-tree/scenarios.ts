/**
 * The scenarios of patches to the kernel's own source. Those that give a livepatch are put together by theme: each is a patch
 * of its own, and those of a theme make one livepatch, since a build costs more than compiling one source more.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { KernelSeries } from '../requirements.js';
import type { LiveScenario, StoppedScenario } from '../scenario.js';
import { clones } from './clones.js';
import { data } from './data.js';
import { patchText } from './edits.js';
import { headers } from './headers.js';
import { keys } from './keys.js';
import { modules } from './modules.js';
import type { InTreeScenario, StoppedInTree } from './scenario.js';
import { statics } from './statics.js';
import { namesake, stopped } from './stopped.js';

const themes: Readonly<Record<string, readonly InTreeScenario[]>> = {
  data,
  clones,
  modules: [...modules, ...headers],
  statics: [...statics, ...keys],
};

/** What makes one livepatch. */
export type LiveInTree = LiveScenario & Required<Pick<InTreeScenario, 'keptData'>>;

export type StoppedScenarioInTree = StoppedScenario & Pick<StoppedInTree, 'told' | 'options' | 'symbols' | 'replayed'>;

export interface InTreeScenarios {
  /** One a theme. */
  readonly themes: LiveInTree[];
  /** For a vmlinux with symbols only. */
  readonly namesake: LiveInTree;
  readonly stopped: StoppedScenarioInTree[];
}

/** For one kernel: what was written to the folder, from the source at `tree`. */
export async function inTreeScenarios(tree: string, folder: string, series: KernelSeries): Promise<InTreeScenarios> {
  await mkdir(folder, { recursive: true });
  const write = async ({ name, edits }: InTreeScenario | StoppedInTree, patched = new Map<string, string>()) => {
    const file = path.join(folder, `${name}.patch`);
    await writeFile(file, await patchText({ tree, patched }, edits, path.join(folder, name)));
    return file;
  };
  const isHere = ({ onlyOn }: InTreeScenario | StoppedInTree) => onlyOn?.includes(series) ?? true;
  const live: LiveInTree[] = [];
  for (const [name, scenarios] of Object.entries({ ...themes, namesake: [namesake] })) {
    const here = scenarios.filter(isHere);
    const files: string[] = [];
    // Each is made for the source as those before it have left it.
    const patched = new Map<string, string>();
    for (const scenario of here) files.push(await write(scenario, patched));
    live.push(liveScenario(name, here, files, series));
  }
  const forSymbols = live.pop();
  if (forSymbols === undefined) throw new Error('there are no scenarios');
  const stops = stopped.filter(isHere).map(async (scenario): Promise<StoppedScenarioInTree> => {
    return { ...scenario, ...filesOf([await write(scenario)]), onlyOn: [series] };
  });
  return { themes: live, namesake: forSymbols, stopped: await Promise.all(stops) };
}

/** All of them in one livepatch. */
export function inOne(name: string, scenarios: readonly LiveInTree[], series: KernelSeries): LiveInTree {
  const files = scenarios.flatMap(({ patchFiles }) => patchFiles);
  const objects = scenarios.flatMap(({ build }) => build.objects);
  const warnings = [...new Set(scenarios.flatMap(({ build }) => build.warnings))].sort();
  return {
    ...{ name, title: scenarios.map(({ title }) => title).join('; '), ...filesOf(files), onlyOn: [series] },
    build: { outcome: 'built', objects, objectsOn: {}, warnings },
    prepare: scenarios.flatMap(({ prepare }) => prepare),
    before: scenarios.flatMap(({ before }) => before),
    enabled: scenarios.flatMap(({ enabled }) => enabled),
    disabled: scenarios.flatMap(({ before, disabled }) => disabled ?? before),
    troubles: [],
    keptData: scenarios.flatMap(({ keptData }) => keptData),
  };
}

function liveScenario(
  name: string,
  scenarios: readonly InTreeScenario[],
  files: readonly string[],
  series: KernelSeries,
): LiveInTree {
  const each = scenarios.map((scenario, index): LiveInTree => {
    const { objects, objectsOn = {}, warnings = [], keptData = [], prepare = [] } = scenario;
    const { before, enabled, disabled = before } = scenario;
    return {
      ...{
        name: scenario.name,
        title: scenario.title,
        ...filesOf([files[index] ?? '']),
        onlyOn: [series],
        troubles: [],
      },
      build: {
        ...{ outcome: 'built', objectsOn: {}, warnings: [...warnings] },
        objects: (objectsOn[series] ?? objects).map((object) => ({ ...ofVmlinux, ...object })),
      },
      keptData,
      ...{ prepare: [...prepare], before: [...before], enabled: [...enabled], disabled: [...disabled] },
    };
  });
  return inOne(name, each, series);
}

const ofVmlinux = { module: 'vmlinux', changedFunctions: [], newFunctions: [], callbacks: [] };

const filesOf = (patchFiles: readonly string[]) => ({
  patches: patchFiles.map((file) => path.basename(file)),
  patchFiles,
});
