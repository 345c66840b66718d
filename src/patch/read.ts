/** Reads patch files, and the files that they change, as text that can be turned back into the same bytes. */
import { parsePatch } from './parse.js';
import type { Patch, PatchEncoding } from './patch.js';

/**
 * The patch in the content of the file at `path`. Throws what `parsePatch` throws. A patch that is not UTF-8 is read as
 * Latin-1, which keeps its bytes; only letters in messages may look odd then.
 */
export function patchIn(content: Uint8Array, path: string): Patch {
  const { text, encoding } = decode(content);
  return parsePatch(text, path, encoding);
}

/** Bytes as text; `Buffer.from(text, encoding)` gives the same bytes again. */
export function decode(bytes: Uint8Array): { text: string; encoding: PatchEncoding } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), encoding: 'utf8' };
  } catch {
    return { text: Buffer.from(bytes).toString('latin1'), encoding: 'latin1' };
  }
}
