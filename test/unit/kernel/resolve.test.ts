import { rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readModuleFile } from '../../../src/kernel/module-file.js';
import { resolveKernel } from '../../../src/kernel/resolve.js';
import { installHeaders, livepatchConfig, livepatchOptions, moduleFile, vermagicOf } from './target.js';

const first = '6.1.0-13-amd64';
const second = '6.1.0-18-amd64';
const elsewhere = '5.10.0-9-amd64';

const moduleFor = async (release: string, machine = 62) =>
  readModuleFile(await moduleFile({ information: ['name=ib_mad', vermagicOf(release)], machine }));

describe('which release is chosen', () => {
  test('the command line before everything else', async () => {
    const modulesFolder = await installHeaders([first, second]);
    const kernel = await resolveKernel({
      requested: first,
      configured: second,
      modules: [],
      modulesFolder,
      running: second,
    });
    expect(kernel).toMatchObject({ release: first, chosenBy: 'the option --kernel' });
    expect(kernel.buildDirectory).toBe(path.join(modulesFolder, first, 'build'));
    expect(kernel.symversPath).toBe(path.join(modulesFolder, first, 'build/Module.symvers'));
  });

  test('the configuration before the modules', async () => {
    const modulesFolder = await installHeaders([first, second]);
    const question = { configured: first, modules: [await moduleFor(first)], modulesFolder, running: second };
    expect(await resolveKernel(question)).toMatchObject({ release: first, chosenBy: 'kernel in the configuration' });
  });

  test('the modules before the running kernel', async () => {
    const modulesFolder = await installHeaders([first, second]);
    const question = { modules: [await moduleFor(first)], modulesFolder, running: second };
    expect(await resolveKernel(question)).toMatchObject({ release: first, chosenBy: 'the vermagic of target.ko' });
  });

  test('a build tree that is given says its own release', async () => {
    const modulesFolder = await installHeaders([first, second]);
    const buildDirectory = path.join(modulesFolder, first, 'build');
    const kernel = await resolveKernel({ buildDirectory, modules: [], modulesFolder, running: second });
    expect(kernel).toMatchObject({ release: first, buildDirectory, chosenBy: `the build tree ${buildDirectory}` });
  });

  test('the running kernel before the only one installed', async () => {
    const modulesFolder = await installHeaders([first, second]);
    const kernel = await resolveKernel({ modules: [], modulesFolder, running: second });
    expect(kernel).toMatchObject({ release: second, chosenBy: 'the running kernel' });
  });

  test('the only one installed', async () => {
    const modulesFolder = await installHeaders([first]);
    const kernel = await resolveKernel({ modules: [], modulesFolder, running: elsewhere });
    expect(kernel).toMatchObject({ release: first, chosenBy: 'the only kernel headers installed' });
  });

  test('several and none chosen: all are listed', async () => {
    const modulesFolder = await installHeaders([second, first]);
    const resolving = resolveKernel({ modules: [], modulesFolder, running: elsewhere });
    await expect(resolving).rejects.toMatchObject({
      diagnostics: [{ code: 'kernel-ambiguous', details: [first, second] }],
    });
  });
});

