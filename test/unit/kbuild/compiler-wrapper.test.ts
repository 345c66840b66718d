import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type CompilerWrapper,
  macrosFolder,
  readCompileLog,
  writeCompilerWrapper,
} from '../../../src/kbuild/compiler-wrapper.js';
import { runProgram } from '../../../src/system/run.js';
import { temporaryFolder } from '../kernel/target.js';

/** A wrapper around a compiler that prints its arguments, one a line. */
async function setUp(
  drawsNumbers?: boolean,
): Promise<CompilerWrapper & { tree: string; run: (...words: string[]) => Promise<string[]> }> {
  const folder = await temporaryFolder();
  const tree = path.join(folder, 'copy');
  await mkdir(path.join(tree, 'core'), { recursive: true });
  const compiler = path.join(folder, "print it's arguments");
  await writeFile(compiler, '#!/bin/sh\nprintf "%s\\n" "$@"\n', { mode: 0o755 });
  const wrapper = await writeCompilerWrapper(folder, {
    command: [compiler, '--first'],
    ...{ tree, side: 'original', drawsNumbers },
  });
  const run = async (...words: string[]) => {
    const result = await runProgram({ program: wrapper.program, arguments: words, directory: tree });
    expect(result.exitStatus).toBe(0);
    return result.stdout.trimEnd().split('\n');
  };
  return { ...wrapper, tree, run };
}

const kernel = ['-D__KERNEL__', '-DMODULE', '-DKBUILD_MODNAME="ib_mad"', '-D__KBUILD_MODNAME=kmod_ib_mad'];

describe('the wrapper', () => {
  test('a kernel object gets section flags and loses its path', async () => {
    const { run, tree } = await setUp();
    const words = [...kernel, '-DTEXT="a b"', '-c', '-o', 'cm.o', 'cm.c'];
    expect(await run(...words)).toEqual([
      '--first',
      ...words,
      `-I${macrosFolder}`,
      '-ffunction-sections',
      '-fdata-sections',
      `-ffile-prefix-map=${macrosFolder}=kptool`,
      `-ffile-prefix-map=${tree}=.`,
      `-ffile-prefix-map=${tree}/=`,
    ]);
  });

  test('numbers that a plugin draws are the same on both sides', async () => {
    const { run } = await setUp(true);
    expect(await run(...kernel, '-c', '-o', 'cm.o', 'cm.c')).toContain('-frandom-seed=kptool');
  });

  test.each([
    ['a feature test', ['-D__KERNEL__', '-c', '-x', 'c', '/dev/null', '-o', '.tmp_1/tmp']],
    ['a feature test that makes an object', ['-D__KERNEL__', '-c', '-x', 'c', '/dev/null', '-o', '.tmp_1/tmp.o']],
    ['a program for the host', ['-c', '-o', 'generate.o', 'generate.c']],
    ['assembly', ['-D__KERNEL__', '-D__ASSEMBLY__', '-DMODULE', '-c', '-o', 'template.o', 'template.S']],
    ['assembly from the compiler', [...kernel, '-S', '-o', 'cm.s', 'cm.c']],
    ['its version', ['--version']],
  ])('passes on unchanged and unrecorded: %s', async (_, words) => {
    const { run, log } = await setUp();
    expect(await run(...words)).toEqual(['--first', ...words]);
    expect(await readdir(log)).toEqual([]);
  });

  test('preprocessing for the checksums of exports finds kpatch-macros.h too, and is not recorded', async () => {
    const { run, log } = await setUp();
    const words = [...kernel, '-E', '-D__GENKSYMS__', 'cm.c'];
    expect(await run(...words)).toEqual(['--first', ...words, `-I${macrosFolder}`]);
    expect(await readdir(log)).toEqual([]);
    expect((await readdir(macrosFolder)).sort()).toEqual(['kpatch-macros.h', 'kpatch-syscall.h']);
  });

  test('tracepoint headers of the tree come before kpatch-macros.h, and lose their path', async () => {
    const folder = await temporaryFolder();
    const traceFolders = [{ include: '/work/trace/0/include/trace', root: '/work/trace/0' }];
    const { program } = await writeCompilerWrapper(folder, {
      command: ['echo'],
      tree: folder,
      traceFolders,
      side: 'x',
    });
    const compile = { program, arguments: [...kernel, '-c', '-o', 'cm.o', 'cm.c'], directory: folder };
    const preprocess = { program, arguments: [...kernel, '-E', 'cm.c'], directory: folder };
    const includes = `-I/work/trace/0/include/trace -I${macrosFolder}`;
    expect((await runProgram(preprocess)).stdout.trimEnd()).toMatch(new RegExp(`cm\\.c ${includes}$`));
    expect((await runProgram(compile)).stdout).toContain(includes);
    expect((await runProgram(compile)).stdout).toContain('-ffile-prefix-map=/work/trace/0/=\n');
  });

  test('hands on the exit status of the compiler', async () => {
    const folder = await temporaryFolder();
    const { program } = await writeCompilerWrapper(folder, {
      command: ['sh', '-c', 'exit 7'],
      tree: folder,
      side: 'x',
    });
    expect((await runProgram({ program, arguments: [], directory: folder })).exitStatus).toBe(7);
  });

  test('an unwritable log stops the compile', async () => {
    const { program, log, tree } = await setUp();
    await import('node:fs/promises').then(({ rm }) => rm(log, { recursive: true }));
    const words = [...kernel, '-c', '-o', 'cm.o', 'cm.c'];
    const result = await runProgram({ program, arguments: words, directory: tree });
    expect(result.exitStatus).toBe(1);
    expect(result.output).toContain('kptool: cannot write');
  });
});

