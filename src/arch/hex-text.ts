/** Instructions as the words that they are made of, for CPUs without a disassembler at hand. */
import type { ByteOrder, ElfSection } from '../elf/object.js';
import { noSymbol } from '../elf/object.js';
import { relocationsWithin } from '../elf/relocations-within.js';
import type { Instruction, InstructionWords } from './arch.js';

/** `c0e5 0000 0000`, each word as the CPU reads it: `wordSize` bytes in `byteOrder`. A rest is printed as it is. */
export function hexWords(bytes: Uint8Array, wordSize: number, byteOrder: ByteOrder): string {
  const words: string[] = [];
  for (let at = 0; at < bytes.length; at += wordSize) {
    const word = Buffer.from(bytes.subarray(at, at + wordSize));
    words.push((byteOrder === 'little' ? word.reverse() : word).toString('hex'));
  }
  return words.join(' ');
}

/** @returns `Arch.instructionText` for a CPU of such words: `94000000 printk`, the words and what they refer to */
export function hexText(wordSize: number, byteOrder: ByteOrder) {
  return (section: ElfSection, { offset, length }: Instruction, words: InstructionWords): string => {
    const references = relocationsWithin(section, offset, offset + length).filter(({ symbol }) => symbol !== noSymbol);
    const hex = hexWords(section.content.subarray(offset, offset + length), wordSize, byteOrder);
    return [hex, ...references.map((relocation) => words.reference(relocation))].join(' ');
  };
}