describe('what the headers must be', () => {
  test('the architecture and the compiler come from the configuration', async () => {
    const modulesFolder = await installHeaders([first]);
    const kernel = await resolveKernel({ modules: [], modulesFolder, running: first });
    expect(kernel.architecture).toEqual({ name: 'x86_64', machine: 62 });
    expect(kernel.compiler).toEqual({ program: 'gcc-12', versionText: 'gcc-12 (Debian 12.2.0-14) 12.2.0' });
  });

  test('Debian says the release of its modules in utsrelease.h only', async () => {
    const modulesFolder = await installHeaders([first], { ownRelease: '6.1.55' });
    const resolving = resolveKernel({ modules: [], modulesFolder, running: first });
    await expect(resolving).rejects.toThrow(/belongs to kernel 6\.1\.55, not to 6\.1\.0-13-amd64/);
  });

  test.each([
    ['a release that is not installed', elsewhere],
    ['a release that is a path', '../../etc'],
    ['a release that is hidden', '..'],
  ])('%s', async (_, requested) => {
    const modulesFolder = await installHeaders([first]);
    const resolving = resolveKernel({ requested, modules: [], modulesFolder, running: first });
    await expect(resolving).rejects.toMatchObject({
      diagnostics: [{ code: 'kernel-headers-missing', exitStatus: 2, details: [`installed: ${first}`] }],
    });
  });

  test('a release that leads to a folder further down', async () => {
    const modulesFolder = await installHeaders([first, 'old/6.0']);
    const resolving = resolveKernel({ requested: 'old/6.0', modules: [], modulesFolder });
    await expect(resolving).rejects.toThrow('kernel-headers-missing');
  });

  test('the missing files are named', async () => {
    const modulesFolder = await installHeaders([first], { without: ['Module.symvers', 'scripts/mod/modpost'] });
    const resolving = resolveKernel({ requested: first, modules: [], modulesFolder });
    await expect(resolving).rejects.toMatchObject({
      diagnostics: [
        { code: 'kernel-headers-incomplete', details: ['missing: Module.symvers', 'missing: scripts/mod/modpost'] },
      ],
    });
  });

  test.each([
    ['CONFIG_OBJTOOL=y', 'tools/objtool/objtool'],
    ['CONFIG_STACK_VALIDATION=y', 'tools/objtool/objtool'],
    ['CONFIG_MODVERSIONS=y', 'scripts/genksyms/genksyms'],
    ['CONFIG_MODVERSIONS=y\nCONFIG_GENDWARFKSYMS=y', 'scripts/gendwarfksyms/gendwarfksyms'],
    ['CONFIG_FTRACE_MCOUNT_USE_RECORDMCOUNT=y', 'scripts/recordmcount'],
    ['CONFIG_GCC_PLUGIN_LATENT_ENTROPY=y', 'scripts/gcc-plugins/latent_entropy_plugin.so'],
  ])('%s needs %s', async (options, file) => {
    const config = `${livepatchConfig}${options}\n`;
    const modulesFolder = await installHeaders([first], { config });
    const question = { requested: first, modules: [], modulesFolder };
    await expect(resolveKernel(question)).rejects.toMatchObject({ diagnostics: [{ details: [`missing: ${file}`] }] });
    const whole = await installHeaders([first], { config, files: { [file]: '' } });
    expect(await resolveKernel({ ...question, modulesFolder: whole })).toMatchObject({ release: first });
  });

  test('what links of the headers lead to names the package that is missing', async () => {
    const modulesFolder = await installHeaders([first], {
      without: ['scripts/mod/modpost', 'scripts/basic/fixdep', 'Makefile'],
    });
    const build = path.join(modulesFolder, first, 'build');
    await rm(path.join(build, 'scripts'), { recursive: true, force: true });
    await symlink('../../lib/linux-kbuild-6.1/scripts', path.join(build, 'scripts'));
    const shared = path.join(modulesFolder, 'linux-headers-6.1.0-13-common/Makefile');
    await writeFile(path.join(build, 'Makefile'), `include ${shared}\n`);
    await expect(resolveKernel({ requested: first, modules: [], modulesFolder })).rejects.toMatchObject({
      diagnostics: [
        {
          code: 'kernel-headers-incomplete',
          details: [
            'missing: scripts/basic/fixdep, of the package linux-kbuild-6.1',
            'missing: scripts/mod/modpost, of the package linux-kbuild-6.1',
            `missing: ${shared}, of the package linux-headers-6.1.0-13-common`,
          ],
        },
      ],
    });
  });

  test.each([
    ['CONFIG_KALLSYMS_ALL=y', '', 'CONFIG_KALLSYMS_ALL is not set'],
    ['CONFIG_DYNAMIC_FTRACE_WITH_REGS=y', '', 'neither CONFIG_DYNAMIC_FTRACE_WITH_REGS nor'],
    ['CONFIG_SYSFS=y', 'CONFIG_SYSFS=y\nCONFIG_TRIM_UNUSED_KSYMS=y', 'CONFIG_TRIM_UNUSED_KSYMS is set'],
    ['CONFIG_SYSFS=y', 'CONFIG_SYSFS=y\n# CONFIG_LIVEPATCH_PER_TASK_CONSISTENCY is not set', 'PER_TASK_CONSISTENCY'],
  ])('what livepatching needs beside its own option: %s becomes "%s"', async (option, instead, expected) => {
    const config = livepatchConfig.replace(option, instead);
    const modulesFolder = await installHeaders([first], { config });
    await expect(resolveKernel({ requested: first, modules: [], modulesFolder })).rejects.toMatchObject({
      diagnostics: [{ code: 'kernel-no-livepatch', details: [expect.stringContaining(expected)] }],
    });
  });

  test('ftrace may give arguments only, as on arm64', async () => {
    const config = livepatchConfig.replace('WITH_REGS', 'WITH_ARGS');
    const modulesFolder = await installHeaders([first], { config });
    expect(await resolveKernel({ requested: first, modules: [], modulesFolder })).toMatchObject({ release: first });
  });

  test('a livepatch interface with atomic replacement is fine', async () => {
    const files = { 'include/linux/livepatch.h': 'struct klp_patch {\n\tbool replace;\n};\n' };
    const modulesFolder = await installHeaders([first], { files });
    expect(await resolveKernel({ requested: first, modules: [], modulesFolder })).toMatchObject({ release: first });
  });

  test('no livepatching', async () => {
    const modulesFolder = await installHeaders([first], { config: livepatchConfig.replace('CONFIG_LIVEPATCH=y', '') });
    await expect(resolveKernel({ requested: first, modules: [], modulesFolder })).rejects.toThrow(
      'kernel-no-livepatch',
    );
  });

  test('an architecture that does not livepatch', async () => {
    const modulesFolder = await installHeaders([first], { config: `${livepatchOptions}CONFIG_ARM=y\n` });
    await expect(resolveKernel({ requested: first, modules: [], modulesFolder })).rejects.toThrow(
      'kernel-architecture-unknown',
    );
  });
});

describe('what the modules must be', () => {
  test('of one kernel', async () => {
    const modulesFolder = await installHeaders([first, second]);
    const modules = [await moduleFor(first), await moduleFor(second)];
    await expect(resolveKernel({ modules, modulesFolder })).rejects.toThrow('kernel-modules-disagree');
  });

  test('of the chosen kernel', async () => {
    const modulesFolder = await installHeaders([first, second]);
    const modules = [await moduleFor(second)];
    await expect(resolveKernel({ requested: first, modules, modulesFolder })).rejects.toThrow('module-other-kernel');
  });

  test('for its CPU', async () => {
    const modulesFolder = await installHeaders([first]);
    const modules = [await moduleFor(first, 183)];
    await expect(resolveKernel({ modules, modulesFolder })).rejects.toThrow(
      /is a module for aarch64, but kernel 6\.1\.0-13-amd64 is for x86_64/,
    );
  });
});
