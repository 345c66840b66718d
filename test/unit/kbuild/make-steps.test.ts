import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { MakeStep } from '../../../src/kbuild/make-step.js';
import { type BuildPlan, invocationOf, planBuild, singleObjectWay } from '../../../src/kbuild/make-steps.js';
import { runProgram } from '../../../src/system/run.js';
import { temporaryFolder } from '../kernel/target.js';

const target = { release: '6.1.0-13-amd64', architecture: 'x86_64' };
const planOf = (...steps: MakeStep[]): BuildPlan => ({ steps, chosenBy: 'a test', expectedModules: [] });

async function treeWith(...files: readonly (readonly [string, string])[]): Promise<string> {
  const tree = await temporaryFolder();
  for (const [name, text] of files) {
    await mkdir(path.dirname(path.join(tree, name)), { recursive: true });
    await writeFile(path.join(tree, name), text);
  }
  return tree;
}

describe('planBuild', () => {
  const configured: MakeStep[] = [{ kind: 'command', directory: '.', command: ['./build.sh'] }];

  test('the configuration before dkms.conf', async () => {
    const tree = await treeWith(['dkms.conf', 'MAKE="./other"\n']);
    expect(await planBuild({ tree, configured, ...target })).toMatchObject({ steps: configured });
  });

  test('dkms.conf before the Makefile', async () => {
    const tree = await treeWith(['dkms.conf', 'MAKE="./build"\nBUILT_MODULE_NAME=ib_mad\n'], ['Makefile', '']);
    expect(await planBuild({ tree, ...target })).toEqual({
      steps: [{ kind: 'command', directory: '.', command: ['./build'] }],
      chosenBy: 'dkms.conf',
      expectedModules: ['ib_mad'],
    });
  });

  test.each(['Kbuild', 'Makefile'])('a tree with a %s is built in the ordinary way', async (name) => {
    const { steps } = await planBuild({ tree: await treeWith([name, '']), ...target });
    expect(steps).toEqual([{ kind: 'make', directory: '.', arguments: [] }]);
  });

  test('a folder that is not there', async () => {
    const tree = await treeWith(['Makefile', '']);
    await expect(planBuild({ tree: `${tree}-else`, ...target })).rejects.toThrow(/does not exist.*input-missing/);
  });

  test('a folder that says nothing', async () => {
    const tree = await treeWith(['mad.c', '']);
    await expect(planBuild({ tree, ...target })).rejects.toThrow(
      /has no Kbuild, Makefile or dkms\.conf.*oot-no-makefile/,
    );
  });
});

test.each([
  ['the ordinary way', planOf({ kind: 'make', directory: '.', arguments: [] }), { directory: '.', variables: [] }],
  [
    'a subdirectory with variables',
    planOf({ kind: 'make', directory: 'src', arguments: ['A=1', 'modules'] }),
    { directory: 'src', variables: ['A=1'] },
  ],
  ['another goal', planOf({ kind: 'make', directory: '.', arguments: ['all'] }), undefined],
  ['a command', planOf({ kind: 'command', directory: '.', command: ['make'] }), undefined],
  [
    'two steps',
    planOf({ kind: 'make', directory: 'a', arguments: [] }, { kind: 'make', directory: 'b', arguments: [] }),
    undefined,
  ],
])('single objects: %s', (_, plan, way) => {
  expect(singleObjectWay(plan)).toEqual(way);
});

describe('invocationOf', () => {
  const surroundings = {
    tree: '/work/copy',
    originalTree: '/home/me/ib_mad',
    buildDirectory: '/usr/src/headers',
    release: '6.1.0-13-amd64',
    compiler: '/work/cc',
    makeArguments: ['CC=gcc-13', 'KBUILD_EXTRA_SYMBOLS=/home/me/ib_mad/x.symvers /home/me/ib_mad-2/y'],
    settings: ['KBUILD_MODPOST_WARN=1'],
    jobs: 3,
  };

  test('our own make gets everything on its command line, and the wrapper as compiler', () => {
    const step: MakeStep = { kind: 'make', directory: 'src', arguments: ['V=/home/me/ib_mad/inc', 'KDIR={build}'] };
    expect(invocationOf(step, surroundings)).toEqual({
      program: 'make',
      arguments: [
        '-C',
        '/usr/src/headers',
        'M=/work/copy/src',
        '-j3',
        'V=/work/copy/inc',
        'KDIR=/usr/src/headers',
        'modules',
        'KBUILD_EXTRA_SYMBOLS=/work/copy/x.symvers /home/me/ib_mad-2/y',
        'CONFIG_DEBUG_INFO_BTF_MODULES=',
        'KBUILD_MODPOST_WARN=1',
        'CC=/work/cc',
      ],
      directory: '/work/copy',
      environment: { LANG: 'C', LC_MESSAGES: 'C' },
    });
  });

  test('goals of the step take the place of modules', () => {
    const { arguments: words } = invocationOf({ kind: 'make', directory: '.', arguments: ['all'] }, surroundings);
    expect(words).toContain('all');
    expect(words).not.toContain('modules');
  });

  test('a program of the tree is run in the copy', () => {
    const step: MakeStep = {
      kind: 'command',
      directory: 'src',
      command: ['../build.sh', '{tree}', '{release}', '-j{jobs}'],
    };
    expect(invocationOf(step, surroundings)).toMatchObject({
      program: '/work/copy/build.sh',
      arguments: ['/work/copy', '6.1.0-13-amd64', '-j3'],
      directory: '/work/copy/src',
    });
  });

  test('variables reach a make that a script calls below the command, whatever is in them', async () => {
    const odd = 'ODD=a  b\\c $x "y"\'z\'#';
    const tree = await treeWith(
      ['build.sh', '#!/bin/sh\nexec make -s outer\n'],
      [
        'Makefile',
        'CC = cc\nouter:\n\t@$(MAKE) -s inner\ninner:\n\t@echo $(CC) from $(origin CC); printenv ODD\nexport ODD\n',
      ],
    );
    const step: MakeStep = { kind: 'command', directory: '.', command: ['sh', './build.sh'] };
    const { stdout } = await runProgram(
      invocationOf(step, { ...surroundings, tree, makeArguments: [odd.replace('$', '$$$$')] }),
    );
    expect(stdout).toBe(`/work/cc from command line\n${odd.slice(4)}\n`);
  });
});
