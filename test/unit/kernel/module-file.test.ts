import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readModuleFile } from '../../../src/kernel/module-file.js';
import { moduleBytes, moduleFile, temporaryFolder, vermagicOf } from './target.js';

const release = '6.1.0-13-amd64';

describe('readModuleFile', () => {
  test('what a module says of itself', async () => {
    const comment = 'GCC: (Debian 12.2.0-14) 12.2.0';
    const file = await moduleFile(
      {
        information: ['depends=ib_core,configfs', 'name=ib_mad', vermagicOf(release), 'name=second'],
        comments: [comment, comment],
        exports: ['mad_send', 'mad_value'],
        hasFileSymbol: true,
      },
      'renamed-copy.ko',
    );
    const module = await readModuleFile(file);
    expect(module).toMatchObject({
      path: file,
      name: 'ib_mad',
      release,
      depends: ['ib_core', 'configfs'],
      isStripped: false,
      compilerComments: [comment],
    });
    expect([...module.exports]).toEqual(['mad_send', 'mad_value']);
    expect(module.image.format.machine).toBe(62);
  });

  test('a stripped module without dependencies', async () => {
    const module = await readModuleFile(await moduleFile({ information: ['depends=', 'name=a', vermagicOf(release)] }));
    expect(module).toMatchObject({ depends: [], isStripped: true, compilerComments: [] });
  });

  test('the name of an old module comes from its module structure', async () => {
    const file = await moduleFile({ information: [vermagicOf('4.4.0')], structureName: 'ib_old' }, 'other.ko');
    expect((await readModuleFile(file)).name).toBe('ib_old');
  });

  test('a signature behind the module changes nothing', async () => {
    const file = path.join(await temporaryFolder(), 'signed.ko');
    await writeFile(file, Buffer.concat([moduleBytes(), Buffer.from('PKCS#7…~Module signature appended~\n')]));
    expect((await readModuleFile(file)).name).toBe('ib_mad');
  });

  test('compressed by gzip, whatever the file is called', async () => {
    const file = path.join(await temporaryFolder(), 'packed.ko');
    await writeFile(file, gzipSync(moduleBytes()));
    expect((await readModuleFile(file)).name).toBe('ib_mad');
  });

  test.each([
    ['no vermagic', { information: ['name=ib_mad'] }, /vermagic/],
    ['no name', { information: [vermagicOf(release)] }, /does not say its name/],
    ['a name that is a path', { information: ['name=../x', vermagicOf(release)] }, /does not say its name/],
    [
      'a name without end in the structure',
      { information: [vermagicOf(release)], structureName: 'x'.repeat(60) },
      /name/,
    ],
  ])('%s', async (_, parts, expected) => {
    const reading = readModuleFile(await moduleFile(parts));
    await expect(reading).rejects.toThrow(expected);
    await expect(reading).rejects.toThrow(/\[module-malformed\]/);
  });

  test('a cut-off archive, a cut-off module, a file that is no module', async () => {
    const folder = await temporaryFolder();
    const cases = [
      ['short.ko.gz', gzipSync(moduleBytes()).subarray(0, -20), /module-malformed/],
      ['short.ko', moduleBytes().subarray(0, 300), /elf-truncated/],
      ['notes.ko', Buffer.from('notes'), /elf-not-elf/],
    ] as const;
    for (const [name, bytes, expected] of cases) {
      const file = path.join(folder, name);
      await writeFile(file, bytes);
      await expect(readModuleFile(file)).rejects.toThrow(expected);
    }
  });
});