describe('readCompileLog', () => {
  const compiled = async (...calls: (readonly string[])[]) => {
    const { run, log, tree } = await setUp();
    await Promise.all(calls.map((words) => run(...words.map((word) => word.replace('TREE', tree)))));
    return { objects: await readCompileLog(log, tree), tree };
  };

  test('object, source and module of calls that ran at the same time', async () => {
    const { objects, tree } = await compiled(
      [...kernel, '-c', '-o', 'TREE/core/agent.o', 'TREE/core/agent.c'],
      [...kernel, '-include', 'forced.c', '-c', '-oTREE/cm.o', 'cm.c'],
    );
    expect(objects.map(({ object, source, modules, file }) => ({ object, source, modules, file }))).toEqual([
      { object: 'cm.o', source: 'cm.c', modules: ['ib_mad'], file: `${tree}/cm.o` },
      { object: 'core/agent.o', source: 'core/agent.c', modules: ['ib_mad'], file: `${tree}/core/agent.o` },
    ]);
    expect(objects[0]?.directory).toBe(tree);
    expect(objects[0]?.arguments.slice(-1)).toEqual([`-ffile-prefix-map=${tree}/=`]);
  });

  test.each([
    ['shared by two modules', ['-DMODULE', '-D__KBUILD_MODNAME=kmod_ib_mad:ib_sa'], ['ib_mad', 'ib_sa']],
    ['only the older macro', ['-DMODULE', '-DKBUILD_MODNAME="snd-hda"'], ['snd_hda']],
    ['the tree overrides the name', ['-DMODULE', '-DKBUILD_MODNAME="a"', '-DKBUILD_MODNAME="b"'], ['b']],
    ['in no module', ['-DKBUILD_MODNAME="cm"', '-D__KBUILD_MODNAME=kmod_cm'], []],
  ])('modules: %s', async (_, words, modules) => {
    const { objects } = await compiled(['-D__KERNEL__', ...words, '-c', '-o', 'cm.o', 'cm.c']);
    expect(objects[0]?.modules).toEqual(modules);
  });

  test('an object that was compiled twice appears once, for all its modules', async () => {
    const { objects } = await compiled(
      ['-D__KERNEL__', '-DMODULE', '-DKBUILD_MODNAME="a"', '-c', '-o', 'cm.o', 'cm.c'],
      ['-D__KERNEL__', '-DMODULE', '-DKBUILD_MODNAME="b"', '-c', '-o', 'cm.o', 'cm.c'],
    );
    expect(objects.map(({ object, modules }) => [object, modules.toSorted()])).toEqual([['cm.o', ['a', 'b']]]);
    expect(objects[0]?.compiledFor?.toSorted()).toEqual(['a', 'b']);
  });

  test('compiled again for the same modules is not compiled for several', async () => {
    const call = ['-D__KERNEL__', '-DMODULE', '-DKBUILD_MODNAME="a:b"', '-c', '-o', 'cm.o', 'cm.c'];
    const alone = ['-D__KERNEL__', '-DKBUILD_MODNAME="cm"', '-c', '-o', 'cm.o', 'cm.c'];
    expect((await compiled(call, call, alone)).objects[0]?.compiledFor).toBeUndefined();
  });

  test('the temporary name of older kernels is not the object', async () => {
    const { objects } = await compiled([...kernel, '-c', '-o', 'core/.tmp_agent.o', 'core/agent.c']);
    expect(objects[0]?.object).toBe('core/agent.o');
  });

  test.each(['ib_mad.mod.o', '.module-common.o', '/elsewhere/cm.o'])('not of the tree: %s', async (object) => {
    const { objects } = await compiled([...kernel, '-c', '-o', object, 'x.c']);
    expect(objects).toEqual([]);
  });
});
