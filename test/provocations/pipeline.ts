/** Targets and environments that provoke the findings of `pipeline`. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { pipelineMessages } from '../../src/diagnostics/pipeline-messages.js';
import { STB, STT } from '../../src/elf/constants.js';
import { parseKernelConfig } from '../../src/kernel/config.js';
import { readModuleFile } from '../../src/kernel/module-file.js';
import { sealsOfInstalledKernel } from '../../src/kernel/sealed-functions.js';
import type { BuildStep } from '../../src/pipeline/build-steps.js';
import { type BundleScene, leaveBundle } from '../../src/pipeline/bundle/write-bundle.js';
import { createDiffObject } from '../../src/pipeline/create-diff-object.js';
import { readExtraSymvers } from '../../src/pipeline/known-exports.js';
import { reproduce } from '../../src/pipeline/reproduce.js';
import { openWork } from '../../src/pipeline/resume.js';
import { findSealedAddresses } from '../../src/pipeline/sealed-addresses.js';
import { StepRunner } from '../../src/pipeline/step-stamps.js';
import { TargetModules, unseenWarnings, unusedWarnings } from '../../src/pipeline/target-modules.js';
import { packArchive } from '../../src/system/tar-archive.js';
import { createWorkFolder } from '../../src/system/work-folder.js';
import { emptyManifest } from '../builders/bundle.js';
import { CALL, diffOfScene, R_32S, Scene, sectionOf } from '../builders/diff-scene.js';
import { kernelThatSeals } from '../unit/kernel/boot-images.js';
import { moduleFile, temporaryFolder, vermagicOf } from '../unit/kernel/target.js';
import type { Provocations } from './provocation.js';

const release = '6.1.0-13-no-such-kernel';

const nowhere = () => new TargetModules({ given: [], inTree: [], release, kernelModules: new Set() });

/** The module as just built from the unpatched source, which is found in no other place. */
async function justBuilt() {
  const modules = nowhere();
  modules.addBuilt([await readModuleFile(await moduleFile({ information: ['name=ib_mad', vermagicOf(release)] }))]);
  return unseenWarnings(await modules.closure(['ib_mad']));
}

/** The user gives ib_cm, and the patch changes ib_mad. */
async function withAnotherGiven() {
  const file = async (name: string) =>
    readModuleFile(await moduleFile({ information: [`name=${name}`, vermagicOf(release)] }));
  const given = [await file('ib_cm')];
  const modules = new TargetModules({ given, inTree: [await file('ib_mad')], release, kernelModules: new Set() });
  return unusedWarnings(given, await modules.closure(['ib_mad']), ['ib_mad']);
}

async function withSize(value: string) {
  const folder = await temporaryFolder();
  const file = path.join(folder, 'empty');
  await writeFile(file, '');
  return createDiffObject({
    original: file,
    patched: file,
    parentName: 'ib_mad',
    parentSymbols: file,
    symvers: file,
    output: path.join(folder, 'output.o'),
    environment: { BUG_STRUCT_SIZE: value },
  });
}

const invocation = { version: '0.1.0', words: ['build', 'fix.patch'], workingDirectory: '/' };

const noOptions = {
  ...{ oot: '/src', output: '/src', cache: '/dev/null', rules: new Map() },
  ...{ patches: [], modules: [], extraSymvers: [] },
};

const places = {
  ...{ tree: '/src/ib_mad', buildDirectory: '/usr/src/linux', release, environment: '' },
  ...{ steps: [], chosenBy: 'nobody', makeArguments: [] },
};

async function noSuchFile() {
  const tree = await temporaryFolder();
  return readExtraSymvers([path.join(tree, 'Module.symvers')], { ...places, tree }, []);
}

/** Two trees that export one symbol. */
async function twoExporters() {
  const folder = await temporaryFolder();
  const files = ['first', 'second'].map((name) => path.join(folder, name));
  for (const file of files) await writeFile(file, `0x00000001\tmad_key\t${file}\tEXPORT_SYMBOL\t\n`);
  return (await readExtraSymvers(files, { ...places, tree: folder }, [])).warnings;
}

