/** `kptool doctor`: what this machine has and lacks for building livepatches, before there is any patch. */
import { KptoolError } from '../diagnostics/diagnostic.js';
import { installedReleases } from '../kernel/headers.js';
import { type Choice, chooseRelease } from '../kernel/resolve.js';
import { joinedCommands } from '../system/packages.js';
import { type Fact, factOf, isReady } from './facts.js';
import { gatherKernelFacts, type KernelFacts } from './kernel-facts.js';
import { gatherMachineFacts } from './machine-facts.js';

export interface DoctorOptions {
  /** `--kernel`, and `kernel` of the configuration. */
  readonly kernel?: string | undefined;
  readonly configuredKernel?: string | undefined;
  /** Build tree of that kernel, where it is not `/lib/modules/RELEASE/build`. */
  readonly buildDirectory?: string | undefined;
  readonly makeArguments: readonly string[];
  /** Absolute; holds work folders and caches. */
  readonly cache: string;
  readonly signal?: AbortSignal | undefined;
  /** Where a test has its kernels, sources and /sys, and what it says that runs. */
  readonly places?: {
    readonly modulesFolder?: string;
    readonly sourceFolder?: string;
    readonly root?: string;
    readonly running?: string;
  };
}

export interface DoctorReport {
  /** A build can be made for the chosen kernel; without a choice, for one of those that are installed. */
  readonly isReady: boolean;
  /** The kernel that a build would take without a module; `undefined` where it would ask for one. */
  readonly chosen: Choice | undefined;
  readonly machine: readonly Fact[];
  /** What to type to get ready, as far as it is known. */
  readonly install: readonly string[];
  /** The chosen one first. */
  readonly kernels: readonly KernelFacts[];
}

/** Only reads, and runs programs with `--version`. Throws `interrupted`. */
export async function examineMachine(options: DoctorOptions): Promise<DoctorReport> {
  const { makeArguments, cache, signal, places = {} } = options;
  const { modulesFolder, sourceFolder, root } = places;
  const [machineFacts, choice, installed] = await Promise.all([
    gatherMachineFacts({ makeArguments, cache, root, signal }),
    chooseKernel(options),
    installedReleases(modulesFolder ?? '/lib/modules'),
  ]);
  const { chosen } = choice;
  const others = installed.filter((release) => release !== chosen?.release);
  const kernels = await Promise.all(
    [...(chosen === undefined ? [] : [chosen.release]), ...others].map((release) =>
      gatherKernelFacts({
        ...{ release, makeArguments, modulesFolder, sourceFolder, root, cache, signal },
        buildDirectory: release === chosen?.release ? options.buildDirectory : undefined,
      }),
    ),
  );
  const machine = [...machineFacts, ...choice.facts];
  // Without a choice one kernel is enough; what others lack is then nobody's need.
  const isOneReady = kernels.some((kernel) => kernel.isReady);
  const wanted = chosen === undefined && isOneReady ? [] : kernels.slice(0, chosen === undefined ? undefined : 1);
  const missing = [...machine, ...wanted.flatMap(({ facts }) => facts)].filter(({ state }) => state === 'missing');
  const commands = missing.flatMap(({ install }) => install ?? []);
  const isKernelReady = chosen === undefined ? isOneReady : wanted.every((kernel) => kernel.isReady);
  return {
    isReady: isReady(machine) && isKernelReady,
    ...{ chosen, machine, kernels },
    install: joinedCommands(commands),
  };
}

/** Which kernel a build would take; several of which none is chosen are to be told from none at all. */
async function chooseKernel(
  options: DoctorOptions,
): Promise<{ readonly chosen: Choice | undefined; readonly facts: readonly Fact[] }> {
  const { kernel, configuredKernel, buildDirectory, places = {} } = options;
  const { modulesFolder, running } = places;
  try {
    const question = {
      ...{ requested: kernel, configured: configuredKernel, buildDirectory, modules: [] },
      ...(running === undefined ? {} : { running }),
    };
    return { chosen: await chooseRelease(question, modulesFolder), facts: [] };
  } catch (error) {
    if (!(error instanceof KptoolError)) throw error;
    const facts = error.diagnostics.map((finding): Fact => {
      const fact = factOf('kernel', finding);
      return finding.code === 'kernel-ambiguous' ? { ...fact, state: 'note' } : fact;
    });
    return { chosen: undefined, facts };
  }
}
