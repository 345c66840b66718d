/** Bad kernels, modules and compilers for every code of `kernel`. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { kernelMessages } from '../../src/diagnostics/kernel-messages.js';
import { checkCompiler } from '../../src/kernel/compiler.js';
import { readEntrySizes } from '../../src/kernel/entry-sizes.js';
import { checkSourceVersion, findKernelSource } from '../../src/kernel/kernel-source.js';
import { readModuleFile } from '../../src/kernel/module-file.js';
import { resolveKernel } from '../../src/kernel/resolve.js';
import { parseSymvers } from '../../src/kernel/symvers.js';
import { readKernelSymbols } from '../../src/kernel/vmlinux-symbols.js';
import {
  fakeCompiler,
  type HeadersParts,
  installHeaders,
  livepatchOptions,
  moduleFile,
  temporaryFolder,
  vermagicOf,
} from '../unit/kernel/target.js';
import type { Provocations } from './provocation.js';

const release = '6.1.0-13-amd64';
const other = '6.1.0-18-amd64';

const resolveWith = async (parts: HeadersParts) =>
  resolveKernel({ requested: release, modules: [], modulesFolder: await installHeaders([release], parts) });

const moduleOf = async (built: string, machine = 62) =>
  readModuleFile(await moduleFile({ information: ['name=ib_mad', vermagicOf(built)], machine }));

const compilerQuestion = async (installed: string) => ({
  kernel: { release, compiler: { program: 'gcc-12', versionText: 'gcc-12 (Debian 12.2.0-14) 12.2.0' } },
  makeArguments: [`CC=${await fakeCompiler(installed)}`],
  modules: [],
  skipCheck: false,
});

export const kernelProvocations = {
  'kernel-ambiguous': async () =>
    resolveKernel({ modules: [], modulesFolder: await installHeaders([release, other]), running: '5.10.0' }),
  'kernel-headers-missing': async () =>
    resolveKernel({ requested: other, modules: [], modulesFolder: await installHeaders([release]) }),
  'kernel-headers-incomplete': () => resolveWith({ without: ['Module.symvers'] }),
  'kernel-headers-other-release': () => resolveWith({ ownRelease: other }),
  'kernel-no-livepatch': () => resolveWith({ config: 'CONFIG_X86_64=y\n' }),
  'kernel-livepatch-too-old': () =>
    resolveWith({ files: { 'include/linux/livepatch.h': 'struct klp_patch {\n\tstruct module *mod;\n};\n' } }),
  'kernel-architecture-unknown': () => resolveWith({ config: livepatchOptions }),
  'kernel-modules-disagree': async () =>
    resolveKernel({
      modules: [await moduleOf(release), await moduleOf(other)],
      modulesFolder: await installHeaders([release, other]),
    }),
  'kernel-image-malformed': async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'vmlinuz'), 'no kernel');
    return readKernelSymbols({ release, buildDirectory: folder, cache: folder, given: path.join(folder, 'vmlinuz') });
  },
  'kernel-source-missing': async () =>
    findKernelSource({ release, cache: '/no-such-folder', packages: await temporaryFolder() }),
  'kernel-source-unusable': async () =>
    findKernelSource({ release, cache: '/no-such-folder', folder: await temporaryFolder() }),
  'kernel-source-differs': async () => {
    const [source, buildDirectory] = [await temporaryFolder(), await temporaryFolder()];
    const makefile = (sublevel: number) => `VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = ${sublevel}\n`;
    await writeFile(path.join(source, 'Makefile'), makefile(7));
    await writeFile(path.join(buildDirectory, 'Makefile'), makefile(8));
    const finding = await checkSourceVersion({ tree: source, source, buildDirectory, release });
    return finding === undefined ? [] : [finding];
  },
  'kernel-symbols-missing': async () => {
    const root = await temporaryFolder();
    return readKernelSymbols({ release, root, buildDirectory: root, cache: root });
  },
  'module-malformed': async () => readModuleFile(await moduleFile({ information: [] })),
  'module-wrong-machine': async () =>
    resolveKernel({ modules: [await moduleOf(release, 183)], modulesFolder: await installHeaders([release]) }),
  'module-other-kernel': async () =>
    resolveKernel({
      requested: release,
      modules: [await moduleOf(other)],
      modulesFolder: await installHeaders([release]),
    }),
  'symvers-malformed': () => parseSymvers('0x1\tprintk\n', 'Module.symvers'),
  'compiler-missing': async () =>
    checkCompiler({ ...(await compilerQuestion('')), makeArguments: ['CC=kptool-no-such-gcc'] }),
  'compiler-other-machine': async () => {
    const question = await compilerQuestion('gcc-12 (Debian 12.2.0-14) 12.2.0');
    return checkCompiler({ ...question, kernel: { ...question.kernel, architecture: { name: 'aarch64' } } });
  },
  'compiler-differs': async () => checkCompiler(await compilerQuestion('gcc-13 (Debian 13.2.0-5) 13.2.0')),
  'compiler-revision-differs': async () =>
    (await checkCompiler(await compilerQuestion('gcc-12 (Debian 12.2.0-99) 12.2.0'))).warnings,
  'entry-size-probe-failed': {
    needs: ['gcc'],
    run: async () => {
      const folder = await temporaryFolder();
      const buildDirectory = path.join(folder, 'build');
      await mkdir(path.join(buildDirectory, 'include/generated'), { recursive: true });
      await writeFile(path.join(buildDirectory, '.config'), '');
      await writeFile(path.join(buildDirectory, 'include/generated/autoconf.h'), '');
      // Headers whose Makefile cannot compile anything.
      await writeFile(
        path.join(buildDirectory, 'Makefile'),
        'probe.o:\n\t@echo "no compiler for this kernel"; false\n',
      );
      const compiler = { command: ['gcc'], versionText: 'gcc' };
      return readEntrySizes({
        kernel: { release, buildDirectory },
        compiler,
        folder: path.join(folder, 'probe'),
        cache: path.join(folder, 'cache'),
      });
    },
  },
} satisfies Provocations<typeof kernelMessages>;
