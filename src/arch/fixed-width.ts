/** What CPUs with instructions of four bytes have in common. */
import type { ElfSection } from '../elf/object.js';
import type { Instruction } from './arch.js';

const width = 4;

/** The code of a section, instruction by instruction; `undefined` for a section that ends within one. */
export function fixedWidthInstructions(section: ElfSection): readonly Instruction[] | undefined {
  if (section.content.length % width !== 0) return undefined;
  return Array.from({ length: section.content.length / width }, (_, index) => ({
    offset: index * width,
    length: width,
  }));
}

/** The little-endian instruction word at a section offset in bytes; 0 outside the section. */
export function wordAt({ content }: ElfSection, offset: number): number {
  if (offset < 0 || offset + width > content.length) return 0;
  return new DataView(content.buffer, content.byteOffset, content.byteLength).getUint32(offset, true);
}
