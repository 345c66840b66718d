import { expect, test } from 'vitest';
import { filesBelow, moduleRules } from '../../../src/kbuild/tree-files.js';
import { temporaryFolder } from '../kernel/target.js';
import { writeFiles } from './tree.js';

test('module rules of all makefiles, for a message', async () => {
  const tree = await temporaryFolder();
  await writeFiles(tree, {
    Kbuild:
      'obj-m := ib_mad.o # obj-m := old.o\nib_mad-y := mad.o \\\n\tcm.o\nccflags-y := -I$(src)\nobj-$(CONFIG_X) += x.o\n',
    'core/Makefile': 'all:\n\tmake M=$(PWD)\nagent-objs := a.o\n',
  });
  expect(await moduleRules(tree)).toEqual([
    'Kbuild: obj-m := ib_mad.o',
    'Kbuild: ib_mad-y := mad.o cm.o',
    'Kbuild: obj-$(CONFIG_X) += x.o',
    'core/Makefile: agent-objs := a.o',
  ]);
});

test('files of version control are not files of the tree', async () => {
  const tree = await temporaryFolder();
  await writeFiles(tree, { 'b.c': '', 'a/x.c': '', '.git/objects/y.c': '', 'a/.hg/z.c': '', 'a/x.h': '' });
  expect(await filesBelow(tree, (name) => name.endsWith('.c'))).toEqual(['a/x.c', 'b.c']);
});
