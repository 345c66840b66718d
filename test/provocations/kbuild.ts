/** Trees that cannot be built, for every code of `kbuild`. */
import path from 'node:path';
import type { kbuildMessages } from '../../src/diagnostics/kbuild-messages.js';
import { affectedKernelSources, describeLeftOut } from '../../src/kbuild/affected-kernel-sources.js';
import { parseDkms } from '../../src/kbuild/dkms.js';
import { compileKernelObjects } from '../../src/kbuild/kernel-objects.js';
import { planBuild } from '../../src/kbuild/make-steps.js';
import { checkObjtool } from '../../src/kbuild/objtool.js';
import { openPreparedKernel, type PreparedKernel } from '../../src/kbuild/prepared-kernel.js';
import { parseKernelConfig } from '../../src/kernel/config.js';
import { type MiniKernel, setUpMiniKernel } from '../builders/mini-kernel.js';
import { buildFiles, buildModule, moduleSource, setUpTree, writeFiles } from '../unit/kbuild/tree.js';
import { temporaryFolder } from '../unit/kernel/target.js';
import type { Provocations, Run } from './provocation.js';

const withHeaders = (run: Run) => ({ needs: ['gcc', 'kernel-headers'] as const, run });
/** Opens the prepared kernel, and closes it after `run`. */
const withMiniKernel = (
  changes: Readonly<Record<string, string>>,
  run: (prepared: PreparedKernel, mini: MiniKernel) => unknown,
) => ({
  needs: ['gcc'] as const,
  run: async () => {
    const mini = await setUpMiniKernel('folder', changes);
    try {
      const prepared = await openPreparedKernel(mini.question);
      try {
        return await run(prepared, mini);
      } finally {
        await prepared.close();
      }
    } finally {
      await mini.remove();
    }
  },
});
const kbuild = 'obj-m := ib_mad.o\n';
const target = { release: '6.1.0-13-amd64', architecture: 'x86_64' };

export const kbuildProvocations = {
  'oot-no-makefile': async () => planBuild({ tree: await temporaryFolder(), ...target }),
  'dkms-unsupported': () => parseDkms('MAKE="make KVER=$(cat version)"\n', target),
  'source-not-built': withHeaders(() =>
    buildFiles({ Kbuild: kbuild, 'ib_mad.c': moduleSource(), 'lost.c': 'int lost;\n' }, { sources: ['lost.c'] }),
  ),
  'object-compiled-per-module': withHeaders(async () => {
    const folder = (name: string) => ({
      [`${name}/Kbuild`]: `obj-m := ${name}.o\n${name}-y := main.o ../shared.o\n`,
      [`${name}/main.c`]: moduleSource(),
    });
    const shared = 'int shared(void);\nint shared(void) { return 1; }\n';
    const files = { ...folder('left'), ...folder('right'), Kbuild: 'obj-m := left/ right/\n', 'shared.c': shared };
    return (await buildFiles(files)).warnings;
  }),
  'source-not-compiled': withMiniKernel(
    { Makefile: 'olddefconfig modules_prepare fs/stat.o:\n\t@:\n' },
    (prepared, mini) =>
      compileKernelObjects({
        ...mini.question,
        ...{ prepared, side: 'original', sources: ['fs/stat.c'], log: path.join(mini.folder, 'log') },
      }),
  ),
  'kernel-prepare-failed': withMiniKernel({ broken: '' }, () => undefined),
  'source-not-in-kernel': withMiniKernel({}, (prepared, mini) =>
    affectedKernelSources(mini.question, prepared, { touched: ['fs/left-out.c'], added: [], maxObjects: 1 }),
  ),
  'source-left-out': withMiniKernel({}, async (prepared, mini) => {
    const question = { touched: ['fs/left-out.c', 'fs/stat.c'], added: [], maxObjects: 1 };
    return describeLeftOut(await affectedKernelSources(mini.question, prepared, question), '6.1.0-13-amd64');
  }),
  'source-name-not-plain': withMiniKernel({}, (prepared, mini) =>
    affectedKernelSources(mini.question, prepared, {
      touched: ['fs/$(shell touch kptool-was-here)/new.c'],
      added: ['fs/$(shell touch kptool-was-here)/new.c'],
      maxObjects: 1,
    }),
  ),
  'too-many-objects': withMiniKernel({}, (prepared, mini) =>
    affectedKernelSources(mini.question, prepared, { touched: ['include/linux/show.h'], added: [], maxObjects: 1 }),
  ),
  'kernel-makefiles-unreadable': withMiniKernel(
    {
      Makefile:
        'olddefconfig modules_prepare:\n\t@:\nifeq ($(filter %_prepare olddefconfig,$(MAKECMDGOALS)),)\n$(error no)\nendif\n',
    },
    (prepared, mini) =>
      affectedKernelSources(mini.question, prepared, { touched: ['fs/stat.c'], added: [], maxObjects: 1 }),
  ),
  'compile-failed': withHeaders(() => buildFiles({ Kbuild: kbuild, 'ib_mad.c': moduleSource('int x = nope;') })),
  'modpost-failed': withHeaders(() =>
    buildFiles({
      Kbuild: kbuild,
      'ib_mad.c': moduleSource('int nope(void);\nint use(void);\nint use(void) { return nope(); }'),
    }),
  ),
  'make-failed': withHeaders(() => buildFiles({ Kbuild: '$(error KDIR is not set)\n' })),
  'no-modules-built': withHeaders(() => buildFiles({ Kbuild: 'obj-$(CONFIG_IB_MAD) := ib_mad.o\n' })),
  'built-for-other-kernel': withHeaders(async () => {
    const files = { Kbuild: kbuild, 'ib_mad.c': moduleSource() };
    const { build, target: installed } = await setUpTree(files);
    return build({ kernel: { ...installed.kernel, release: '6.1.0-0-other' } });
  }),
  'section-flags-lost': withHeaders(() =>
    buildFiles({
      Kbuild: `${kbuild}override CC := gcc-12\n`,
      'ib_mad.c': moduleSource('int f(void);\nint f(void) { return 1; }'),
    }),
  ),
  'objtool-whole-modules-only': async () => {
    const buildDirectory = await temporaryFolder();
    await writeFiles(buildDirectory, { 'scripts/Makefile.lib': 'objtool-args = --orc\n' });
    const config = parseKernelConfig('CONFIG_X86_KERNEL_IBT=y\n');
    await checkObjtool({ release: '5.18.0', config, buildDirectory });
  },
  'livepatch-undefined-symbols': withHeaders(() =>
    buildModule(moduleSource('int nope(void);\nint use(void);\nint use(void) { return nope(); }')),
  ),
  'livepatch-link-failed': withHeaders(() => buildModule('#error this does not compile\n')),
} satisfies Provocations<typeof kbuildMessages>;
