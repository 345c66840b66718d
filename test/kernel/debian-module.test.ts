/**
 * Modules that Debian ships, stripped and without FILE symbols: livepatches for ib_cm and ib_core, made from the folder
 * drivers/infiniband/core of the package linux-source, loaded beside Debian's own modules. A software RDMA device gives
 * them something to do.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa, execaSync } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readImage } from '../../src/elf/image.js';
import { boot } from '../boot/boot.js';
import { modulesToLoad } from '../boot/installed-modules.js';
import { findTroubles } from '../boot/troubles.js';
import { digestTree, twoAtATime } from './builds.js';
import { type CliRun, runBuild } from './command-line.js';
import { kernelSourceFolder, missingForSource } from './linux-source.js';
import { findTestKernel, isRequired, kernelSeries, type TestKernel } from './requirements.js';
import { fixtures } from './scenario.js';

const sourceFolder = 'drivers/infiniband/core';

/** A text of a source file that stands there once, and what the patch makes of it. */
interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/**
 * What a reader of sysfs sees of a counter; and a word in the header of the tracepoints, for which cm_trace.c is compiled
 * too, with nothing changed.
 */
const counterEdits: readonly Edit[] = [
  { file: 'cm.c', from: 'buf, "%ld\\n",', to: 'buf, "patched %ld\\n",' },
  { file: 'cm_trace.h', from: '#undef TRACE_INCLUDE_PATH', to: '/* A word. */\n#undef TRACE_INCLUDE_PATH' },
];

/** A function that calls `_uverbs_copy_from`, which six objects of ib_uverbs have, all alike. */
const copyingFunction = 'ib_uverbs_handler_UVERBS_METHOD_SRQ_CREATE';

/**
 * ib_core has two static variables `sa_client`, in sa_query.o and in multicast.o. Each function says what it finds in
 * the one of its own file when a device is added; in the other one it would be something else. The same livepatch changes
 * `copyingFunction`, in a file with tables that are named by their lines.
 */
const namesakeEdits: readonly Edit[] = [
  {
    file: 'sa_query.c',
    from: '\tsa_dev->end_port   = e;\n',
    to: '\tsa_dev->end_port   = e;\n\tpr_info("patched: client %s\\n", sa_client.name);\n',
  },
  {
    file: 'multicast.c',
    from: '\tdev->end_port = rdma_end_port(device);\n',
    to: '\tdev->end_port = rdma_end_port(device);\n\tpr_info("patched: users %d\\n", atomic_read(&sa_client.users));\n',
  },
  {
    file: 'uverbs_std_types_srq.c',
    from: '\t\tif (!attr.ext.xrc.xrcd)\n',
    to: '\t\tif (attr.attr.max_wr == 7)\n\t\t\treturn -EINVAL;\n\t\tif (!attr.ext.xrc.xrcd)\n',
  },
];

/** Adds a device, and prints what the patched functions have told the kernel log since. */
const addDevice = (name: string, netdev: string) =>
  `lines=$(dmesg | wc -l); rdma-link ${name} rxe ${netdev} || exit 1
dmesg | tail -n +$((lines + 1)) | sed -n 's/.*patched: //p' | sort`;

for (const series of kernelSeries) {
  const { kernel, missing: missingTools } = findTestKernel(series);
  const missing = kernel === undefined ? missingTools : [...(await missingForSource(kernel)), ...missingLibrary()];

  test(`the machine has source of the version of its ${series} kernel, and a library for static programs`, ({
    skip,
  }) => {
    skip(!isRequired && missing.length > 0, `needs ${missing.join(', ')}`);
    expect(missing).toEqual([]);
  });

  const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;
  describe.skipIf(missing.length > 0)(`modules that Debian ships with its ${series} kernel${needs}`, () => {
    if (kernel === undefined) test.skip('their livepatches', () => undefined);
    else testModules(kernel);
  });
}

