import { describe, expect, test } from 'vitest';
import { modulesListing } from '../../../src/kbuild/composite-lists.js';

describe('modulesListing', () => {
  test.each([
    ['a composite list', 'obj-m := ib-mad.o\nib-mad-y := mad.o cm.o\n', ['ib_mad']],
    ['a list over several lines', 'obj-m += a.o\na-objs := x.o \\\n\tcm.o\n', ['a']],
    ['lists that the configuration chooses', 'obj-$(CONFIG_A) += a.o\na-$(CONFIG_B) += cm.o\n', ['a']],
    ['two modules', 'obj-m := a.o b.o\na-y := cm.o\nb-y := cm.o\n', ['a', 'b']],
    ['a module of a single object', 'obj-m := cm.o\n', ['cm']],
    ['a module by itself and part of another one', 'obj-m := cm.o a.o\na-y := x.o cm.o\n', ['a', 'cm']],
    ['a composite of its own name', 'obj-m := cm.o\ncm-y := x.o\n', []],
    ['a list of no module', 'a-y := cm.o\n', []],
    ['an object of another folder', 'obj-m := a.o\na-y := core/cm.o\n', []],
    ['flags', 'obj-m := a.o\na-y := x.o\nCFLAGS_cm.o := -O3\n', []],
  ])('%s', (_, text, modules) => {
    expect(modulesListing('cm.o', [{ file: 'Kbuild', text }])).toEqual(modules);
  });

  test('paths are from the folder of the makefile', () => {
    const makefiles = [
      { file: 'Kbuild', text: 'obj-m := a.o core/\na-y := core/cm.o\n' },
      { file: 'core/Kbuild', text: 'obj-m := b.o\nb-y := cm.o\n' },
      { file: 'net/Kbuild', text: 'obj-m := c.o\nc-y := ../core/cm.o\n' },
      { file: 'other/Kbuild', text: 'obj-m := d.o\nd-y := cm.o\n' },
    ];
    expect(modulesListing('core/cm.o', makefiles)).toEqual(['a', 'b', 'c']);
  });
});
