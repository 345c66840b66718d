/** kptool doctor on made-up machines: a folder of programs as PATH, one of kernels, one of sources, and /sys. */
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type DoctorOptions, examineMachine } from '../../../src/pipeline/doctor.js';
import type { Fact } from '../../../src/pipeline/facts.js';
import type { Family } from '../../../src/system/distribution.js';
import { type HeadersParts, installHeaders, livepatchConfig, temporaryFolder } from '../kernel/target.js';

// What another file of this process has imported knows the real distribution.
const machine = vi.hoisted(() => {
  vi.resetModules();
  return { family: 'debian' as Family | undefined };
});
vi.mock('../../../src/system/distribution.js', () => ({
  thisDistribution: () => ({ name: 'Debian GNU/Linux 12 (bookworm)', family: machine.family }),
}));

const release = '6.1.0-13-amd64';
const second = '6.1.0-18-amd64';
const builtWith = 'gcc-12 (Debian 12.2.0-14) 12.2.0';

let root = '';
let programs = '';

beforeEach(async () => {
  machine.family = 'debian';
  root = await temporaryFolder();
  programs = path.join(root, 'bin');
  await mkdir(programs);
  for (const name of ['make', 'patch', 'ld', 'as', 'nm', 'awk']) await program(name, `GNU ${name} 4.3`);
  await program('gcc-12', builtWith);
  vi.stubEnv('PATH', programs);
});

afterEach(() => vi.unstubAllEnvs());
afterAll(() => {
  vi.doUnmock('../../../src/system/distribution.js');
  vi.resetModules();
});

async function program(name: string, says: string): Promise<void> {
  await writeFile(path.join(programs, name), `#!/bin/sh\necho '${says}'\n`);
  await chmod(path.join(programs, name), 0o755);
}

interface Scene extends Partial<DoctorOptions> {
  readonly releases?: readonly string[];
  readonly parts?: HeadersParts;
  readonly running?: string;
}

async function examine({ releases = [release], parts = {}, running = '5.10.0', ...options }: Scene = {}) {
  const modulesFolder = await installHeaders(releases, parts);
  const places = { root, modulesFolder, sourceFolder: path.join(root, 'src'), running };
  const report = await examineMachine({ makeArguments: [], cache: path.join(root, 'cache'), places, ...options });
  const facts = (of: readonly Fact[] = []) => Object.fromEntries(of.map((fact) => [fact.subject, fact]));
  return { ...report, modulesFolder, facts: facts(report.machine), ofKernel: facts(report.kernels[0]?.facts) };
}

describe('a machine that has everything', () => {
  test('is ready, with versions and places', async () => {
    const { isReady, chosen, facts, ofKernel, modulesFolder } = await examine();
    expect(isReady).toBe(true);
    expect(chosen).toEqual({ release, chosenBy: 'the only kernel headers installed' });
    expect(facts.make).toEqual({ subject: 'make', state: 'found', text: `4.3, ${programs}/make` });
    expect(facts['work folders']?.text).toMatch(/^.*cache\/work, \d+\.\d GB free$/);
    expect(ofKernel.headers?.text).toBe(path.join(modulesFolder, release, 'build'));
    expect(ofKernel.compiler).toEqual({
      subject: 'compiler',
      state: 'found',
      text: `${builtWith}, ${programs}/gcc-12`,
    });
    expect(ofKernel.livepatching).toMatchObject({ state: 'found', text: expect.stringContaining('reliable stack') });
    expect(ofKernel.IBT?.text).toBe('no');
  });

  test('a program that does not know --version is found all the same', async () => {
    await writeFile(path.join(programs, 'awk'), '#!/bin/sh\nexit 2\n');
    expect((await examine()).facts.awk).toMatchObject({ state: 'found', text: `${programs}/awk` });
  });

  test('IBT is told, and where the list of closed functions is', async () => {
    const parts = { config: `${livepatchConfig}CONFIG_X86_KERNEL_IBT=y\n` };
    const without = await examine({ parts });
    expect(without.ofKernel.IBT).toMatchObject({
      state: 'note',
      text: expect.stringContaining('neither its boot image'),
    });
    expect(without.ofKernel.IBT?.text).toContain('CONFIG_X86_KERNEL_IBT');
    expect(without.isReady).toBe(true);
    await mkdir(path.join(root, 'boot'));
    const image = path.join(root, `boot/vmlinuz-${release}`);
    await writeFile(image, '');
    const { ofKernel } = await examine({ parts });
    expect(ofKernel.IBT).toMatchObject({ state: 'found', text: expect.stringContaining(`; ${image} lists`) });
  });

  test.each(['linux-source-6.1.tar.xz', 'linux-source-6.1.0/linux-source-6.1.0.tar.bz2', 'linux-6.1.0-13'])(
    'the source package %s is found',
    async (name) => {
      await mkdir(path.join(root, 'src', path.dirname(name)), { recursive: true });
      await writeFile(path.join(root, 'src', name), '');
      expect((await examine()).ofKernel['source package']).toMatchObject({
        state: 'found',
        text: path.join(root, 'src', name),
      });
    },
  );

  test.each(['linux-source-6.12.tar.xz', 'linux-headers-6.1.0-13-amd64', 'linux-source-6.1'])(
    '%s is not the source package, and needs not be there',
    async (name) => {
      await mkdir(path.join(root, 'src'));
      await writeFile(path.join(root, 'src', name), '');
      const { isReady, ofKernel } = await examine();
      expect(ofKernel['source package']).toMatchObject({
        state: 'absent',
        install: 'apt-get install linux-source-6.1',
      });
      expect(isReady).toBe(true);
    },
  );
});

