import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { SHF, SHT, STB } from '../../../src/elf/constants.js';
import { readImage } from '../../../src/elf/image.js';
import { writeElf } from '../../../src/elf/write.js';
import { sealsOfInstalledKernel, sealsOfKernel, sealsOfModule } from '../../../src/kernel/sealed-functions.js';
import { ObjectBuilder } from '../../builders/elf.js';
import { bootImage, kernelThatSeals } from './boot-images.js';
import { temporaryFolder } from './target.js';

const [first, second, third] = [0xffff_ffff_8100_0010n, 0xffff_ffff_8200_0000n, 0xffff_ffff_8100_0020n];

describe('of a module', () => {
  function moduleWith(isSealing: boolean) {
    const builder = new ObjectBuilder();
    const code = { type: SHT.PROGBITS, flags: SHF.ALLOC | SHF.EXECINSTR, content: new Uint8Array(64) };
    const text = builder.section({ name: '.text', ...code });
    const cold = builder.section({ name: '.text.unlikely', ...code });
    const start = builder.sectionSymbol(text);
    const global = builder.symbol({ name: 'f', place: cold, value: 0x20, bind: STB.GLOBAL });
    if (isSealing) {
      const seals = { name: '.ibt_endbr_seal', type: SHT.PROGBITS, flags: SHF.ALLOC, content: new Uint8Array(8) };
      const section = builder.section(seals);
      // As the assembler and objtool refer to places, by section, and by symbol.
      section.relocations.push({ offset: 0, type: 2, symbol: start, addend: 0x10 });
      section.relocations.push({ offset: 4, type: 2, symbol: global, addend: 0 });
    }
    return sealsOfModule(readImage(writeElf(builder.build()), 'toy.ko'));
  }

  test('by section and offset', () => {
    const seals = moduleWith(true);
    expect(seals.has({ section: '.text', address: 0x10n })).toBe(true);
    expect(seals.has({ section: '.text.unlikely', address: 0x20n })).toBe(true);
    expect(seals.has({ section: '.text', address: 0x20n })).toBe(false);
    expect(seals.has({ section: '.text.unlikely', address: 0x10n })).toBe(false);
    expect(seals.has({ address: 0x10n })).toBe(false);
  });

  test('a module without the list has nothing to seal', () => {
    expect(moduleWith(false).has({ section: '.text', address: 0x10n })).toBe(false);
  });
});

describe('of a kernel', () => {
  test('by address', () => {
    const seals = sealsOfKernel(readImage(kernelThatSeals(first, second), 'vmlinux'));
    expect([first, second, third].map((address) => seals?.has({ address }))).toEqual([true, true, false]);
  });

  test('a file without the list tells nothing', () => {
    expect(sealsOfKernel(readImage(kernelThatSeals(), 'vmlinux'))).toBeUndefined();
  });

  async function installed(files: Readonly<Record<string, Uint8Array>>) {
    const root = await temporaryFolder();
    for (const [name, bytes] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(root, name)), { recursive: true });
      await writeFile(path.join(root, name), bytes);
    }
    return await sealsOfInstalledKernel('6.12.1', root);
  }

  test.each([
    ['the boot image', { 'boot/vmlinuz-6.12.1': bootImage({ payload: gzipSync(kernelThatSeals(first)) }) }],
    ['the debug file', { 'usr/lib/debug/boot/vmlinux-6.12.1': kernelThatSeals(first) }],
    [
      'the debug file, where the image is packed in an unknown way',
      {
        'boot/vmlinuz-6.12.1': bootImage({ payload: Buffer.from('LZO something') }),
        'usr/lib/debug/lib/modules/6.12.1/vmlinux': kernelThatSeals(first),
      },
    ],
  ])('from %s', async (_, files) => {
    const seals = await installed(files);
    expect([first, second].map((address) => seals?.has({ address }))).toEqual([true, false]);
  });

  test('from nowhere', async () => {
    const other = bootImage({ payload: gzipSync(kernelThatSeals(first)) });
    expect(
      await installed({ 'boot/vmlinuz-6.12.10': other, 'boot/vmlinuz-6.12.1': new Uint8Array(3) }),
    ).toBeUndefined();
  });
});
