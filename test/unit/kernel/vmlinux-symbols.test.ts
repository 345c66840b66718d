import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { SHF, SHT, STT } from '../../../src/elf/constants.js';
import { writeElf } from '../../../src/elf/write.js';
import { packCode } from '../../../src/kernel/packed-code.js';
import { readKernelSymbols } from '../../../src/kernel/vmlinux-symbols.js';
import { bootImage, kernelElf, packed } from '../../builders/boot-image.js';
import { ObjectBuilder } from '../../builders/elf.js';
import { kallsymsRodata } from '../../builders/kallsyms.js';
import { temporaryFolder } from './target.js';

const release = '6.1.0-13-amd64';
/** Debian's System.map in the image package. */
const placeholder = 'ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n';

const symbols = [
  { address: 0n, letter: 'T', name: '_text' },
  { address: 16n, letter: 't', name: 'meminfo_proc_show' },
];
const image = () => bootImage(packed(kernelElf(kallsymsRodata(symbols, 0n, '6.1'))));

/** A machine whose `/boot` and so on hold the files. */
async function machine(files: Readonly<Record<string, string | Uint8Array>>) {
  const root = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), content);
  }
  return { release, root, buildDirectory: path.join(root, 'build'), cache: path.join(root, 'cache') };
}

function vmlinux(): Uint8Array {
  const builder = new ObjectBuilder();
  const flags = SHF.ALLOC | SHF.EXECINSTR;
  const text = builder.section({ name: '.text', type: SHT.PROGBITS, flags, content: new Uint8Array(16) });
  builder.symbol({ name: 'start_kernel', place: text, type: STT.FUNC });
  return writeElf(builder.build());
}

const map = `ffffffff81000000 T _text\n${'ffffffff81000010 t some_function\n'.repeat(200)}`;

test('the boot image tells the symbols where the map is a placeholder', async () => {
  const here = await machine({ [`boot/System.map-${release}`]: placeholder, [`boot/vmlinuz-${release}`]: image() });
  const found = await readKernelSymbols(here);
  expect(found.file).toBe(path.join(here.root, `boot/vmlinuz-${release}`));
  expect(found.map).toBe('0000000000000000 T _text\n0000000000000010 t meminfo_proc_show\n');
});

async function keptFile(cache: string, start: string): Promise<string> {
  return (await readdir(cache)).find((name) => name.startsWith(start)) ?? '';
}

test('the code of the kernel comes with its symbols, and is kept too', async () => {
  const here = await machine({ [`boot/vmlinuz-${release}`]: image() });
  const codeOf = async () => (await readKernelSymbols(here)).code?.bytes(8n, 4);
  expect(await codeOf()).toEqual(Buffer.alloc(4));
  const kept = path.join(here.cache, await keptFile(here.cache, 'kernel-code-'));
  await writeFile(kept, packCode(62, [{ address: 0n, content: Buffer.from('0123456789abcdef') }]));
  expect(await codeOf()).toEqual(Buffer.from('89ab'));
  // Written by whoever, or gone: it is made again.
  await writeFile(kept, 'something else');
  expect(await codeOf()).toEqual(Buffer.alloc(4));
  await rm(kept);
  expect(await codeOf()).toEqual(Buffer.alloc(4));
});

test('a vmlinux with symbols has code, System.map has none', async () => {
  const here = await machine({ [`usr/lib/debug/boot/vmlinux-${release}`]: vmlinux() });
  expect((await readKernelSymbols(here)).code?.bytes(0n, 16)).toHaveLength(16);
  const other = await machine({ [`boot/System.map-${release}`]: map });
  expect((await readKernelSymbols(other)).code).toBeUndefined();
});

test('what was read out of a boot image is kept, and read again where the image is another one', async () => {
  const here = await machine({ [`boot/vmlinuz-${release}`]: image() });
  const first = await readKernelSymbols(here);
  const kept = await keptFile(here.cache, 'kallsyms-');
  await writeFile(path.join(here.cache, kept), 'kept\n');
  expect((await readKernelSymbols(here)).map).toBe('kept\n');
  // A run that was killed while it wrote would leave half a line.
  await writeFile(path.join(here.cache, kept), 'half');
  expect((await readKernelSymbols(here)).map).toBe(first.map);
  await writeFile(path.join(here.cache, kept), 'kept\n');
  await writeFile(path.join(here.root, `boot/vmlinuz-${release}`), Buffer.concat([image(), Buffer.alloc(8)]));
  expect((await readKernelSymbols(here)).map).toBe(first.map);
});

test('a vmlinux with symbols comes before a map, and that before the boot image', async () => {
  const debug = `usr/lib/debug/boot/vmlinux-${release}`;
  const here = await machine({
    [debug]: vmlinux(),
    [`boot/System.map-${release}`]: map,
    [`boot/vmlinuz-${release}`]: image(),
  });
  expect((await readKernelSymbols(here)).image?.symbols.map(({ name }) => name)).toEqual(['start_kernel']);
  await rm(path.join(here.root, debug));
  expect((await readKernelSymbols(here)).map).toBe(map);
});

test('a vmlinux that was stripped says nothing', async () => {
  const here = await machine({ 'build/vmlinux': kernelElf(new Uint8Array(8)), [`boot/System.map-${release}`]: map });
  expect((await readKernelSymbols(here)).kind).toBe('System.map');
});

test('a vmlinux that has type data only says nothing', async () => {
  const builder = new ObjectBuilder();
  const ids = builder.section({ name: '.BTF_ids', type: SHT.PROGBITS, content: new Uint8Array(8) });
  builder.symbol({ name: '__BTF_ID__func__some_function__1', place: ids, type: STT.OBJECT, size: 4 });
  builder.symbol({ name: 'some_function', place: 'undefined', type: STT.FUNC });
  const here = await machine({ 'build/vmlinux': writeElf(builder.build()), [`boot/System.map-${release}`]: map });
  expect((await readKernelSymbols(here)).kind).toBe('System.map');
});

test('a given file is the only one that is asked', async () => {
  const here = await machine({ 'mine.map': map, 'stub.map': placeholder, [`boot/vmlinuz-${release}`]: image() });
  expect((await readKernelSymbols({ ...here, given: path.join(here.root, 'mine.map') })).map).toBe(map);
  await expect(readKernelSymbols({ ...here, given: path.join(here.root, 'stub.map') })).rejects.toMatchObject({
    diagnostics: [{ code: 'kernel-symbols-missing' }],
  });
});

const whole = image();
test.each([
  ['no boot image', Buffer.alloc(4096), 'no boot image'],
  ['cut off', whole.subarray(0, whole.length - 200), 'no boot image'],
  ['packed by nobody knows what', bootImage(Buffer.alloc(64, 1)), 'packed in an unknown way'],
  ['damaged', bootImage(packed(kernelElf(new Uint8Array(99))).fill(7, 40, 60)), 'packed'],
  ['no kernel in it', bootImage(packed(Buffer.from('hello'))), 'no boot image'],
  ['no kallsyms in it', bootImage(packed(kernelElf(new Uint8Array(99)))), 'kallsyms'],
])('a boot image that is %s is refused with the reason', async (_, bytes, reason) => {
  const here = await machine({ [`boot/vmlinuz-${release}`]: bytes });
  await expect(readKernelSymbols(here)).rejects.toMatchObject({
    diagnostics: [{ code: 'kernel-image-malformed', what: expect.stringContaining(reason) }],
  });
});
