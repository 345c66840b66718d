import { expect, test } from 'vitest';
import { architectureOf, machineName } from '../../../src/kernel/architectures.js';
import { parseKernelConfig } from '../../../src/kernel/config.js';

test.each([
  ['CONFIG_X86_64=y', 'x86_64', 62],
  ['CONFIG_ARM64=y', 'aarch64', 183],
  ['CONFIG_PPC64=y\nCONFIG_CPU_LITTLE_ENDIAN=y', 'ppc64le', 21],
  ['CONFIG_S390=y', 's390x', 22],
  ['CONFIG_LOONGARCH=y', 'loongarch64', 258],
])('%s', (config, name, machine) => {
  expect(architectureOf(parseKernelConfig(config))).toEqual({ name, machine });
  expect(machineName(machine)).toBe(name);
});

test('others are told as such', () => {
  expect(architectureOf(parseKernelConfig('CONFIG_PPC64=y'))).toBeUndefined();
  expect(architectureOf(parseKernelConfig('# CONFIG_X86_64 is not set'))).toBeUndefined();
  expect(machineName(40)).toBe('e_machine 40');
});