/** A build that goes on behind the step `original`, which an earlier one has done with other inputs, or not at all. */
async function resumed(before: string | undefined) {
  const work = await createWorkFolder(await temporaryFolder(), 'livepatch-fix');
  const step = (compiler: string) => ({
    step: 'original' as const,
    inputs: async () => ({ 'the compiler': compiler }),
    work: async () => undefined,
  });
  if (before !== undefined) await new StepRunner(work).run(step(before));
  return new StepRunner(work, 'patched').run(step('gcc-12'));
}

async function resumedFromNothing() {
  const cache = await temporaryFolder();
  const progress = { note: () => {}, warn: () => {}, step: () => Promise.reject(new Error('no step is expected')) };
  return openWork({ cache, from: 'diff' }, { name: 'livepatch-fix', tree: cache }, progress);
}

/** A bundle whose manifest says `manifest` over what a sound one would. */
async function bundleWith(manifest: object, step?: BuildStep) {
  const file = path.join(await temporaryFolder(), 'kptool-failure.tar.gz');
  const text = JSON.stringify({ ...emptyManifest, ...manifest });
  await writeFile(file, await packArchive(new Map([['manifest.json', Buffer.from(text)]])));
  return reproduce({ bundle: file, step, cache: '/', workingDirectory: '/' });
}

/** A build that fails where neither the folder for bundles nor its own can be written. */
async function bundleNowhere() {
  const scene = {
    options: { ...noOptions, bundle: '/dev/null/bundles', invocation },
    target: {
      tree: '/src',
      place: '/src',
      kernel: { release, chosenBy: 'a test', buildDirectory: '/dev/null' },
      compiler: { command: ['gcc'] },
    },
    patches: { resolved: [], contents: [], touched: [] },
    work: { path: '/dev/null/work' },
    name: 'livepatch-fix',
  } as unknown as BundleScene;
  return (await leaveBundle(scene, {}, 'original', new RangeError('a bug'))).warnings;
}

/** A livepatch whose `read` holds the address of the kernel's `write`, on a machine with these files of the kernel. */
async function addressOfWrite(files: Readonly<Record<string, Uint8Array>>) {
  const root = await temporaryFolder();
  await mkdir(path.join(root, 'boot'));
  for (const [name, bytes] of Object.entries(files)) await writeFile(path.join(root, 'boot', name), bytes);
  const scene = new Scene();
  const read = scene.function('read', [0x48, 0xc7, 0xc7, 0, 0, 0, 0]);
  const address = 0xffff_ffff_8100_0010n;
  const target = { name: 'write', object: 'vmlinux', sympos: 1, size: 8, address, type: STT.FUNC };
  const symbol = { ...target, bind: STB.LOCAL };
  const place = { section: sectionOf(read), offset: CALL.length + 3, type: R_32S, addend: 0 };
  const relocations = [{ ...place, isExternal: false, object: 'vmlinux', symbol, target }];
  const diff = diffOfScene(scene);
  return findSealedAddresses({
    kernel: { config: parseKernelConfig('CONFIG_X86_KERNEL_IBT=y\n') },
    contributions: [{ diff, parts: { functions: [], relocations, callbacks: [], archSections: [] } }],
    targets: [],
    findKernelSeals: () => sealsOfInstalledKernel('6.12.1', root),
  });
}

export const pipelineProvocations = {
  'sealed-address-taken': () => addressOfWrite({ 'vmlinuz-6.12.1': kernelThatSeals(0xffff_ffff_8100_0010n) }),
  'seals-unknown': () => addressOfWrite({}),
  'target-module-missing': () => nowhere().closure(['ib_mad']),
  'entry-size-invalid': () => withSize('12 bytes'),
  'module-not-used': withAnotherGiven,
  'target-not-seen': justBuilt,
  'extra-symvers-missing': noSuchFile,
  'extra-symvers-conflict': twoExporters,
  'bundle-malformed': () => bundleWith({ step: 'later' }),
  'bundle-too-new': () => bundleWith({ schema: 'kptool-bundle/2' }),
  'bundle-step-missing': () => bundleWith({}, 'finish'),
  'bundle-none-known': async () =>
    reproduce({ bundle: undefined, cache: await temporaryFolder(), workingDirectory: '/dev/null' }),
  'bundle-unwritable': bundleNowhere,
  'resume-nothing-found': resumedFromNothing,
  'resume-step-missing': () => resumed(undefined),
  'resume-input-changed': () => resumed('gcc-11'),
} satisfies Provocations<typeof pipelineMessages>;