describe('what is missing', () => {
  test.each<[Family | undefined, string | undefined, string[]]>([
    ['debian', 'apt-get install binutils', ['apt-get install make binutils gcc-12=12.2.0-14']],
    ['fedora', 'dnf install binutils', ['dnf install make binutils gcc-12.2.0']],
    ['suse', 'zypper install binutils', ['zypper install make binutils gcc12']],
    ['arch', 'pacman -S binutils', ['pacman -S make binutils']],
    [undefined, undefined, []],
  ])('with what %s installs it by', async (family, ld, all) => {
    machine.family = family;
    for (const name of ['make', 'ld', 'nm']) await rm(path.join(programs, name));
    await program('gcc-12', 'gcc-12 (Debian 12.3.0-1) 12.3.0');
    const { isReady, facts, ofKernel, install } = await examine();
    expect(isReady).toBe(false);
    expect(facts.ld).toMatchObject({ state: 'missing', install: ld, advice: 'install ld, or add its folder to PATH' });
    expect(facts.patch).toMatchObject({ state: 'found' });
    expect(ofKernel.compiler).toMatchObject({ state: 'missing', text: expect.stringContaining(builtWith) });
    expect(install).toEqual(all);
  });

  test('with an empty PATH', async () => {
    vi.stubEnv('PATH', '');
    const { isReady, install } = await examine();
    expect(isReady).toBe(false);
    expect(install).toEqual(['apt-get install make patch binutils gawk gcc-12']);
  });

  test('what unpacks the modules of the kernel', async () => {
    const modulesFolder = await installHeaders([release]);
    await writeFile(path.join(modulesFolder, release, 'modules.dep'), 'kernel/a.ko.xz: kernel/b.ko.xz\n');
    const { kernels } = await examineMachine({
      ...{ makeArguments: [], cache: root },
      places: { root, modulesFolder, running: release },
    });
    const packed = kernels[0]?.facts.filter(({ subject }) => ['xz', 'zstd'].includes(subject));
    expect(packed).toMatchObject([{ subject: 'xz', state: 'missing', install: 'apt-get install xz-utils' }]);
  });

  test('a file of the headers', async () => {
    const { ofKernel, install } = await examine({ parts: { without: ['Module.symvers'] } });
    expect(ofKernel.headers).toMatchObject({
      state: 'missing',
      text: expect.stringMatching(/is incomplete; missing: Module\.symvers$/),
    });
    expect(install).toEqual([`apt-get install --reinstall linux-headers-${release}`]);
  });

  test('livepatching in the kernel', async () => {
    const config = livepatchConfig.replace('CONFIG_LIVEPATCH=y', '');
    const { isReady, ofKernel } = await examine({ parts: { config } });
    expect(ofKernel.livepatching).toMatchObject({
      state: 'missing',
      text: expect.stringContaining('CONFIG_LIVEPATCH'),
    });
    expect(isReady).toBe(false);
  });

  test('a folder to work in', async () => {
    const { isReady, facts } = await examine({ cache: '/dev/null/cache' });
    expect(facts['work folders']).toMatchObject({
      state: 'missing',
      text: expect.stringContaining('in /dev/null/cache/work: a part of the path is not a folder'),
    });
    expect(isReady).toBe(false);
  });
});

