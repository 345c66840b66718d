import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { KernelCode } from '../../../src/kernel/kernel-code.js';
import { packCode } from '../../../src/kernel/packed-code.js';
import { temporaryFolder } from './target.js';

const text = 0xffffffff81000000n;
const rodata = 0xffffffff82000000n;
/** Bytes that tell where they are. */
const numbered = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
const pieces = [
  { address: text, content: numbered(10_000) },
  { address: rodata, content: numbered(5000).reverse() },
];
const packed = () => packCode(62, pieces);

async function fileOf(bytes: Uint8Array): Promise<string> {
  const file = path.join(await temporaryFolder(), 'kernel-code.bin');
  await writeFile(file, bytes);
  return file;
}

test.each([
  ['in a page', text + 17n, 100, [17, 117]],
  ['across pages', text + 4000n, 5000, [4000, 9000]],
  ['up to the end of the piece', text + 9990n, 4096, [9990, 10_000]],
  ['whole pages', text + 4096n, 4096, [4096, 8192]],
])('bytes of a file by their address: %s', async (_what, address, length, [from, to]) => {
  const code = KernelCode.open(await fileOf(packed()));
  expect(code?.machine).toBe(62);
  expect(Buffer.from(code?.bytes(address, length) ?? [])).toEqual(Buffer.from(numbered(10_000).slice(from, to)));
});

test('what lies in no piece is not known', () => {
  const code = KernelCode.unpack(packed());
  expect(code?.bytes(text - 1n, 4)).toBeUndefined();
  expect(code?.bytes(text + 10_000n, 4)).toBeUndefined();
  expect(code?.bytes(rodata + 4999n, 4)).toHaveLength(1);
});

test('a file that has gone, or ends early, gives nothing rather than something else', async () => {
  const file = await fileOf(packed());
  const code = KernelCode.open(file);
  await rm(file);
  expect(code?.bytes(text, 16)).toBeUndefined();
  const short = KernelCode.open(await fileOf(packed().subarray(0, 6000)));
  expect(short?.bytes(text, 16)).toHaveLength(16);
  expect(short?.bytes(text + 8000n, 16)).toBeUndefined();
  expect(short?.bytes(rodata, 16)).toBeUndefined();
});

test('the pages that were read answer the same questions, and no others', () => {
  const code = KernelCode.unpack(packed());
  const wanted = code?.bytes(text + 4000n, 200);
  code?.bytes(rodata + 10n, 1);
  const kept = code?.packPagesRead() ?? new Uint8Array(0);
  const again = KernelCode.unpack(kept);
  expect(again?.bytes(text + 4000n, 200)).toEqual(wanted);
  expect(again?.bytes(rodata + 10n, 1)).toHaveLength(1);
  expect(again?.bytes(text + 8192n, 1)).toBeUndefined();
  expect(kept.length).toBeLessThan(3 * 4096 + 200);
});

test.each([
  ['empty', ''],
  ['another file', 'ELF and so on\n'],
  ['no JSON', 'kptool kernel code 1 [62,\n'],
  ['no list', 'kptool kernel code 1 {"machine":62}\n'],
  ['no machine', 'kptool kernel code 1 [["ffffffff81000000",4]]\nabcd'],
  ['an address of another form', 'kptool kernel code 1 [62,["0xffffffff81000000",4]]\nabcd'],
  ['a negative size', 'kptool kernel code 1 [62,["ffffffff81000000",-4]]\nabcd'],
  ['a size beyond numbers', 'kptool kernel code 1 [62,["ffffffff81000000",1e300]]\nabcd'],
  ['a piece that is none', 'kptool kernel code 1 [62,null]\nabcd'],
  ['no end of the line', 'kptool kernel code 1 [62,["ffffffff81000000",4]]'],
])('what is not in this form is not read: %s', (_what, content) => {
  expect(KernelCode.unpack(Buffer.from(content))).toBeUndefined();
});

test('a size that the file has not is no room that is asked for', () => {
  const code = KernelCode.unpack(Buffer.from('kptool kernel code 1 [62,["ffffffff81000000",9007199254740991]]\nabcd'));
  expect(code?.bytes(text + 4n, 4)).toBeUndefined();
});
