/**
 * Exports of other trees, and their checksums: a livepatch that uses the function of a module of another tree, one for a
 * tree that rebuilds a module of the kernel, and patches that change the checksum of an export.
 */
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { readElf } from '../../src/elf/read.js';
import { parseSymvers } from '../../src/kernel/symvers.js';
import { moduleInfo, symbolVersions } from '../../src/livepatch/module-info.js';
import { boot } from '../boot/boot.js';
import { findTroubles } from '../boot/troubles.js';
import { temporaryFolder } from '../unit/kernel/target.js';
import { type CliRun, runBuild } from './command-line.js';
import { findTestKernel } from './requirements.js';
import { fixtures } from './scenario.js';

const { kernel, missing } = findTestKernel();
const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;

/** The fixture's checksum of "abc"; `polynomial` is shifted left by one, as the result is. */
function checksum(polynomial: number): string {
  let crc = 0;
  for (const byte of Buffer.from('abc')) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x80 ? polynomial : 0)) & 0xff;
  }
  return `0x${crc.toString(16).padStart(2, '0')}`;
}

describe.skipIf(kernel === undefined)(`symbol versions${needs}`, () => {
  let folder = '';
  let results = 0;
  const tree = (name: string) => path.join(folder, name);
  const symvers = () => path.join(tree('mad_keys'), 'Module.symvers');

  async function livepatch(
    oot: string,
    patch: string,
    words: readonly string[] = [],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<CliRun> {
    results += 1;
    const output = path.join(folder, `output-${results}`);
    await mkdir(output);
    const patchFile = path.join(fixtures, 'symvers', `${patch}.patch`);
    const given = ['--kernel', kernel?.release ?? '', '--cache', path.join(folder, 'cache'), '--output', output];
    return runBuild([...given, '--oot', tree(oot), ...words, patchFile], environment);
  }

  const codes = ({ document }: CliRun) => document.diagnostics.map(({ code, severity }) => `${severity} ${code}`);

  async function readLivepatch({ document, messages }: CliRun) {
    expect(document.outcome, messages).toBe('built');
    return readElf(await readFile(document.file ?? ''), 'livepatch.ko');
  }

  beforeAll(async () => {
    folder = await temporaryFolder();
    for (const name of ['mad_keys', 'ib_mad', 'crc7']) {
      await cp(path.join(fixtures, name), tree(name), { recursive: true });
      await execa('make', ['-j2', '-C', kernel?.buildDirectory ?? '', `M=${tree(name)}`, 'modules']);
    }
  });

  test('livepatches that use another tree, and that patch a rebuilt module of the kernel, work', async () => {
    const user = await livepatch('ib_mad', 'uses-other-tree', ['--extra-symvers', symvers()]);
    const module = await readLivepatch(user);
    const [expected] = parseSymvers(await readFile(symvers(), 'utf8'), 'x').filter(({ name }) => name === 'mad_key');
    expect(symbolVersions(module).get('mad_key')).toBe(expected?.crc);
    expect(moduleInfo(module, 'depends')).toBe('mad_keys');
    expect(moduleInfo(module, 'import_ns')).toBe('MAD_KEYS');

    // The installed module of that name is not the one that runs.
    const rebuilt = await livepatch('crc7', 'rebuilt-module', ['--module', path.join(tree('crc7'), 'crc7.ko')]);
    expect(moduleInfo(await readLivepatch(rebuilt), 'depends')).toBe('');
    expect(codes(rebuilt)).toEqual([]);

    const file = (name: string) => path.join(tree(name.split('/')[0] ?? ''), `${name.split('/')[1]}.ko`);
    const first = 'head -n 1 /proc/ib_mad/classes';
    const { results: seen, dmesg } = await boot({
      image: kernel?.image ?? '',
      files: {
        'modules/ib_mad.ko': file('ib_mad/ib_mad'),
        'modules/mad_keys.ko': file('mad_keys/mad_keys'),
        'modules/crc7.ko': file('crc7/crc7'),
        'modules/crc7_show.ko': file('crc7/crc7_show'),
        'modules/livepatch_uses_other_tree.ko': user.document.file ?? '',
        'modules/livepatch_rebuilt_module.ko': rebuilt.document.file ?? '',
      },
      commands: [
        'insmod /modules/ib_mad.ko',
        // Without the module that it uses it is refused, as any other module would be.
        'insmod /modules/livepatch_uses_other_tree.ko 2> /dev/null || echo refused',
        `insmod /modules/mad_keys.ko && lp_load livepatch_uses_other_tree && ${first}`,
        'lp_patched livepatch_uses_other_tree ib_mad mad_classes_show',
        `lp_disable livepatch_uses_other_tree && ${first}`,
        'insmod /modules/crc7.ko && insmod /modules/crc7_show.ko && cat /proc/crc7',
        'lp_load livepatch_rebuilt_module && cat /proc/crc7',
        'lp_disable livepatch_rebuilt_module && cat /proc/crc7',
      ],
    });
    expect(seen.map(({ output, status }) => ({ output, status }))).toEqual([
      { output: '', status: 0 },
      { output: 'refused\n', status: 0 },
      { output: '0x01 SubnLid timeout_ms 268 key 107\n', status: 0 },
      { output: '', status: 0 },
      { output: '0x01 SubnLid timeout_ms 268\n', status: 0 },
      { output: `${checksum(0x12)}\n`, status: 0 },
      { output: `crc7 ${checksum(0x24)}\n`, status: 0 },
      { output: `${checksum(0x12)}\n`, status: 0 },
    ]);
    // The livepatch without the module that it uses.
    expect(findTroubles(dmesg, [/livepatch_uses_other_tree: Unknown symbol mad_key /])).toEqual([]);
  });

  test('the variable counts wherever it is set, and twice named does not stop modpost', async () => {
    // Without modules the tree is built whole, so that modpost runs on both sides.
    await cp(path.join(fixtures, 'ib_mad'), tree('fresh'), { recursive: true });
    const twice = `${symvers()} ${symvers()}`;
    const byEnvironment = await livepatch('fresh', 'uses-other-tree', [], { KBUILD_EXTRA_SYMBOLS: twice });
    expect(symbolVersions(await readLivepatch(byEnvironment)).has('mad_key')).toBe(true);
    const byArgument = await livepatch('ib_mad', 'uses-other-tree', ['--make-arg', `KBUILD_EXTRA_SYMBOLS=${twice}`]);
    expect(symbolVersions(await readLivepatch(byArgument)).has('mad_key')).toBe(true);
    const byNobody = await livepatch('ib_mad', 'uses-other-tree');
    expect(codes(byNobody)).toEqual(['warning include-beside-exports', 'error livepatch-undefined-symbols']);
  });

  test('an #include that changes the checksum of an export', async () => {
    const used = await livepatch('mad_keys', 'include-changes-checksum');
    expect(codes(used)).toEqual(['warning include-beside-exports', 'error export-version-changed']);
    expect(used.document.diagnostics[1]?.details).toContain('keys.c: #include "table.h"');
    const unused = await livepatch('mad_keys', 'include-changes-unused-checksum');
    expect(codes(unused)).toEqual(['warning include-beside-exports', 'warning export-version-changed-unused']);
    expect(unused.document.outcome).toBe('built');
    const hidden = await livepatch('mad_keys', 'include-hidden-from-checksum');
    expect(codes(hidden)).toEqual([]);
    expect(hidden.document.outcome).toBe('built');
  });

  test('a tree that rebuilds a module of the kernel is built whole without complaint', async () => {
    await rm(path.join(tree('crc7'), 'crc7_show.ko'));
    const run = await livepatch('crc7', 'rebuilt-module', ['--module', path.join(tree('crc7'), 'crc7.ko')]);
    expect(codes(run)).toEqual(['warning target-not-seen']);
    expect(run.document.objects.map(({ module }) => module).sort()).toEqual(['crc7', 'crc7_show']);
  });
});
