import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CompiledObject } from '../../../src/kbuild/compiler-wrapper.js';
import {
  areObjectsContested,
  isNamedOtherwise,
  isOwnerDoubtful,
  withArchiveMembers,
  withOwners,
} from '../../../src/kbuild/owners.js';
import { temporaryFolder } from '../kernel/target.js';

const compiled = (object: string, modules: readonly string[]): CompiledObject => ({
  object,
  modules,
  file: `/copy/${object}`,
  source: object.replace('.o', '.c'),
  directory: '/copy',
  arguments: [],
});
const linked = (module: string, ...objects: string[]) => ({ file: `${module}.mod`, module, objects });
const owners = (object: CompiledObject, files: Parameters<typeof withOwners>[1], existing = ['a', 'b']) =>
  withOwners([object], files, new Set(existing)).map(({ modules }) => modules);

describe('withOwners', () => {
  test.each([
    ['a second module that the compiler was not told of', ['b'], [linked('a', 'x.o'), linked('b', 'x.o')], ['a', 'b']],
    ['another module than the compiler was told', ['a'], [linked('a', 'y.o'), linked('b', 'x.o')], ['b']],
    ['a module that does not link it after all', ['a'], [linked('a', 'y.o')], []],
    ['no name for the compiler', [], [linked('a', 'x.o')], ['a']],
    ['no `.mod` file for the module', ['a'], [linked('b', 'x.o')], ['b', 'a']],
    ['no `.mod` files', ['a', 'b'], [], ['a', 'b']],
  ])('%s', (_, told, files, modules) => {
    expect(owners(compiled('x.o', told), files)).toEqual([modules]);
  });

  test('a name that no module has', () => {
    expect(owners(compiled('x.o', ['x']), [linked('a', 'y.o')])).toEqual([[]]);
  });
});

test('withArchiveMembers: in the archive’s folder, else the only object of the name', async () => {
  const tree = await temporaryFolder();
  // Two members of no content, as ar stores them.
  const member = (name: string) => `${name.padEnd(16)}${'0'.padEnd(12)}0     0     644     ${'0'.padEnd(10)}\`\n`;
  await writeFile(path.join(tree, 'lib.a'), `!<arch>\n${member('one.o/')}${member('two.o/')}`);
  const objects = ['one.o', 'sub/one.o', 'sub/two.o'].map((object) => compiled(object, []));
  const files = await withArchiveMembers([linked('a', 'x.o', 'lib.a', 'gone.a')], tree, objects);
  expect(files).toEqual([linked('a', 'x.o', 'one.o', 'sub/two.o')]);
});

describe('isOwnerDoubtful', () => {
  const makefile = (text: string, file = 'Kbuild') => [{ file, text }];

  test.each([
    ['one module', 'obj-m := a.o\na-y := x.o y.o\n', ['a'], false],
    ['two modules', 'a-y := x.o\nb-y := x.o\n', ['a', 'b'], false],
    ['no module', 'a-y := y.o\n', [], true],
    ['a module by itself, too', 'obj-m := x.o b.o\nb-y := y.o x.o\n', ['b'], true],
    ['an object of another folder', 'a-y := x.o\nb-y := core/x.o\n', ['a'], false],
    ['a path that a variable makes up', 'a-y := x.o\nb-y := $(common)/x.o\n', ['a'], true],
    ['flags of the object', 'a-y := x.o\nCFLAGS_x.o := -O3\n', ['a'], false],
  ])('%s', (_, text, modules, isDoubtful) => {
    expect(isOwnerDoubtful(compiled('x.o', modules), makefile(text))).toBe(isDoubtful);
  });

  test('makefiles of other folders name it by a path', () => {
    const object = compiled('core/x.o', ['core']);
    const own = { file: 'core/Kbuild', text: 'core-y := x.o\n' };
    expect(isOwnerDoubtful(object, [own])).toBe(false);
    expect(isOwnerDoubtful(object, [own, { file: 'net/Kbuild', text: 'net-y := x.o\n' }])).toBe(false);
    expect(isOwnerDoubtful(object, [own, { file: 'net/Kbuild', text: 'net-y := ../core/x.o\n' }])).toBe(true);
  });
});

test.each([
  ['Kbuild', 'a-y := x.o\nb-y := x.o\n', 'core/Kbuild', 'c-y := x.o\n', false],
  ['a/Kbuild', 'a-y := ../x.o\n', 'b/Kbuild', 'b-y := ../x.o\n', true],
  ['a/Kbuild', 'a-y := x.o\n', 'b/Kbuild', 'b-y := ../a/x.o\n', true],
  ['a/Kbuild', 'a-y := ../x.o\n', 'b/Kbuild', 'b-y := ../y.o\n', false],
])('objects of two folders: %s %j, %s %j', (file, text, other, otherText, isContested) => {
  expect(
    areObjectsContested([
      { file, text },
      { file: other, text: otherText },
    ]),
  ).toBe(isContested);
});

test.each([
  ['hostprogs := generate\n', true],
  ['generate: generate.c\n\tcc -o $@ $<\n', true],
  ['obj-m := generate.o\n', false],
  ['obj-$(CONFIG_X) += sub/generate.o\n', false],
  ['obj-m := generated.o\n', false],
])('named otherwise: %j %s', (text, isNamed) => {
  expect(isNamedOtherwise('sub/generate.c', [{ file: 'Kbuild', text }])).toBe(isNamed);
});
