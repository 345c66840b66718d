import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { kernelInBootImage } from '../../../src/kernel/boot-image.js';
import { hasProgram } from '../../builders/readelf.js';
import { bootImage, kernelThatSeals, withSize } from './boot-images.js';

const kernel = kernelThatSeals(0xffff_ffff_8100_0010n);
const found = async (image: Uint8Array) => {
  const bytes = await kernelInBootImage(image, 'vmlinuz');
  return bytes === undefined ? undefined : Buffer.from(bytes).equals(kernel);
};

describe('kernelInBootImage', () => {
  test('gzip, which says the size itself', async () => {
    expect(await found(bootImage({ payload: gzipSync(kernel) }))).toBe(true);
  });

  test('no setup sectors, which means four', async () => {
    expect(await found(bootImage({ payload: gzipSync(kernel), setupSectors: 0 }))).toBe(true);
  });

  test.each(['xz', 'zstd'])('%s, with the size behind it', async (program) => {
    if (!hasProgram(program)) return;
    const packed = execFileSync(program, ['-c', '-q'], { input: kernel });
    expect(await found(bootImage({ payload: withSize(packed, kernel.length) }))).toBe(true);
  });

  test.each([
    ['a file that is shorter than the header', new Uint8Array(0x24f)],
    ['another magic', bootImage({ magic: 'Hdrs' })],
    ['a boot protocol without payload', bootImage({ version: 0x207 })],
    ['a payload that leaves the file', bootImage({ payloadLength: 0x7fff_ffff })],
    ['an empty payload', bootImage({ payloadLength: 0 })],
    ['a payload that is cut off', bootImage({ payload: gzipSync(kernel).subarray(0, -20) })],
    ['a payload that is packed in an unknown way', bootImage({ payload: Buffer.from('LZO something') })],
  ])('%s', async (_, image) => {
    expect(await found(image)).toBeUndefined();
  });
});
