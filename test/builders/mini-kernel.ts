/**
 * A kernel source in miniature: what kptool looks for in one, and makefiles that answer as kbuild does. For everything about
 * prepared kernels that does not need a real one.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import type { PreparedKernelQuestion } from '../../src/kbuild/prepared-kernel.js';
import { parseKernelConfig } from '../../src/kernel/config.js';

const makefile = `srctree := .
export srctree
flags = -pg -mfentry -D__KERNEL__ -Iinclude -Iinclude/generated $(shell sed -n 's/^ccflags-y := //p' $(dir $@)Makefile) $(if $(filter drivers/%,$@),-DMODULE -D__KBUILD_MODNAME=kmod_mini)
olddefconfig:
\t@cat .config > configured
modules_prepare:
\t@mkdir -p include/generated include/config
\t@echo '#define PREPARED 1' > include/generated/prepared.h
\t@echo prepared >> prepared-count
\t@cmp -s .config kernel/.limits.s.cmd || { mkdir -p kernel; cp .config kernel/limits.s; cp .config kernel/.limits.s.cmd; }
\t@if [ -e broken ]; then echo 'no flex here'; false; fi
%.o: %.c FORCE
\t@$(CC) $(flags) -c -o $@ $<
%.i: %.c FORCE
\t@$(CC) $(flags) -E -o $@ $<
\t@echo 'savedcmd_$@ := $(CC) $(flags) -E -o $@ $<' > $(dir $@).$(notdir $@).cmd
FORCE:
.PHONY: FORCE olddefconfig modules_prepare
`;

export const miniKernel: Readonly<Record<string, string>> = {
  Makefile: makefile,
  Kbuild: 'obj-y += fs/ drivers/ net/\n',
  Kconfig: '',
  'scripts/Makefile.build': '',
  'scripts/Kbuild.include': '',
  'init/main.c': '',
  'include/linux/show.h': '#define SHOWN 1\nextern int show(void);\n',
  'include/linux/list.h': '#include "show.h"\n',
  'fs/Makefile': 'obj-y += meminfo.o stat.o\nobj-$(CONFIG_NO_SUCH_OPTION) += left-out.o\n',
  'fs/meminfo.c': '#include <linux/list.h>\nint show(void) { return SHOWN; }\n',
  'fs/stat.c': '#include <linux/show.h>\nint stat_show(void) { return 3; }\n',
  'fs/left-out.c': 'int left_out;\n',
  'drivers/Makefile': 'obj-m += mini.o\nmini-y := one.o two.o\n',
  'drivers/one.c': '#include <prepared.h>\nint one(void) { return PREPARED; }\n',
  'drivers/two.c': 'int two(void) { return 2; }\n',
  'net/Makefile': 'ifneq ($(origin never),undefined)\nendif\n$(error this folder is not for itself)\n',
  'net/included.c': 'int included;\n',
};

export async function writeTree(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
}

export interface MiniKernel {
  readonly folder: string;
  readonly source: string;
  readonly question: PreparedKernelQuestion;
  remove(): Promise<void>;
}

/** The source in a folder of its own, and the question that prepares it, in a cache of its own. */
export async function setUpMiniKernel(
  kind: 'folder' | 'archive' = 'folder',
  changes: Readonly<Record<string, string>> = {},
): Promise<MiniKernel> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kptool-mini-kernel-'));
  const source = path.join(folder, 'linux-6.1');
  await writeTree(source, { ...miniKernel, ...changes });
  const buildDirectory = path.join(folder, 'headers');
  await writeTree(buildDirectory, { '.config': 'CONFIG_LIVEPATCH=y\n' });
  const archive = path.join(folder, 'linux-source-6.1.tar.gz');
  if (kind === 'archive') await execa('tar', ['-czf', archive, '-C', folder, 'linux-6.1']);
  const kernel = {
    ...{ release: '6.1.0-13-amd64', chosenBy: 'a test', buildDirectory },
    config: parseKernelConfig('CONFIG_LIVEPATCH=y\n'),
    symversPath: path.join(buildDirectory, 'Module.symvers'),
    architecture: { name: 'x86_64', machine: 62 },
    compiler: { program: 'gcc', versionText: 'gcc' },
  };
  return {
    folder,
    source,
    question: {
      source: { kind, path: kind === 'folder' ? source : archive, chosenBy: 'a test' },
      kernel,
      compiler: { command: ['gcc'], versionText: 'gcc' },
      makeArguments: [],
      cache: path.join(folder, 'cache'),
      jobs: 2,
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
