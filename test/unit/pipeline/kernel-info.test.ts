/** kptool kernel info of made-up kernels: folders in the place of /lib/modules, /usr/src and /boot. */
import { access, mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { keyOf } from '../../../src/kbuild/kernel-places.js';
import { entrySizesFile } from '../../../src/kernel/entry-sizes.js';
import { resolveKernel } from '../../../src/kernel/resolve.js';
import { readKernelSymbols } from '../../../src/kernel/vmlinux-symbols.js';
import { describeKernel, type KernelInfoOptions } from '../../../src/pipeline/kernel-info.js';
import { bootImage, kernelElf, packed } from '../../builders/boot-image.js';
import { kallsymsRodata } from '../../builders/kallsyms.js';
import { fakeCompiler, type HeadersParts, installHeaders, livepatchConfig, temporaryFolder } from '../kernel/target.js';

// What another file of this process has imported knows the real distribution.
vi.hoisted(() => vi.resetModules());
vi.mock('../../../src/system/distribution.js', () => ({
  thisDistribution: () => ({ name: 'Debian GNU/Linux 12 (bookworm)', family: 'debian' }),
}));

afterAll(() => {
  vi.doUnmock('../../../src/system/distribution.js');
  vi.resetModules();
});

const release = '6.1.0-13-amd64';
const builtWith = 'gcc-12 (Debian 12.2.0-14) 12.2.0';
const makefile = (sublevel: number) => `VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = ${sublevel}\n`;
const symvers = [
  '0x00000001\tkmalloc\tvmlinux\tEXPORT_SYMBOL\t',
  '0x00000002\tib_register\tdrivers/infiniband/core/ib_core\tEXPORT_SYMBOL_GPL\t',
];
const headers: HeadersParts = { files: { Makefile: makefile(55), 'Module.symvers': `${symvers.join('\n')}\n` } };

let root = '';
let cache = '';
let compiler = '';

beforeEach(async () => {
  root = await temporaryFolder();
  cache = path.join(root, 'cache');
  compiler = await fakeCompiler(builtWith);
  vi.stubEnv('PATH', `${path.dirname(compiler)}:/usr/bin:/bin`);
  return () => vi.unstubAllEnvs();
});

async function write(file: string, content: string | Uint8Array = ''): Promise<string> {
  const place = path.join(root, file);
  await mkdir(path.dirname(place), { recursive: true });
  await writeFile(place, content);
  return place;
}

async function describeIt({ parts = headers, ...options }: Partial<KernelInfoOptions> & { parts?: HeadersParts } = {}) {
  const modulesFolder = await installHeaders([release], parts);
  const places = { root, modulesFolder, sourceFolder: path.join(root, 'src'), running: '5.10.0' };
  const info = await describeKernel({ makeArguments: [], cache, places, ...options });
  const build = path.join(modulesFolder, release, 'build');
  return { ...info, build, modulesFolder, facts: Object.fromEntries(info.facts.map((fact) => [fact.subject, fact])) };
}

const kernelSource = ['Kbuild', 'Kconfig', 'scripts/Makefile.build', 'init/main.c'];

async function writeSource(name: string, sublevel: number): Promise<string> {
  for (const file of kernelSource) await write(`${name}/${file}`);
  await write(`${name}/Makefile`, makefile(sublevel));
  return path.join(root, name);
}

test('each fact says where it comes from', async () => {
  const { isKnown, chosen, facts, build } = await describeIt();
  expect({ isKnown, chosen }).toEqual({
    isKnown: true,
    chosen: { release, chosenBy: 'the only kernel headers installed' },
  });
  const config = path.join(build, '.config');
  expect(facts.release).toMatchObject({ text: release, from: 'the only kernel headers installed' });
  expect(facts.headers).toMatchObject({ text: build, from: build });
  expect(facts.version).toMatchObject({ text: '6.1.55', from: path.join(build, 'Makefile') });
  expect(facts['built with']).toMatchObject({ text: builtWith, from: config });
  expect(facts.compiler).toMatchObject({ state: 'found', text: `${builtWith}, ${compiler}` });
  expect(facts.livepatching).toMatchObject({ state: 'found', from: config });
  expect(facts.exports).toMatchObject({
    text: '2 symbols, 1 of them vmlinux’s',
    from: path.join(build, 'Module.symvers'),
  });
});

test('options are told with their values', async () => {
  const options = ['CALL_PADDING=y', 'FUNCTION_PADDING_BYTES=16', 'UNWINDER_ORC=y', 'MODVERSIONS=y'];
  const config = `${livepatchConfig}${options.map((option) => `CONFIG_${option}\n`).join('')}# CONFIG_MODULE_SIG is not set\n`;
  const { facts, build } = await describeIt({ parts: { config, files: { 'scripts/genksyms/genksyms': '' } } });
  expect(facts['call padding']).toEqual({
    ...{ subject: 'call padding', state: 'found', from: path.join(build, '.config') },
    text: 'CONFIG_CALL_PADDING, CONFIG_FUNCTION_PADDING_BYTES=16',
  });
  expect(facts['stack traces']?.text).toBe('CONFIG_HAVE_RELIABLE_STACKTRACE, CONFIG_UNWINDER_ORC');
  expect(facts.ftrace?.text).toBe('CONFIG_DYNAMIC_FTRACE_WITH_REGS');
  expect(facts.modversions?.text).toBe('CONFIG_MODVERSIONS');
  expect([facts['module signing']?.text, facts.BTF?.text]).toEqual(['no', 'no']);
});

describe('symbols', () => {
  const symbols = [
    { address: 0n, letter: 'T', name: '_text' },
    { address: 16n, letter: 't', name: 'meminfo_proc_show' },
  ];

  test('of a boot image are counted once a build has read them, which this does not', async () => {
    const image = await write(
      `boot/vmlinuz-${release}`,
      bootImage(packed(kernelElf(kallsymsRodata(symbols, 0n, '6.1')))),
    );
    const before = await describeIt();
    expect(before.facts.symbols).toMatchObject({ state: 'found', from: image });
    expect(before.facts.symbols?.text).toContain('not unpacked yet');
    await expect(access(cache)).rejects.toThrow('ENOENT');
    await readKernelSymbols({ release, root, cache, buildDirectory: before.build });
    const kept = await readdir(cache);
    expect((await describeIt()).facts.symbols?.text).toBe('kallsyms of the boot image, 2 symbols');
    expect(await readdir(cache)).toEqual(kept);
  });

  test('of a System.map that is named', async () => {
    const vmlinux = await write('map', 'ffffffff81000010 t some_function\n'.repeat(200));
    const { facts } = await describeIt({ vmlinux });
    expect(facts.symbols).toMatchObject({ state: 'found', text: 'System.map, 200 symbols', from: vmlinux });
  });

  test('that are nowhere are not needed by all builds, unless a file is named', async () => {
    expect((await describeIt()).facts.symbols).toMatchObject({
      state: 'absent',
      advice: expect.stringContaining(`apt-get install linux-image-${release}`),
    });
    const vmlinux = await write('map', `ffffffff81000010 B placeholder\n`);
    expect((await describeIt({ vmlinux })).facts.symbols?.state).toBe('missing');
  });
});

describe('the source', () => {
  test('is not there', async () => {
    expect((await describeIt()).facts.source).toMatchObject({
      state: 'absent',
      install: 'apt-get install linux-source-6.1',
    });
  });

  test('is a folder of the same version, or of another', async () => {
    const same = await writeSource('same', 55);
    const { facts } = await describeIt({ kernelSource: { folder: same } });
    expect(facts.source).toMatchObject({ state: 'found', text: `${same}, 6.1.55`, from: '--sourcedir' });
    const other = await writeSource('other', 54);
    const differing = await describeIt({ kernelSource: { folder: other } });
    expect(differing.facts.source).toMatchObject({ state: 'note', text: expect.stringContaining('6.1.54') });
    expect(differing.isKnown).toBe(true);
    const none = await describeIt({ kernelSource: { folder: root } });
    expect(none.facts.source).toMatchObject({
      state: 'missing',
      text: expect.stringContaining('no source of a kernel'),
    });
  });

  test('is a package, whose version the prepared copy tells', async () => {
    const archive = await write('src/linux-source-6.1.tar.xz', 'packed');
    const { facts, modulesFolder, build } = await describeIt();
    expect(facts.source).toMatchObject({ state: 'found', from: 'the package linux-source-6.1' });
    expect(facts.source?.text).toContain('its version is not known');
    expect(facts['prepared source']?.state).toBe('absent');

    const kernel = await resolveKernel({ requested: release, modules: [], modulesFolder });
    const identity = {
      source: { kind: 'archive', path: archive, chosenBy: '' } as const,
      compiler: { command: ['gcc-12'], versionText: builtWith },
      ...{ kernel, makeArguments: [] },
    };
    const folder = `cache/kernels/${await keyOf(identity)}`;
    await write(`${folder}/tree/Makefile`, makefile(55));
    const places = { root, modulesFolder, sourceFolder: path.join(root, 'src'), running: '5.10.0' };
    const again = async () => {
      const info = await describeKernel({ makeArguments: [], cache, places });
      return Object.fromEntries(info.facts.map((fact) => [fact.subject, fact]));
    };
    // Preparing it has not come to its end.
    expect((await again())['prepared source']?.state).toBe('absent');
    await write(`${folder}/ready.json`, '1');
    const kept = await again();
    expect(kept['prepared source']).toMatchObject({ state: 'found', from: path.join(root, folder, 'tree') });
    expect(kept.source?.text).toBe(`${archive}, 6.1.55`);
    // Another configuration is another kernel.
    await writeFile(path.join(build, '.config'), `${livepatchConfig}CONFIG_X=y\n`);
    expect((await again())['prepared source']?.state).toBe('absent');
  });
});

describe('what is missing', () => {
  test('a compiler, which leaves the kernel known', async () => {
    vi.stubEnv('PATH', '');
    const { isKnown, facts } = await describeIt();
    expect(isKnown).toBe(true);
    expect(facts.compiler).toMatchObject({ state: 'missing', install: 'apt-get install gcc-12' });
    expect(facts['entry sizes']?.text).toBe('not known before the compiler is');
  });

  test('headers, without which nothing is known', async () => {
    const { isKnown, facts, modulesFolder } = await describeIt({ kernel: '6.6.1-1-amd64' });
    expect(isKnown).toBe(false);
    expect(Object.keys(facts)).toEqual(['release', 'headers']);
    expect(facts.headers).toMatchObject({
      ...{ state: 'missing', install: 'apt-get install linux-headers-6.6.1-1-amd64' },
      from: path.join(modulesFolder, '6.6.1-1-amd64/build'),
    });
  });

  test('a choice', async () => {
    const modulesFolder = await installHeaders([release, '6.1.0-18-amd64']);
    const places = { root, modulesFolder, running: '5.10.0' };
    await expect(describeKernel({ makeArguments: [], cache, places })).rejects.toThrow('kernel-ambiguous');
  });
});

test('entry sizes are told where an earlier build has asked for them', async () => {
  const modulesFolder = await installHeaders([release], headers);
  const kernel = await resolveKernel({ requested: release, modules: [], modulesFolder });
  const places = { root, modulesFolder, running: '5.10.0' };
  const sizes = async () => {
    const { facts } = await describeKernel({ makeArguments: [], cache, places });
    return facts.find(({ subject }) => subject === 'entry sizes');
  };
  expect((await sizes())?.text).toBe('not in the cache; the first build asks the compiler');
  const question = { kernel, cache, compiler: { command: ['gcc-12'], versionText: builtWith } };
  await write(path.relative(root, await entrySizesFile(question)), '{"ALT_STRUCT_SIZE":14,"ORC_STRUCT_SIZE":6}');
  expect(await sizes()).toMatchObject({ state: 'found', text: 'ALT 14, ORC 6' });
});
