import { describe, expect, test } from 'vitest';
import { parseKernelConfig } from '../../../src/kernel/config.js';

const text = `#
# Automatically generated file; DO NOT EDIT.
#
CONFIG_LIVEPATCH=y
CONFIG_DUMMY=m
CONFIG_NR_CPUS=8192
CONFIG_CC_VERSION_TEXT="gcc-12 (Debian 12.2.0-14) 12.2.0"
CONFIG_CMDLINE="a=\\"b c\\" d\\\\e"
CONFIG_EMPTY=""
# CONFIG_GCC_PLUGINS is not set
CONFIG_NOT=n
 CONFIG_INDENTED=y
`;

describe('parseKernelConfig', () => {
  const config = parseKernelConfig(text);

  test.each([
    ['CONFIG_LIVEPATCH', 'y', true],
    ['CONFIG_DUMMY', 'm', true],
    ['CONFIG_NR_CPUS', '8192', false],
    ['CONFIG_CC_VERSION_TEXT', 'gcc-12 (Debian 12.2.0-14) 12.2.0', false],
    ['CONFIG_CMDLINE', 'a="b c" d\\e', false],
    ['CONFIG_EMPTY', '', false],
    ['CONFIG_GCC_PLUGINS', undefined, false],
    ['CONFIG_NOT', 'n', false],
    ['CONFIG_INDENTED', undefined, false],
  ])('%s', (name, value, isOn) => {
    expect(config.value(name)).toBe(value);
    expect(config.isOn(name)).toBe(isOn);
  });

  test('lines that end in carriage returns', () => {
    expect(parseKernelConfig('CONFIG_LIVEPATCH=y\r\n').isOn('CONFIG_LIVEPATCH')).toBe(true);
  });
});
