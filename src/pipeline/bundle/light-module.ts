/** A module with everything that the comparison asks of it, and little else: most of a module are debug data. */
import { SHF } from '../../elf/constants.js';
import { hasContent, readHeaders } from '../../elf/headers.js';

/** Of debug data only the compilers' options are read; see `buildMarks`. */
const unread = /^\.(?:rela\.?)?\.?(?:debug_|BTF)/;

/**
 * The module with zeros for its debug data; every section stays where it is, so that symbol table, code and all that
 * messages say of them are the same. Throws `elf-*`.
 */
export function lightModule(bytes: Uint8Array, fileName: string): Buffer {
  const light = Buffer.from(bytes);
  for (const header of readHeaders(bytes, fileName).headers) {
    if (!unread.test(header.name) || !hasContent(header)) continue;
    const content = light.subarray(header.offset, header.offset + header.size);
    if (header.name === '.debug_str' && (header.flags & SHF.COMPRESSED) === 0) keepOptions(content);
    else content.fill(0);
  }
  return light;
}

/** Texts like `GNU C11 12.2.0 -O2 …`, each ended by a zero byte. */
function keepOptions(texts: Buffer): void {
  for (let start = 0; start < texts.length; ) {
    const zero = texts.indexOf(0, start);
    const end = zero === -1 ? texts.length : zero;
    if (!texts.subarray(start, start + 5).equals(Buffer.from('GNU C'))) texts.fill(0, start, end);
    start = end + 1;
  }
}
