/**
 * Unpacks a module as distributions install it: `.ko.xz`, `.ko.zst`, `.ko.gz`. Decided by the first bytes, not by the
 * file's name.
 */
import { fail } from '../diagnostics/catalogue.js';
import { decompress } from './decompress.js';

/**
 * The module's bytes, unpacked where they are compressed. Throws `module-malformed` when they do not unpack, and what
 * `decompress` throws.
 */
export async function decompressModule(bytes: Uint8Array, file: string): Promise<Uint8Array> {
  const unpacked = await decompress(bytes, file);
  return 'bytes' in unpacked
    ? unpacked.bytes
    : fail('module-malformed', { file, reason: `it does not unpack with ${unpacked.problem}` });
}
