/**
 * Unpacks a module as distributions install it: `.ko.xz`, `.ko.zst`, `.ko.gz`. Decided by the first bytes, not by the
 * file's name.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { fail } from '../diagnostics/catalogue.js';
import { runProgram } from '../system/run.js';
import { writingError } from '../system/system-error.js';

interface Compression {
  readonly program: 'xz' | 'zstd';
  readonly suffix: string;
  /** The first bytes of every such file. */
  readonly magic: readonly number[];
}

const compressions: readonly Compression[] = [
  { program: 'xz', suffix: '.xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { program: 'zstd', suffix: '.zst', magic: [0x28, 0xb5, 0x2f, 0xfd] },
];

const gzipMagic = [0x1f, 0x8b];
/** No module comes near this size in bytes; a file that unpacks to more is not one. */
const largestModule = 1 << 30;

const beginsWith = (bytes: Uint8Array, magic: readonly number[]) => magic.every((byte, index) => bytes[index] === byte);

/**
 * The module's bytes, unpacked where they are compressed. Throws `module-malformed` when they do not unpack,
 * `program-missing` when xz or zstd is needed and not installed, and `work-folder-unwritable` or `disk-full` where the
 * temporary folder cannot take it.
 */
export async function decompressModule(bytes: Uint8Array, file: string): Promise<Uint8Array> {
  if (beginsWith(bytes, gzipMagic)) {
    return promisify(gunzip)(bytes, { maxOutputLength: largestModule }).catch((error: Error) =>
      fail('module-malformed', { file, reason: `it does not unpack with gzip (${error.message})` }),
    );
  }
  const compression = compressions.find((candidate) => beginsWith(bytes, candidate.magic));
  return compression === undefined ? bytes : unpack(bytes, file, compression);
}

/** The program unpacks a copy in a temporary folder: what a program prints is text for `runProgram`, a module is not. */
async function unpack(bytes: Uint8Array, file: string, { program, suffix }: Compression): Promise<Uint8Array> {
  let folder = tmpdir();
  try {
    folder = await mkdtemp(path.join(folder, 'kptool-module-'));
    const packed = path.join(folder, `module.ko${suffix}`);
    await writeFile(packed, bytes);
    const result = await runProgram({ program, arguments: ['-d', '-q', packed], directory: folder });
    if (result.exitStatus !== 0) {
      const said = result.output.trim().replaceAll(packed, file);
      fail('module-malformed', { file, reason: `it does not unpack with ${program} (${said})` });
    }
    return await readFile(path.join(folder, 'module.ko'));
  } catch (error) {
    throw writingError(error, folder, 'work-folder-unwritable');
  } finally {
    if (folder !== tmpdir()) await rm(folder, { recursive: true, force: true });
  }
}
