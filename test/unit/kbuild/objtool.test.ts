import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkObjtool, objtoolSettings } from '../../../src/kbuild/objtool.js';
import { parseKernelConfig } from '../../../src/kernel/config.js';
import { runProgram } from '../../../src/system/run.js';
import { temporaryFolder } from '../kernel/target.js';
import { type Files, writeFiles } from './tree.js';

test('a kernel whose kbuild gives each object to objtool anyway', async () => {
  expect(await objtoolSettings(parseKernelConfig('CONFIG_OBJTOOL=y\n'), '/dev/null')).toEqual([]);
});

test.each([
  ['an object', ['--ibt', '--orc', '--link', '--module', 'a b.o'], ['--orc', '--module', 'a b.o']],
  ['vmlinux.o', ['--ibt', '--link', '--noinstr', 'vmlinux.o'], ['--link', '--noinstr', 'vmlinux.o']],
])('IBT: %s', async (_, words, expected) => {
  const folder = await temporaryFolder();
  const settings = await objtoolSettings(parseKernelConfig('CONFIG_X86_KERNEL_IBT=y\n'), folder);
  expect(settings).toEqual(['delay-objtool=', `objtool=${path.join(folder, 'objtool')}`]);
  // The kernel's objtool; here it is one that prints its arguments.
  await writeFiles(folder, { 'tools/objtool/print.sh': '#!/bin/sh\nprintf "%s\\n" "$@"\n' });
  await runProgram({ program: 'ln', arguments: ['-s', 'print.sh', 'tools/objtool/objtool'], directory: folder });
  const program = path.join(folder, 'objtool');
  // kbuild runs it in the build tree, or since 6.13 in the module's folder with `objtree` naming the other one.
  const inBuildTree = await runProgram({ program, arguments: words, directory: folder, environment: { objtree: '.' } });
  const elsewhere = await runProgram({ program, arguments: words, directory: '/', environment: { objtree: folder } });
  for (const { stdout } of [inBuildTree, elsewhere]) expect(stdout.trimEnd().split('\n')).toEqual(expected);
});

describe('whether kbuild lets itself be told', () => {
  const ibt = parseKernelConfig('CONFIG_X86_KERNEL_IBT=y\n');
  const withVariable = { 'scripts/Makefile.lib': 'delay-objtool := $(CONFIG_X86_KERNEL_IBT)\n' };
  const without = { 'scripts/Makefile.lib': 'objtool := tools/objtool/objtool\n' };

  async function check(files: Files, config = ibt): Promise<void> {
    const buildDirectory = await temporaryFolder();
    await writeFiles(buildDirectory, files);
    await checkObjtool({ release: '6.2.0', config, buildDirectory });
  }

  test('by the makefiles of the build tree', async () => {
    await check(withVariable);
    await expect(check(without)).rejects.toThrow('objtool-whole-modules-only');
  });

  test('by those of the source, where the build tree has none', async () => {
    const source = await temporaryFolder();
    const build = { Makefile: `export KBUILD_OUTPUT = .\ninclude ${source}/Makefile\n` };
    await writeFiles(source, without);
    await expect(check(build)).rejects.toThrow('objtool-whole-modules-only');
    await writeFiles(source, withVariable);
    await check(build);
  });

  test('a kernel that needs no telling, and a tree without makefiles', async () => {
    await check(without, parseKernelConfig('CONFIG_OBJTOOL=y\n'));
    await check({});
  });
});
