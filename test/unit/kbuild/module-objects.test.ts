import { mkdir, rename, symlink } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readModuleObjects } from '../../../src/kbuild/module-objects.js';
import { temporaryFolder } from '../kernel/target.js';
import { writeFiles } from './tree.js';

/** `$TREE` in a text is where the tree lies. */
async function treeOf(files: Readonly<Record<string, string>>): Promise<string> {
  const tree = path.join(await temporaryFolder(), 'tree');
  await mkdir(tree);
  const texts = Object.entries(files).map(([name, text]) => [name, text.replaceAll('$TREE', tree)]);
  await writeFiles(tree, Object.fromEntries(texts));
  return tree;
}

describe('the objects of modules', () => {
  test('one object a line, in the order of the link, in folders too', async () => {
    const tree = await treeOf({
      'ib_mad.mod': '$TREE/mad.o\n$TREE/core/template.o\n$TREE/cm.o\n',
      'cm/ib-cm.mod': '$TREE/cm/ib-cm.o\n',
    });
    expect(await readModuleObjects(tree)).toEqual([
      { file: 'cm/ib-cm.mod', module: 'ib_cm', objects: ['cm/ib-cm.o'] },
      { file: 'ib_mad.mod', module: 'ib_mad', objects: ['mad.o', 'core/template.o', 'cm.o'] },
    ]);
  });

  test('all objects in the first line, symbols that are undefined in the second', async () => {
    const tree = await treeOf({ 'ib_mad.mod': '$TREE/mad.o $TREE/cm.o $TREE/mad.o\n__fentry__ kfree printk.o\n' });
    expect(await readModuleObjects(tree)).toEqual([
      { file: 'ib_mad.mod', module: 'ib_mad', objects: ['mad.o', 'cm.o'] },
    ]);
  });

  test('the name of the module above, in a folder of its own', async () => {
    const tree = await treeOf({ '.tmp_versions/ib_mad.mod': '$TREE/ib_mad.ko\n$TREE/mad.o $TREE/core/cm.o\n\n' });
    expect(await readModuleObjects(tree)).toEqual([
      { file: '.tmp_versions/ib_mad.mod', module: 'ib_mad', objects: ['mad.o', 'core/cm.o'] },
    ]);
  });

  test.each([
    ['the tree', 'drivers/core/cm.o\ndrivers/core/sub/cm.o\n'],
    ['the folder above the module', 'core/cm.o\ncore/sub/cm.o\n'],
    ['the folder of the module', './cm.o\n./sub/cm.o\n'],
  ])('paths relative to %s', async (_, text) => {
    const tree = await treeOf({ 'drivers/core/ib_cm.mod': text });
    const [module] = await readModuleObjects(tree);
    expect(module?.objects).toEqual(['drivers/core/cm.o', 'drivers/core/sub/cm.o']);
  });

  test('a shared object beside the folder of the module', async () => {
    const tree = await treeOf({
      'cm/ib_cm.mod': '$TREE/cm/cm.o\n$TREE/cm/../lib/crc.o\n',
      'mad/ib_mad.mod': 'mad/mad.o\nmad/../lib/crc.o\n',
    });
    const modules = await readModuleObjects(tree);
    expect(modules.map(({ objects }) => objects)).toEqual([
      ['cm/cm.o', 'lib/crc.o'],
      ['mad/mad.o', 'lib/crc.o'],
    ]);
  });

  test('a tree that was moved since is known by where it lay, and not otherwise', async () => {
    const tree = await treeOf({ 'ib_cm.mod': '$TREE/cm.o\n' });
    const moved = `${tree}-moved`;
    await rename(tree, moved);
    expect((await readModuleObjects(moved, [tree]))[0]?.objects).toEqual(['cm.o']);
    expect((await readModuleObjects(moved))[0]?.objects).toEqual([`${tree}/cm.o`]);
  });

  test('a tree that is reached through a link', async () => {
    const tree = await treeOf({ 'ib_cm.mod': '$TREE/cm.o\n' });
    const link = `${tree}-link`;
    await symlink(tree, link);
    expect((await readModuleObjects(link))[0]?.objects).toEqual(['cm.o']);
  });

  test('no modules where nothing was built, or where make was interrupted', async () => {
    expect(await readModuleObjects(await treeOf({ 'cm.c': '', 'ib_cm.mod': '' }))).toEqual([]);
  });
});
