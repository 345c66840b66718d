/**
 * The version magic of a module against the kernel's configuration. The kernel refuses a module whose flags are not its
 * own, so that such a module cannot be the one that runs.
 */
import type { KernelConfig } from './config.js';

/**
 * Flags, and the options of which one must be on where the flag stands, and all be off where it is missing
 * (include/linux/vermagic.h). `preempt` came from CONFIG_PREEMPT alone until commit c597bfddc9e9 (v5.16).
 */
const FLAGS = [
  { flag: 'SMP', options: ['CONFIG_SMP'] },
  { flag: 'preempt', options: ['CONFIG_PREEMPT', 'CONFIG_PREEMPT_BUILD'] },
  { flag: 'preempt_rt', options: ['CONFIG_PREEMPT_RT'] },
  { flag: 'mod_unload', options: ['CONFIG_MODULE_UNLOAD'] },
  { flag: 'modversions', options: ['CONFIG_MODVERSIONS'] },
] as const;

/**
 * What of the version magic (`6.1.0-13-amd64 SMP preempt mod_unload modversions`) contradicts the configuration: flags
 * that the kernel has not, and `no SMP` for those that the module lacks. The release is not looked at: with
 * CONFIG_MODVERSIONS the kernel does not look at it either (same_magic in kernel/module/version.c).
 */
export function contradictingFlags(vermagic: string, config: KernelConfig): string[] {
  const flags = vermagic.split(' ').slice(1);
  return FLAGS.flatMap(({ flag, options }) => {
    const isOn = options.some((option) => config.isOn(option));
    if (flags.includes(flag)) return isOn ? [] : [flag];
    return isOn && !isHidden(flag, config) ? [`no ${flag}`] : [];
  });
}

/** Of the two kinds of preemption the version magic names one, and which one has changed. */
function isHidden(flag: string, config: KernelConfig): boolean {
  return flag.startsWith('preempt') && config.isOn('CONFIG_PREEMPT_RT');
}
