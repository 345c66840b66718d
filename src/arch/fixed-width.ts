/** What CPUs with instructions of four bytes have in common. */
import type { ElfSection } from '../elf/object.js';
import type { Instruction } from './arch.js';

const width = 4;

const knownInstructions = new WeakMap<ElfSection, readonly Instruction[]>();

/**
 * The code of a section, instruction by instruction; `undefined` for a section that ends within one. Made once per
 * section, since every line number that moved asks for them.
 */
export function fixedWidthInstructions(section: ElfSection): readonly Instruction[] | undefined {
  const count = section.content.length / width;
  if (!Number.isInteger(count)) return undefined;
  const known = knownInstructions.get(section);
  if (known?.length === count) return known;
  const instructions = Array.from({ length: count }, (_, index) => ({ offset: index * width, length: width }));
  knownInstructions.set(section, instructions);
  return instructions;
}

/** The little-endian instruction word at a section offset in bytes; 0 outside the section. */
export function wordAt({ content }: ElfSection, offset: number): number {
  if (offset < 0 || offset + width > content.length) return 0;
  return new DataView(content.buffer, content.byteOffset, content.byteLength).getUint32(offset, true);
}
