/**
 * What a kernel's configuration means for livepatching: what it lacks, what speaks against it, and what the kernel that
 * loads the livepatch will ask for. One table for the check, for `kptool doctor`, and for whoever else tells of a kernel.
 */
import path from 'node:path';
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { KernelConfig } from './config.js';

interface NeededOption {
  /** In words, for the user. */
  readonly unmet: string;
  readonly because: string;
  readonly isMet: (config: KernelConfig) => boolean;
}

const switchedOn = (option: string, because: string): NeededOption => ({
  unmet: `${option} is not set`,
  because,
  isMet: (config) => config.isOn(option),
});

/**
 * CONFIG_LIVEPATCH, and what kernel/livepatch/Kconfig makes it depend on: a kernel without it mostly lacks one of the
 * others, which is what whoever builds it has to know. The last is openEuler's, whose kernels can also patch without ftrace and
 * without a consistency model, in an interface of their own.
 */
const neededOptions: readonly NeededOption[] = [
  switchedOn('CONFIG_LIVEPATCH', 'it is the livepatch core'),
  switchedOn('CONFIG_MODULES', 'a livepatch is a module'),
  switchedOn('CONFIG_SYSFS', 'livepatches are controlled in /sys'),
  switchedOn('CONFIG_KALLSYMS_ALL', 'the livepatch core finds symbols by their names, those of data too'),
  {
    unmet: 'neither CONFIG_DYNAMIC_FTRACE_WITH_REGS nor CONFIG_DYNAMIC_FTRACE_WITH_ARGS is set',
    because: 'functions are redirected by ftrace',
    isMet: (config) => config.isOn('CONFIG_DYNAMIC_FTRACE_WITH_REGS') || config.isOn('CONFIG_DYNAMIC_FTRACE_WITH_ARGS'),
  },
  {
    unmet: 'CONFIG_TRIM_UNUSED_KSYMS is set',
    because: 'a livepatch may need symbols that no module of the kernel uses',
    isMet: (config) => !config.isOn('CONFIG_TRIM_UNUSED_KSYMS'),
  },
  {
    unmet: 'CONFIG_LIVEPATCH_PER_TASK_CONSISTENCY is not set',
    because: 'without it the kernel has another livepatch interface',
    isMet: (config) =>
      !config.mentions('CONFIG_LIVEPATCH_PER_TASK_CONSISTENCY') || config.isOn('CONFIG_LIVEPATCH_PER_TASK_CONSISTENCY'),
  },
];

/** Why the kernel loads no livepatch, one sentence an option; empty where it does. */
export function missingOptions(config: KernelConfig): string[] {
  return neededOptions.filter(({ isMet }) => !isMet(config)).map(({ unmet, because }) => `${unmet}: ${because}`);
}

/**
 * Whether the kernel can tell what is on a sleeping task's stack: klp_have_reliable_stack in include/linux/livepatch.h.
 * HAVE_RELIABLE_STACKTRACE came with the consistency model (v4.12).
 */
export function hasReliableStacks(config: KernelConfig): boolean {
  return config.isOn('CONFIG_STACKTRACE') && config.isOn('CONFIG_HAVE_RELIABLE_STACKTRACE');
}

/** What else of a configuration decides how a livepatch is built and loaded; told by `kptool kernel info`, judged elsewhere. */
const tellingOptions: readonly { readonly subject: string; readonly options: readonly string[] }[] = [
  {
    subject: 'ftrace',
    options: [
      ...['CONFIG_DYNAMIC_FTRACE_WITH_REGS', 'CONFIG_DYNAMIC_FTRACE_WITH_ARGS', 'CONFIG_FTRACE_MCOUNT_USE_CC'],
      ...['CONFIG_FTRACE_MCOUNT_USE_OBJTOOL', 'CONFIG_FTRACE_MCOUNT_USE_RECORDMCOUNT'],
      'CONFIG_FTRACE_MCOUNT_USE_PATCHABLE_FUNCTION_ENTRY',
    ],
  },
  {
    subject: 'stack traces',
    options: ['CONFIG_HAVE_RELIABLE_STACKTRACE', 'CONFIG_UNWINDER_ORC', 'CONFIG_UNWINDER_FRAME_POINTER'],
  },
  { subject: 'call padding', options: ['CONFIG_CALL_PADDING', 'CONFIG_FUNCTION_PADDING_BYTES'] },
  { subject: 'modversions', options: ['CONFIG_MODVERSIONS', 'CONFIG_GENDWARFKSYMS', 'CONFIG_EXTENDED_MODVERSIONS'] },
  {
    subject: 'module signing',
    options: ['CONFIG_MODULE_SIG', 'CONFIG_MODULE_SIG_FORCE', 'CONFIG_MODULE_SIG_HASH'],
  },
  { subject: 'BTF', options: ['CONFIG_DEBUG_INFO_BTF', 'CONFIG_DEBUG_INFO_BTF_MODULES'] },
];

