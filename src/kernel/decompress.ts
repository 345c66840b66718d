/** Unpacks what kernels and their modules are packed with. Decided by the first bytes, not by the file's name. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
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
/** No module or kernel comes near this size in bytes; a file that unpacks to more is none. */
const largest = 1 << 30;

const beginsWith = (bytes: Uint8Array, magic: readonly number[]) => magic.every((byte, index) => bytes[index] === byte);

/** `problem` names the program and what it said: `xz (Unexpected end of input)`. */
export type Unpacked = { readonly bytes: Uint8Array } | { readonly problem: string };

/** The bytes of a gzip file, which says its own length at its end. */
export function isGzip(bytes: Uint8Array): boolean {
  return beginsWith(bytes, gzipMagic);
}

/**
 * The bytes unpacked, or as they are where nothing known packed them. `file` is for messages. Throws `program-missing` when
 * xz or zstd is needed and not installed, and `work-folder-unwritable` or `disk-full` where the temporary folder cannot
 * take it.
 */
export async function decompress(bytes: Uint8Array, file: string): Promise<Unpacked> {
  if (isGzip(bytes)) {
    return promisify(gunzip)(bytes, { maxOutputLength: largest }).then(
      (unpacked) => ({ bytes: unpacked }),
      (error: Error) => ({ problem: `gzip (${error.message})` }),
    );
  }
  const compression = compressions.find((candidate) => beginsWith(bytes, candidate.magic));
  return compression === undefined ? { bytes } : unpack(bytes, file, compression);
}

/** The program unpacks a copy in a temporary folder: what a program prints is text for `runProgram`, a module is not. */
async function unpack(bytes: Uint8Array, file: string, { program, suffix }: Compression): Promise<Unpacked> {
  let folder = tmpdir();
  try {
    folder = await mkdtemp(path.join(folder, 'kptool-module-'));
    const packed = path.join(folder, `module.ko${suffix}`);
    await writeFile(packed, bytes);
    const result = await runProgram({ program, arguments: ['-d', '-q', packed], directory: folder });
    if (result.exitStatus !== 0) return { problem: `${program} (${result.output.trim().replaceAll(packed, file)})` };
    return { bytes: await readFile(path.join(folder, 'module.ko')) };
  } catch (error) {
    throw writingError(error, folder, 'work-folder-unwritable');
  } finally {
    if (folder !== tmpdir()) await rm(folder, { recursive: true, force: true });
  }
}
