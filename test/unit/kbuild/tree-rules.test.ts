import { describe, expect, test } from 'vitest';
import { patching, treeRuleCases } from '../../provocations/tree-rules.js';

describe.each(Object.entries(treeRuleCases))('%s', (id, { breaks, nearMisses }) => {
  test('is found, and nothing else', () => {
    expect(breaks().map(({ code }) => code)).toEqual([id]);
  });

  test.each(Object.entries(nearMisses))('is not found where %s', (_, scene) => {
    expect(scene()).toEqual([]);
  });
});

/** `error object-not-built`, for a patch to core/mad.c. */
function found(makefiles: Record<string, string>, ...makeArguments: string[]): string[] {
  return patching('core/mad.c', makefiles, makeArguments).map(({ severity, code }) => `${severity} ${code}`);
}

const built: string[] = [];
const notBuilt = ['error object-not-built'];
const cannotTell = ['warning object-not-built'];

describe('a source in a folder of the tree', () => {
  test.each([
    ['is listed there', { 'core/Makefile': 'obj-m += mad.o' }, built],
    ['is listed above', { Kbuild: 'obj-m := ib.o\nib-y := \\\n\tcm.o \\\n\tcore/mad.o' }, built],
    ['is listed nowhere', { 'core/Makefile': 'obj-m += cm.o' }, notBuilt],
    [
      'is under a folder that is off',
      { Kbuild: 'obj-$(CONFIG_OFF) += core/', 'core/Makefile': 'obj-m += mad.o' },
      notBuilt,
    ],
    [
      'is under a folder that is on',
      { Kbuild: 'obj-$(CONFIG_MAD) += core/', 'core/Makefile': 'obj-m += mad.o' },
      built,
    ],
    ['is in Kbuild, which hides Makefile', { 'core/Kbuild': 'obj-m += mad.o', 'core/Makefile': 'all:' }, built],
    [
      'is in Makefile, which Kbuild hides',
      { 'core/Kbuild': 'obj-m += cm.o', 'core/Makefile': 'obj-m += mad.o' },
      notBuilt,
    ],
    [
      'is listed from beside',
      { 'left/Kbuild': 'obj-m := left.o\nleft-y := ../core/mad.o', 'core/Kbuild': 'obj-m := cm.o' },
      built,
    ],
    [
      'is listed from above, not at home',
      { Kbuild: 'obj-m := ib.o\nib-y := core/mad.o\nobj-$(CONFIG_OFF) += core/' },
      built,
    ],
    ['is part of a part', { 'core/Kbuild': 'obj-m := a.o\na-y := b.o\nb-objs := mad.o' }, built],
    ['is part of what is off', { 'core/Kbuild': 'obj-$(CONFIG_OFF) := a.o\na-y := mad.o' }, notBuilt],
    ['is part of itself', { 'core/Kbuild': 'a-y := b.o mad.o\nb-y := a.o' }, notBuilt],
    ['is held by a variable', { 'core/Kbuild': 'parts := mad.o cm.o\nobj-m := $(parts)' }, built],
    ['may be held by a variable', { 'core/Kbuild': 'obj-m := $(PARTS)' }, cannotTell],
    [
      'may be put together by a rule',
      { 'core/Kbuild': 'obj-m := ib.o\nib-y := ../parts.a\n$(obj)/../parts.a: $(obj)/mad.o\n\tar rcs $@ $^' },
      cannotTell,
    ],
    [
      'has nothing to do with a phony target',
      { 'core/Makefile': 'obj-m := cm.o\n.PHONY: clean\nclean:\n\tmake' },
      notBuilt,
    ],
    ['may be in what is included', { 'core/Kbuild': 'include $(src)/parts.mk\nobj-m := cm.o' }, cannotTell],
    ['is under an option of its own', { 'core/Kbuild': 'obj-$(CONFIG_UNKNOWN) := mad.o' }, cannotTell],
    [
      'is under an option that a makefile sets',
      { 'core/Kbuild': 'obj-$(CONFIG_OFF) := mad.o', Makefile: '\tmake CONFIG_OFF=m' },
      cannotTell,
    ],
    [
      'is for whom kbuild reads',
      { 'core/Makefile': 'ifneq ($(KERNELRELEASE),)\nobj-m := mad.o\nelse\nall:\nendif' },
      built,
    ],
    ['is in a branch that is off', { 'core/Makefile': 'ifeq ($(CONFIG_OFF),y)\nobj-m := mad.o\nendif' }, notBuilt],
    [
      'is in the other branch',
      { 'core/Makefile': 'ifdef CONFIG_OFF\nelse ifdef CONFIG_MAD\nobj-m := mad.o\nendif' },
      built,
    ],
    ['is in a branch of which nobody knows', { 'core/Makefile': 'ifdef DEBUG\nobj-m := mad.o\nendif' }, cannotTell],
    ['is beside a branch', { 'core/Makefile': 'ifdef DEBUG\nobj-m := cm.o\nendif\nobj-m += mad.o' }, built],
    [
      'is only compiled with flags',
      { 'core/Makefile': 'obj-m := cm.o\nCFLAGS_mad.o := -O3\nccflags-y := mad.o' },
      notBuilt,
    ],
  ])('%s', (_, makefiles: Record<string, string>, expected) => {
    expect(found(makefiles)).toEqual(expected);
  });
});

test.each([
  ['core/Makefile', 'ccflags-remove-y += $(CC_FLAGS_FTRACE)', ['error untraceable-file-touched']],
  ['Makefile', 'subdir-ccflags-remove-y += -pg', ['error untraceable-file-touched']],
  ['Makefile', 'ccflags-remove-y += -pg', []],
])('%s: %s', (file, text, expected) => {
  expect(
    found({
      'core/Kbuild': 'obj-m := mad.o',
      [file === 'core/Makefile' ? 'core/Kbuild' : file]: `obj-m := mad.o\n${text}`,
    }),
  ).toEqual(expected);
});