/** Those options as the configuration has them, with the values that are not just `y`: `CONFIG_FUNCTION_PADDING_BYTES=16`. */
export function describeOptions(config: KernelConfig): { readonly subject: string; readonly text: string }[] {
  return tellingOptions.map(({ subject, options }) => {
    const set = options.flatMap((option) => {
      const value = config.value(option);
      if (value === undefined) return [];
      return value === 'y' ? option : `${option}=${value}`;
    });
    return { subject, text: set.join(', ') || 'no' };
  });
}

/** The kernel is built for indirect branch tracking. */
export function tracksIndirectBranches(config: KernelConfig): boolean {
  return config.isOn('CONFIG_X86_KERNEL_IBT');
}

interface Hindrance {
  readonly option: string;
  readonly because: string;
}

/**
 * What was tried on the fixture's modules and cannot be compared. Tried and found to work, and so not here: kcov, UBSAN,
 * KCSAN, stackleak, split DWARF, a randomised layout (the seed comes with the headers, see `missingParts`) and
 * latent entropy (`kbuild/compiler-wrapper.ts` fixes its numbers).
 */
const hindrances: readonly Hindrance[] = [
  {
    option: 'CONFIG_LTO',
    because:
      'objects hold the compiler’s intermediate code, and functions come into being when the whole module is linked',
  },
  {
    option: 'CONFIG_KASAN_GENERIC',
    because:
      'each object has one constructor that registers all its data, strings too; a patch that brings any changes it, and it has run already',
  },
  {
    option: 'CONFIG_GCOV_PROFILE_ALL',
    because:
      'each function has counters and a checksum in data that is in memory, and any change of source changes those',
  },
];

/** How the kernel that loads modules asks for signatures. */
export type SignaturePolicy =
  /** CONFIG_MODULE_SIG is off. */
  | 'none'
  /** A module without one taints the kernel; a locked down kernel, or `module.sig_enforce`, refuses it. */
  | 'checked'
  | 'required';

/** As far as the configuration tells: kernel/module/signing.c, `module_sig_check`, and security/lockdown. */
export function signaturePolicy(config: KernelConfig): SignaturePolicy {
  if (!config.isOn('CONFIG_MODULE_SIG')) return 'none';
  return signatureOptions.some((option) => config.isOn(option)) ? 'required' : 'checked';
}

/** Any of them makes the kernel refuse modules that are not signed, however it was booted. */
const signatureOptions = [
  'CONFIG_MODULE_SIG_FORCE',
  'CONFIG_LOCK_DOWN_KERNEL_FORCE_INTEGRITY',
  'CONFIG_LOCK_DOWN_KERNEL_FORCE_CONFIDENTIALITY',
] as const;

/**
 * The hash that the kernel was built to check, as sign-file of its build tree wants it
 * (Documentation/admin-guide/module-signing.rst).
 */
export function signatureHash(config: KernelConfig): string {
  return config.value('CONFIG_MODULE_SIG_HASH') ?? 'sha256';
}

export interface TargetQuestion {
  readonly release: string;
  readonly buildDirectory: string;
  readonly config: KernelConfig;
}

/** The rules of live patching that the target's configuration decides. Throws nothing. */
export function checkTargetRules({ release, buildDirectory, config }: TargetQuestion): Diagnostic[] {
  const hindering = hindrances.filter(({ option }) => config.isOn(option));
  return [
    ...hindering.map((hindrance) => diagnose('kernel-not-comparable', { release, ...hindrance })),
    ...(hasReliableStacks(config) ? [] : [diagnose('stack-trace-unreliable', { release })]),
    ...(signaturePolicy(config) === 'required'
      ? [
          diagnose('signature-required', {
            release,
            options: signatureOptions.filter((option) => config.isOn(option)),
            program: path.join(buildDirectory, 'scripts/sign-file'),
            hash: signatureHash(config),
          }),
        ]
      : []),
  ];
}
