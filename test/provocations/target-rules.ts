/** For every rule that the target or the machine decides: what breaks it, and the nearest that does not. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Diagnostic } from '../../src/diagnostics/diagnostic.js';
import type { targetRules } from '../../src/diagnostics/target-rules.js';
import { parseKernelConfig } from '../../src/kernel/config.js';
import { checkTargetRules } from '../../src/kernel/livepatch-options.js';
import { checkName, checkRoom } from '../../src/pipeline/machine-rules.js';
import { livepatchConfig, temporaryFolder } from '../unit/kernel/target.js';

type Scene = () => readonly Diagnostic[] | Promise<readonly Diagnostic[]>;

export interface TargetRuleCase {
  readonly breaks: Scene;
  /** By name, what makes the difference. */
  readonly nearMisses: Readonly<Record<string, Scene>>;
}

const release = '6.1.0-13-amd64';
const megabyte = 1024 * 1024;

/** A kernel with these options beside what all have. */
const kernelWith = (...options: string[]): Scene => {
  const config = parseKernelConfig(`${livepatchConfig}${options.join('\n')}\n`);
  return () => checkTargetRules({ release, buildDirectory: '/usr/src/headers', config });
};

const kernelWithout = (option: string): Scene => {
  const config = parseKernelConfig(livepatchConfig.replace(`${option}=y`, `# ${option} is not set`));
  return () => checkTargetRules({ release, buildDirectory: '/usr/src/headers', config });
};

/** A build of one source, or of all two, of a tree with 1 MB of data. */
const room =
  (freeMegabytes: number, sources: number | undefined): Scene =>
  async () => {
    const tree = await temporaryFolder();
    await mkdir(path.join(tree, 'core'));
    await writeFile(path.join(tree, 'firmware.bin'), new Uint8Array(megabyte));
    await writeFile(path.join(tree, 'mad.c'), '');
    await writeFile(path.join(tree, 'core/rmpp.c'), '');
    return checkRoom({ folder: '/var/cache/kptool', tree, sources, free: freeMegabytes * megabyte });
  };

interface Machine {
  readonly running?: string;
  /** The livepatch's name. */
  readonly name?: string;
  /** A folder in /sys/module, with or without the state that modules have which were loaded. */
  readonly folder?: { readonly name: string; readonly state: boolean };
  readonly installed?: string;
}

const machine = ({ running = release, name = 'livepatch-fix', folder, installed }: Machine): Scene => {
  return async () => {
    const root = await temporaryFolder();
    const loadedFolder = path.join(root, 'sys');
    const modulesFolder = path.join(root, 'lib');
    await mkdir(path.join(modulesFolder, release), { recursive: true });
    if (folder !== undefined) {
      await mkdir(path.join(loadedFolder, folder.name), { recursive: true });
      if (folder.state) await writeFile(path.join(loadedFolder, folder.name, 'initstate'), 'live\n');
    }
    if (installed !== undefined) {
      await writeFile(path.join(modulesFolder, release, 'modules.dep'), `updates/${installed}.ko:\n`);
    }
    return checkName({ name, release, running, loadedFolder, modulesFolder });
  };
};

export const targetRuleCases: { readonly [Id in keyof typeof targetRules]: TargetRuleCase } = {
  'kernel-not-comparable': {
    breaks: kernelWith('CONFIG_LTO=y', 'CONFIG_LTO_CLANG=y'),
    nearMisses: {
      'KASAN is the hardware’s': kernelWith('CONFIG_KASAN=y', 'CONFIG_KASAN_HW_TAGS=y'),
      'gcov is there for single files': kernelWith('CONFIG_GCOV_KERNEL=y'),
      'the compiler could': kernelWith('CONFIG_ARCH_SUPPORTS_LTO_CLANG=y', 'CONFIG_LTO_NONE=y'),
      'other instruments': kernelWith('CONFIG_UBSAN=y', 'CONFIG_KCOV=y', 'CONFIG_KCSAN=y', 'CONFIG_RANDSTRUCT=y'),
    },
  },
  'stack-trace-unreliable': {
    breaks: kernelWithout('CONFIG_HAVE_RELIABLE_STACKTRACE'),
    nearMisses: { 'all is there': kernelWith() },
  },
  'signature-required': {
    breaks: kernelWith('CONFIG_MODULE_SIG=y', 'CONFIG_MODULE_SIG_FORCE=y', 'CONFIG_MODULE_SIG_HASH="sha512"'),
    nearMisses: {
      'signatures are only checked': kernelWith('CONFIG_MODULE_SIG=y', '# CONFIG_MODULE_SIG_FORCE is not set'),
      'lockdown waits for Secure Boot': kernelWith(
        'CONFIG_MODULE_SIG=y',
        'CONFIG_SECURITY_LOCKDOWN_LSM=y',
        'CONFIG_LOCK_DOWN_IN_EFI_SECURE_BOOT=y',
        'CONFIG_LOCK_DOWN_KERNEL_FORCE_NONE=y',
      ),
    },
  },
  'livepatch-name-in-use': {
    breaks: machine({ folder: { name: 'livepatch_fix', state: true } }),
    nearMisses: {
      'it is loaded under another kernel': machine({
        running: '6.1.0-18-amd64',
        folder: { name: 'livepatch_fix', state: true },
      }),
      'its name goes on': machine({ folder: { name: 'livepatch_fix_2', state: true } }),
      'it is built in': machine({ name: 'printk', folder: { name: 'printk', state: false } }),
      'an installed one is called otherwise': machine({ installed: 'ib_mad' }),
    },
  },
  'disk-space-short': {
    breaks: room(20, 1),
    nearMisses: {
      'just enough for one source': room(22, 1),
      'enough for all of them': room(26, undefined),
      'plenty for a large tree': room(10_000, 100_000),
    },
  },
};

type TargetRuleProvocations = { readonly [Id in keyof typeof targetRules]: Scene };

export const targetRuleProvocations = Object.fromEntries(
  Object.entries(targetRuleCases).map(([id, { breaks }]) => [id, breaks]),
) as TargetRuleProvocations;

/** More scenes that break a rule, each in another way. */
export const furtherBreaches: readonly (readonly [keyof typeof targetRules, string, Scene])[] = [
  ['kernel-not-comparable', 'KASAN with its constructors', kernelWith('CONFIG_KASAN=y', 'CONFIG_KASAN_GENERIC=y')],
  ['kernel-not-comparable', 'gcov of everything', kernelWith('CONFIG_GCOV_KERNEL=y', 'CONFIG_GCOV_PROFILE_ALL=y')],
  ['stack-trace-unreliable', 'no stack traces at all', kernelWithout('CONFIG_STACKTRACE')],
  [
    'signature-required',
    'always locked down',
    kernelWith('CONFIG_MODULE_SIG=y', 'CONFIG_LOCK_DOWN_KERNEL_FORCE_INTEGRITY=y'),
  ],
  ['livepatch-name-in-use', 'the kernel has such a module', machine({ name: 'ib-mad', installed: 'ib_mad' })],
  ['disk-space-short', 'one source fits, all do not', room(22, undefined)],
];
