import { expect, test } from 'vitest';
import { parseKernelConfig } from '../../../src/kernel/config.js';
import { contradictingFlags } from '../../../src/kernel/version-magic.js';

const voluntary = parseKernelConfig('CONFIG_SMP=y\nCONFIG_MODULE_UNLOAD=y\nCONFIG_MODVERSIONS=y\n');
const dynamic = parseKernelConfig(
  'CONFIG_SMP=y\nCONFIG_PREEMPT_BUILD=y\nCONFIG_MODULE_UNLOAD=y\nCONFIG_MODVERSIONS=y\n',
);
const realTime = parseKernelConfig('CONFIG_SMP=y\nCONFIG_PREEMPT_RT=y\nCONFIG_MODULE_UNLOAD=y\nCONFIG_MODVERSIONS=y\n');

test.each([
  ['6.1.0 SMP mod_unload modversions ', voluntary, []],
  ['6.1.0 SMP preempt mod_unload modversions', dynamic, []],
  ['6.1.0 SMP preempt_rt mod_unload modversions', realTime, []],
  ['6.1.0 SMP preempt_rt mod_unload modversions', dynamic, ['no preempt', 'preempt_rt']],
  ['6.1.0 SMP preempt mod_unload modversions', voluntary, ['preempt']],
  ['6.1.0 preempt mod_unload', dynamic, ['no SMP', 'no modversions']],
  ['6.1.0 SMP preempt mod_unload modversions aarch64', dynamic, []],
])('%s', (vermagic, config, flags) => {
  expect(contradictingFlags(vermagic, config)).toEqual(flags);
});
