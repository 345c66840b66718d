import { describe, expect, test } from 'vitest';
import { probeSource, unknownStructures } from '../../../src/kernel/entry-sizes.js';

describe('the probe', () => {
  test('has one array per structure, under the condition that kernels define it', () => {
    expect(probeSource(new Set())).toContain(
      '#if defined(CONFIG_GENERIC_BUG)\nchar kptool_size_of_bug_entry[sizeof(struct bug_entry)];\n#endif',
    );
  });

  test('leaves out what is excluded, and nothing else', () => {
    const source = probeSource(new Set(['paravirt_patch_site']));
    expect(source).not.toContain('paravirt_patch_site');
    expect(source).toContain('alt_instr');
  });

  test('understands which structures gcc and clang do not know', () => {
    const gcc = "probe.c:9:50: error: invalid application of 'sizeof' to incomplete type 'struct paravirt_patch_site'";
    const clang = "probe.c:3:9: error: invalid application of 'sizeof' to an incomplete type 'struct pi_entry'";
    expect(unknownStructures(`${gcc}\n${clang}\nmake: *** Error 1`)).toEqual(
      new Set(['paravirt_patch_site', 'pi_entry']),
    );
    expect(unknownStructures('fatal error: linux/kernel.h: No such file')).toEqual(new Set());
  });
});
