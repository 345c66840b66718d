import path from 'node:path';
import { expect, test } from 'vitest';
import { objtoolSettings } from '../../../src/kbuild/objtool.js';
import { parseKernelConfig } from '../../../src/kernel/config.js';
import { runProgram } from '../../../src/system/run.js';
import { temporaryFolder } from '../kernel/target.js';
import { writeFiles } from './tree.js';

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
  // The kernel's objtool, in the build tree that kbuild runs it from; here it is one that prints its arguments.
  await writeFiles(folder, { 'tools/objtool/print.sh': '#!/bin/sh\nprintf "%s\\n" "$@"\n' });
  await runProgram({ program: 'ln', arguments: ['-s', 'print.sh', 'tools/objtool/objtool'], directory: folder });
  const { stdout } = await runProgram({ program: path.join(folder, 'objtool'), arguments: words, directory: folder });
  expect(stdout.trimEnd().split('\n')).toEqual(expected);
});