function testModules(kernel: TestKernel): void {
  let folder = '';
  let tree = '';
  let digestBefore: readonly string[] = [];
  let counter: CliRun | undefined;
  let namesake: CliRun | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'kptool-debian-'));
    tree = await kernelSourceFolder(kernel, sourceFolder);
    digestBefore = await digestTree(tree);
    [counter, namesake] = await twoAtATime([
      () => build(kernel, 'counter', counterEdits),
      () => build(kernel, 'namesake', namesakeEdits),
    ]);
  });

  afterAll(async () => {
    if (folder !== '') await rm(folder, { recursive: true, force: true });
  });

  /** The command line of the README, with a patch as it would be sent to the kernel's mailing lists. */
  async function build({ release }: TestKernel, name: string, edits: readonly Edit[]): Promise<CliRun> {
    const patchFile = path.join(folder, `${name}.patch`);
    await writeFile(patchFile, (await Promise.all(edits.map((edit) => diffOf(name, edit)))).join(''));
    const places = ['--output', folder, '--cache', path.join(folder, 'cache')];
    return await runBuild(['--oot', tree, '--kernel', release, '--jobs', '1', '--non-replace', ...places, patchFile]);
  }

  async function diffOf(name: string, { file, from, to }: Edit): Promise<string> {
    const original = await readFile(path.join(tree, file), 'utf8');
    expect(original.split(from), `${file} holds once: ${from}`).toHaveLength(2);
    const patched = path.join(folder, name, file);
    await mkdir(path.dirname(patched), { recursive: true });
    await writeFile(
      patched,
      original.replace(from, () => to),
    );
    const labels = ['a', 'b'].flatMap((side) => ['--label', `${side}/${sourceFolder}/${file}`]);
    const { stdout } = await execa('diff', ['-u', ...labels, path.join(tree, file), patched], { reject: false });
    return `${stdout}\n`;
  }

  test('the build says which installed modules are patched, and that nothing else changed', () => {
    expect(summary(counter)).toEqual({
      outcome: 'built',
      objects: [{ object: 'cm.o', module: 'ib_cm', changedFunctions: ['cm_show_counter'] }],
      diagnostics: [],
    });
    expect(summary(namesake)).toEqual({
      outcome: 'built',
      objects: [
        { object: 'multicast.o', module: 'ib_core', changedFunctions: ['mcast_add_one'] },
        { object: 'sa_query.o', module: 'ib_core', changedFunctions: ['ib_sa_add_one'] },
        { object: 'uverbs_std_types_srq.o', module: 'ib_uverbs', changedFunctions: [copyingFunction] },
      ],
      diagnostics: [],
    });
    expect(counter?.document.modules).toEqual([
      {
        name: 'ib_cm',
        file: expect.stringMatching(/^\/lib\/modules\/.*\/ib_cm\.ko/),
        chosenBy: 'installed',
        verification: expect.objectContaining({ verdict: 'same but for names', differing: [] }),
      },
    ]);
  });

  test('of six functions with one name, the one from the same object is called', async () => {
    const [module] = (await modulesToLoad(kernel.release, ['ib_uverbs'])).slice(-1);
    const symbols = readImage(module?.bytes ?? new Uint8Array(), 'ib_uverbs.ko').symbols;
    const caller = symbols.find(({ name }) => name === copyingFunction)?.value ?? 0n;
    const namesakes = symbols.filter(({ name }) => name === '_uverbs_copy_from');
    expect(namesakes).toHaveLength(6);
    // The linker puts the functions of one object together; this one stands right before its caller.
    const before = namesakes.filter(({ value }) => value < caller);
    const livepatch = await readFile(path.join(folder, 'livepatch-namesake.ko'));
    expect(klpSymbols(livepatch, '_uverbs_copy_from')).toEqual([
      `.klp.sym.ib_uverbs._uverbs_copy_from,${before.length}`,
    ]);
    expect(klpSymbols(livepatch, 'sa_client')).toEqual([
      '.klp.sym.ib_core.sa_client,1',
      '.klp.sym.ib_core.sa_client,2',
    ]);
  });

  test('nothing was written to the unpacked source', async () => {
    expect(digestBefore.length).toBeGreaterThan(0);
    expect(await digestTree(tree)).toEqual(digestBefore);
  });

  test("on a booted kernel both take effect on Debian's modules, and can be taken back", async () => {
    const read = 'cat /sys/class/infiniband/rxe0/ports/1/cm_rx_msgs/req';
    const steps: readonly (readonly [string, string])[] = [
      [`for module in $(cat /modules/order); do insmod /modules/$module.ko || exit 1; done`, ''],
      ['insmod /modules/dummy.ko numdummies=2', ''],
      ['chmod +x /bin/rdma-link && ifconfig lo 127.0.0.1 up', ''],
      [addDevice('rxe0', 'lo'), ''],
      [read, '0\n'],
      ['lp_load livepatch_counter && lp_load livepatch_namesake', ''],
      ['lp_patched livepatch_counter ib_cm cm_show_counter', ''],
      ['lp_patched livepatch_namesake ib_core ib_sa_add_one mcast_add_one', ''],
      [`lp_patched livepatch_namesake ib_uverbs ${copyingFunction}`, ''],
      [read, 'patched 0\n'],
      [addDevice('rxe1', 'dummy0'), 'client sa\nusers 1\n'],
      ['lp_disable livepatch_namesake', ''],
      ['lp_disable livepatch_counter', ''],
      [read, '0\n'],
      [addDevice('rxe2', 'dummy1'), ''],
    ];
    const { results, dmesg } = await boot({
      image: kernel.image,
      files: await guestFiles(kernel),
      commands: steps.map(([run]) => run),
    });
    expect(results).toEqual(steps.map(([command, output]) => ({ command, output, status: 0 })));
    expect(findTroubles(dmesg).map(({ block }) => block)).toEqual([]);
  });

  async function guestFiles({ release }: TestKernel): Promise<Record<string, string | Uint8Array>> {
    const program = path.join(folder, 'rdma-link');
    await execa('gcc', ['-O1', '-static', '-s', '-o', program, path.join(fixtures, 'guest/rdma-link.c')]);
    // rxe asks the crypto API for crc32 by name.
    const modules = await modulesToLoad(release, ['crc32_generic', 'ib_cm', 'rdma_rxe']);
    const interfaces = await modulesToLoad(release, ['dummy']);
    return {
      'bin/rdma-link': program,
      'modules/order': Buffer.from(modules.map(({ name }) => `${name}\n`).join('')),
      ...Object.fromEntries([...modules, ...interfaces].map(({ name, bytes }) => [`modules/${name}.ko`, bytes])),
      'modules/livepatch_counter.ko': path.join(folder, 'livepatch-counter.ko'),
      'modules/livepatch_namesake.ko': path.join(folder, 'livepatch-namesake.ko'),
    };
  }
}

function summary(run: CliRun | undefined) {
  const { outcome, objects = [], diagnostics } = run?.document ?? {};
  return {
    outcome,
    objects: objects.map(({ object, module, changedFunctions }) => ({ object, module, changedFunctions })),
    diagnostics,
  };
}

/** The names of the symbols that the loader of livepatches is to look up as `name`. */
function klpSymbols(livepatch: Uint8Array, name: string): string[] {
  const names = readImage(livepatch, 'livepatch.ko').symbols.map((symbol) => symbol.name);
  return names.filter((symbol) => symbol.startsWith('.klp.sym.') && symbol.includes(`.${name},`)).sort();
}

/** The guest has busybox and nothing else, so its program has to be linked with the static library. */
function missingLibrary(): string[] {
  const { stdout } = execaSync('gcc', ['-print-file-name=libc.a'], { reject: false });
  return path.isAbsolute(stdout ?? '') ? [] : ['libc6-dev'];
}
