/**
 * Which CPU a kernel is configured for, and what its modules carry as `e_machine`. Resolving the target asks, to refuse
 * a module that cannot run on it.
 */
import type { KernelConfig } from './config.js';

export interface KernelArchitecture {
  /** As `uname -m` says it: `x86_64`, `aarch64`, `ppc64le`. */
  readonly name: string;
  /** `e_machine` of its objects (the ELF specification's registry of machines). */
  readonly machine: number;
}

interface ArchitectureOptions extends KernelArchitecture {
  /** All of these are on, and only for this architecture. */
  readonly options: readonly string[];
}

/** The 64-bit kernels that can livepatch (HAVE_LIVEPATCH in arch/<name>/Kconfig). */
const architectures: readonly ArchitectureOptions[] = [
  { name: 'x86_64', machine: 62, options: ['CONFIG_X86_64'] },
  { name: 'aarch64', machine: 183, options: ['CONFIG_ARM64'] },
  { name: 'ppc64le', machine: 21, options: ['CONFIG_PPC64', 'CONFIG_CPU_LITTLE_ENDIAN'] },
  { name: 's390x', machine: 22, options: ['CONFIG_S390'] },
  { name: 'loongarch64', machine: 258, options: ['CONFIG_LOONGARCH'] },
];

/** What compilers for it call their machine, where it is not its name: what stands before the first dash of `-dumpmachine`. */
const compilerMachines: Readonly<Record<string, readonly string[]>> = {
  // With -m64, which kbuild passes.
  x86_64: ['x86_64', 'i386', 'i486', 'i586', 'i686'],
  ppc64le: ['powerpc64le', 'powerpc64', 'powerpc', 'ppc64le'],
};

/** Whether a compiler whose target is `machine` (`aarch64` of `aarch64-linux-gnu`) makes objects for it. */
export function compilesFor({ name }: Pick<KernelArchitecture, 'name'>, machine: string): boolean {
  return (compilerMachines[name] ?? [name]).includes(machine);
}

/** The architecture that the configuration is for, or `undefined` for one that kptool does not know. */
export function architectureOf(config: KernelConfig): KernelArchitecture | undefined {
  const found = architectures.find((architecture) => architecture.options.every((option) => config.isOn(option)));
  return found === undefined ? undefined : { name: found.name, machine: found.machine };
}

/** `x86_64`, or `e_machine 40` for a machine that is not in the table. */
export function machineName(machine: number): string {
  return architectures.find((architecture) => architecture.machine === machine)?.name ?? `e_machine ${machine}`;
}