test('an objtool that gets whole modules only is in the way', async () => {
  const config = `${livepatchConfig}CONFIG_X86_KERNEL_IBT=y\n`;
  const withMakefile = (text: string) => examine({ parts: { config, files: { 'scripts/Makefile.lib': text } } });
  const lacking = await withMakefile('# knows no such variable\n');
  expect(lacking.ofKernel.objtool).toMatchObject({
    state: 'missing',
    text: expect.stringContaining('whole modules only'),
  });
  expect(lacking.isReady).toBe(false);
  expect((await withMakefile('delay-objtool := $(CONFIG_X86_KERNEL_IBT)\n')).isReady).toBe(true);
});

describe('which kernel', () => {
  test('none at all', async () => {
    const { isReady, chosen, facts, kernels, install } = await examine({ releases: [], running: release });
    expect({ isReady, chosen, kernels }).toEqual({ isReady: false, chosen: undefined, kernels: [] });
    expect(facts.kernel).toMatchObject({ state: 'missing' });
    expect(install).toEqual([`apt-get install linux-headers-${release}`]);
  });

  test('of several one is enough, as long as none is chosen', async () => {
    const modulesFolder = await installHeaders([release, second]);
    await rm(path.join(modulesFolder, second, 'build/Module.symvers'));
    const places = { root, modulesFolder, running: '5.10.0' };
    const options = { makeArguments: [], cache: root, places };
    const open = await examineMachine(options);
    expect(open).toMatchObject({ isReady: true, chosen: undefined, install: [] });
    expect(open.kernels.map((kernel) => [kernel.release, kernel.isReady])).toEqual([
      [release, true],
      [second, false],
    ]);
    expect(open.machine).toContainEqual(expect.objectContaining({ subject: 'kernel', state: 'note' }));
    const chosen = await examineMachine({ ...options, kernel: second });
    expect(chosen).toMatchObject({ isReady: false, chosen: { release: second, chosenBy: 'the option --kernel' } });
    expect(chosen.kernels.map((kernel) => kernel.release)).toEqual([second, release]);
  });

  test('of several that all lack something, what each needs is told', async () => {
    const { isReady, install } = await examine({ releases: [release, second], parts: { without: ['.config'] } });
    expect(isReady).toBe(false);
    expect(install).toEqual([
      `apt-get install --reinstall linux-headers-${release}`,
      `apt-get install --reinstall linux-headers-${second}`,
    ]);
  });

  test('the one that is named, installed or not', async () => {
    const { isReady, kernels, install } = await examine({ configuredKernel: '6.6.1-1-amd64' });
    expect(isReady).toBe(false);
    expect(kernels.map((kernel) => [kernel.release, kernel.isReady])).toEqual([
      ['6.6.1-1-amd64', false],
      [release, true],
    ]);
    expect(install).toEqual(['apt-get install linux-headers-6.6.1-1-amd64']);
  });
});

describe('whether the running kernel takes modules that nobody signed', () => {
  const write = async (file: string, content: string | Uint8Array) => {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), content);
  };
  const secureBoot = 'sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

  test('it says nothing', async () => {
    expect((await examine()).facts.loading).toMatchObject({
      state: 'found',
      text: 'the running kernel shows no livepatching',
    });
  });

  test('it does, though Secure Boot is on', async () => {
    await mkdir(path.join(root, 'sys/kernel/livepatch'), { recursive: true });
    await write('sys/kernel/security/lockdown', '[none] integrity confidentiality\n');
    await write('sys/module/module/parameters/sig_enforce', 'N\n');
    await write(secureBoot, Uint8Array.of(6, 0, 0, 0, 1));
    expect((await examine()).facts.loading).toMatchObject({
      state: 'found',
      text: 'the running kernel has livepatching, has no module.sig_enforce, lockdown is none, Secure Boot is on',
    });
  });

  test.each([
    ['sys/kernel/security/lockdown', 'none [integrity] confidentiality\n', 'lockdown is integrity'],
    ['sys/module/module/parameters/sig_enforce', 'Y\n', 'has module.sig_enforce'],
  ])('it does not: %s', async (file, content, text) => {
    await write(file, content);
    const { isReady, facts } = await examine();
    expect(facts.loading).toMatchObject({ state: 'note', text: expect.stringContaining(text) });
    expect(facts.loading?.advice).toContain('sign');
    expect(isReady).toBe(true);
  });
});
