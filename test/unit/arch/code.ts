/** Functions made of bytes, for the tests of the CPUs. */
import { SHF, SHT, STB, STT } from '../../../src/elf/constants.js';
import { ElfSection, ElfSymbol, type Relocation } from '../../../src/elf/object.js';

/** A section `.text.show` with that code. */
export function codeSection(content: readonly number[]): ElfSection {
  return new ElfSection({
    name: '.text.show',
    type: SHT.PROGBITS,
    flags: SHF.ALLOC | SHF.EXECINSTR,
    content: Uint8Array.from(content),
  });
}

/** Instruction words as bytes. */
export function words(order: 'little' | 'big', ...values: readonly number[]): number[] {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    if (order === 'little') bytes.writeUInt32LE(value >>> 0, index * 4);
    else bytes.writeUInt32BE(value >>> 0, index * 4);
  });
  return [...bytes];
}

/** The function `show` from `value` to the end of the section. */
export function functionIn(section: ElfSection, value = 0, other = 0): ElfSymbol {
  const size = section.content.length - value;
  return new ElfSymbol({ name: 'show', place: section, value, size, other, bind: STB.GLOBAL, type: STT.FUNC });
}

/** Adds a relocation for the undefined symbol `name`. */
export function relocate(section: ElfSection, offset: number, type: number, name = 'callee', addend = 0): Relocation {
  const relocation = { offset, type, symbol: new ElfSymbol({ name, place: 'undefined', bind: STB.GLOBAL }), addend };
  section.relocations.push(relocation);
  return relocation;
}
