/** Sizes of special-section entries: of the installed kernel, of one that lacks structures, and from the cache. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readEntrySizes } from '../../src/kernel/entry-sizes.js';
import { installedTarget, writeFiles } from '../unit/kbuild/tree.js';
import { temporaryFolder } from '../unit/kernel/target.js';
import { findTestKernel } from './requirements.js';

const { kernel, missing } = findTestKernel();
const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;

/** Headers of a made-up kernel, and a Makefile that compiles against them as kbuild would. */
const madeUp = {
  '.config': '',
  Makefile: 'probe.o:\n\t$(CC) -Iinclude -include include/generated/autoconf.h -c -o $(M)/probe.o $(M)/probe.c\n',
  'include/generated/autoconf.h': '#define CONFIG_PARAVIRT 1\n#define CONFIG_GENERIC_BUG 1\n#define CONFIG_X86 1\n',
  'include/linux/bug.h': 'struct bug_entry { char bytes[12]; };\n',
  'include/asm/alternative.h': 'struct alt_instr { char bytes[14]; };\n',
};

describe.skipIf(kernel === undefined)(`readEntrySizes${needs}`, () => {
  test('Debian’s 6.1, once from the probe and then from the cache', async () => {
    const root = await temporaryFolder();
    const question = {
      ...(await installedTarget()),
      folder: path.join(root, 'probe'),
      cache: path.join(root, 'cache'),
    };
    const sizes = await readEntrySizes(question);
    expect(sizes).toEqual({
      ALT_STRUCT_SIZE: 12,
      BUG_STRUCT_SIZE: 12,
      EX_STRUCT_SIZE: 12,
      JUMP_STRUCT_SIZE: 16,
      ORC_STRUCT_SIZE: 6,
      PARA_STRUCT_SIZE: 16,
      STATIC_CALL_STRUCT_SIZE: 8,
    });
    expect(await readdir(root)).toEqual(['cache']);

    const [file = ''] = await readdir(question.cache);
    const cached = path.join(question.cache, file);
    // What the cache says is believed where it can be true, and done without where it cannot.
    await writeFile(cached, JSON.stringify({ ...sizes, ORC_STRUCT_SIZE: 7 }));
    expect((await readEntrySizes(question)).ORC_STRUCT_SIZE).toBe(7);
    for (const broken of ['', '{"ORC_STRUCT_SIZE": 6', '{}', '[]', '{"ORC_STRUCT_SIZE": "6"}', '{"OTHER": 6}']) {
      await writeFile(cached, broken);
      expect((await readEntrySizes(question)).ORC_STRUCT_SIZE).toBe(6);
    }
    expect(JSON.parse(await readFile(cached, 'utf8'))).toEqual(sizes);
  });

  test('a kernel that has dropped a structure, and changed another', async () => {
    const root = await temporaryFolder();
    const buildDirectory = path.join(root, 'build');
    await writeFiles(buildDirectory, madeUp);
    const question = {
      kernel: { release: 'made-up', buildDirectory },
      compiler: { command: ['gcc'], versionText: 'gcc' },
      folder: path.join(root, 'probe'),
      cache: path.join(root, 'cache'),
    };
    expect(await readEntrySizes(question)).toEqual({ ALT_STRUCT_SIZE: 14, BUG_STRUCT_SIZE: 12 });
    // Another configuration is another kernel to the cache.
    await writeFiles(buildDirectory, {
      '.config': 'CONFIG_X=y\n',
      'include/linux/bug.h': 'struct bug_entry { char x; };\n',
    });
    expect(await readEntrySizes(question)).toEqual({ ALT_STRUCT_SIZE: 14, BUG_STRUCT_SIZE: 1 });
  });

  test('a cache that cannot be written is done without', async () => {
    const root = await temporaryFolder();
    const buildDirectory = path.join(root, 'build');
    await writeFiles(root, { cache: 'a file where the folder should be' });
    await writeFiles(buildDirectory, madeUp);
    const sizes = await readEntrySizes({
      kernel: { release: 'made-up', buildDirectory },
      compiler: { command: ['gcc'], versionText: 'gcc' },
      folder: path.join(root, 'probe'),
      cache: path.join(root, 'cache'),
    });
    expect(sizes.BUG_STRUCT_SIZE).toBe(12);
  });
});
