import { describe, expect, test } from 'vitest';
import { reachOfMakefile } from '../../../src/kbuild/makefile-change.js';

const original = `# SPDX-License-Identifier: GPL-2.0
obj-y   += proc.o
CFLAGS_task_mmu.o += -Wno-override-init
proc-y := inode.o root.o \\
	base.o
ifdef CONFIG_NET
proc-y += proc_net.o
endif
proc-$(CONFIG_PROC_SYSCTL) += proc_sysctl.o
`;

const reach = (patched: string, file = 'fs/proc/Makefile') => reachOfMakefile(file, { original, patched });
const listed = (...sources: string[]) => ({ kind: 'listed', sources });
const folder = { kind: 'folder', folder: 'fs/proc', isBelowToo: false };

describe('lists', () => {
  test.each([
    ['a line more', `${original}proc-y += kptool.o\n`, ['fs/proc/kptool.c']],
    ['a word more, behind a backslash', original.replace('base.o', 'base.o kptool.o'), ['fs/proc/kptool.c']],
    ['a word less', original.replace(' root.o', ''), ['fs/proc/root.c']],
    ['another option', original.replace('PROC_SYSCTL', 'SYSCTL'), ['fs/proc/proc_sysctl.c']],
    ['another folder', `${original}obj-m += sub/ sub/deep.o\n`, ['fs/proc/sub/deep.c']],
    ['within a condition', original.replace('proc_net.o', 'proc_net.o other.o'), ['fs/proc/other.c']],
    [
      'under another condition',
      `${original.replace('endif\nproc-$(CONFIG_PROC_SYSCTL)', 'proc-y')}endif\n`,
      ['fs/proc/proc_sysctl.c'],
    ],
    ['another order, and a comment', `${original.replace('inode.o root.o', 'root.o inode.o')}# the end\n`, []],
  ])('%s', (_, patched, sources) => {
    expect(reach(patched)).toEqual(listed(...sources));
  });

  test('a new makefile, and one that goes', () => {
    const text = 'obj-y := a.o\n';
    expect(reachOfMakefile('fs/new/Makefile', { original: undefined, patched: text })).toEqual(listed('fs/new/a.c'));
    expect(reachOfMakefile('fs/old/Kbuild', { original: text, patched: undefined })).toEqual(listed('fs/old/a.c'));
  });

  test('those of the top', () => {
    const texts = { original: 'obj-y += fs/\n', patched: 'obj-y += fs/ kptool/\n' };
    expect(reachOfMakefile('Kbuild', texts)).toEqual(listed());
  });
});

describe('flags', () => {
  test.each([
    ['of the folder', `${original}ccflags-y += -DKPTOOL\n`],
    ['of an object', `${original}CFLAGS_base.o := -DKPTOOL\n`],
    ['taken away', original.replace(/^CFLAGS_.*\n/m, '')],
    ['in what looks like a list', `${original}proc-y += $(wildcard *.o)\n`],
    ['that kbuild makes always', `${original}always-y += table.o\n`],
    ['a condition', original.replace('CONFIG_NET', 'CONFIG_INET')],
  ])('%s', (_, patched) => {
    expect(reach(patched)).toEqual(folder);
  });

  test('that reach below', () => {
    expect(reach(`${original}subdir-ccflags-y += -DKPTOOL\n`)).toEqual({ ...folder, isBelowToo: true });
    const texts = { original: `${original}subdir-ccflags-y += -DKPTOOL\n`, patched: original };
    expect(reachOfMakefile('fs/proc/Makefile', texts)).toEqual({ ...folder, isBelowToo: true });
  });

  test.each(['Makefile', 'Kbuild', 'scripts/Makefile.lib', 'scripts/mod/Makefile', 'arch/x86/Makefile', 'fs/rules.mk'])(
    'of everything: %s',
    (file) => {
      expect(reach(`${original}ccflags-y += -DKPTOOL\n`, file)).toEqual({ kind: 'all' });
    },
  );
});
