/**
 * The writing end of the intermediate format: what a diffed object asks of the livepatch loader, as sections that
 * survive the kernel's own link. `intermediate.ts` is the other end.
 */
import { ByteWriter } from '../elf/bytes.js';
import { SHF, SHT, STB, STT } from '../elf/constants.js';
import { type ElfObject, ElfSection, ElfSymbol } from '../elf/object.js';
import {
  ARCH_SECTIONS,
  CALLBACKS,
  FUNCS,
  RELOCATIONS,
  STRINGS_SECTION,
  SYMBOLS,
  TABLE_ALIGNMENT,
} from './intermediate-layout.js';
import type { LivepatchParts } from './livepatch.js';
import { VMLINUX } from './names.js';

/**
 * Adds the intermediate sections for `parts` to the diffed object, which it changes. `absolute64` is the CPU's relocation
 * type that stores an address (`Arch.absolute64`). The relocations of `parts` must already be gone from their sections.
 *
 * Each relocation gets an entry of its own in `.kpatch.symbols`, also where two mean the same symbol, because kpatch's
 * create-klp-module refuses objects in which the two counts differ.
 */
export function encodeIntermediate(object: ElfObject, parts: LivepatchParts, absolute64: number): void {
  const sectionSymbol = sectionSymbols(object);
  const strings = new Strings(object, sectionSymbol);
  const byteOrder = object.format.byteOrder;
  const table = (layout: { section: string; entrySize: number }, count: number) =>
    new Table(layout, count, byteOrder, absolute64);

  const funcs = table(FUNCS, parts.functions.length);
  for (const [index, replaced] of parts.functions.entries()) {
    funcs.pointer(index, FUNCS.newAddress, replaced.replacement, 0);
    funcs.writer.u64(funcs.at(index, FUNCS.newSize), replaced.replacementSize);
    funcs.address(index, FUNCS.oldAddress, replaced.originalAddress);
    funcs.writer.u64(funcs.at(index, FUNCS.oldSize), replaced.originalSize);
    funcs.writer.u64(funcs.at(index, FUNCS.sympos), replaced.sympos);
    funcs.pointer(index, FUNCS.name, ...strings.place(replaced.name));
    funcs.pointer(index, FUNCS.object, ...strings.place(replaced.object));
  }

  const symbols = table(SYMBOLS, parts.relocations.length);
  const relocations = table(RELOCATIONS, parts.relocations.length);
  object.sections.push(funcs.section, symbols.section, relocations.section);
  const symbolsStart = sectionSymbol(symbols.section);
  for (const [index, relocation] of parts.relocations.entries()) {
    const { symbol } = relocation;
    // A module's address is known only once it is loaded; the reference leaves the field 0 there.
    symbols.address(index, SYMBOLS.address, relocation.object === VMLINUX ? symbol.address : 0n);
    symbols.writer.u64(symbols.at(index, SYMBOLS.sympos), symbol.sympos);
    symbols.writer.u8(symbols.at(index, SYMBOLS.bind), symbol.bind);
    symbols.writer.u8(symbols.at(index, SYMBOLS.type), symbol.type);
    symbols.pointer(index, SYMBOLS.name, ...strings.place(symbol.name));
    symbols.pointer(index, SYMBOLS.object, ...strings.place(symbol.object));

    relocations.pointer(index, RELOCATIONS.place, sectionSymbol(relocation.section), relocation.offset);
    relocations.writer.u32(relocations.at(index, RELOCATIONS.type), relocation.type);
    relocations.writer.u32(relocations.at(index, RELOCATIONS.isExternal), relocation.isExternal ? 1 : 0);
    relocations.writer.i64(relocations.at(index, RELOCATIONS.addend), relocation.addend);
    relocations.pointer(index, RELOCATIONS.object, ...strings.place(relocation.object));
    relocations.pointer(index, RELOCATIONS.symbol, symbolsStart, index * SYMBOLS.entrySize);
  }

  // The author's macros made the records; the name of the klp object is what they lack.
  for (const { section, offset, object: klpObject } of parts.callbacks) {
    const [symbol, addend] = strings.place(klpObject);
    section.relocations.push({ offset: offset + CALLBACKS.object, type: absolute64, symbol, addend });
  }

  if (parts.archSections.length > 0) {
    const arch = table(ARCH_SECTIONS, parts.archSections.length);
    for (const [index, late] of parts.archSections.entries()) {
      arch.pointer(index, ARCH_SECTIONS.target, sectionSymbol(late.section), 0);
      arch.pointer(index, ARCH_SECTIONS.object, ...strings.place(late.object));
    }
    object.sections.push(arch.section);
  }
  strings.close();
}

type SectionSymbol = (section: ElfSection) => ElfSymbol;

/** Finds the symbol that stands for a section as a whole; it is added where the assembler left it out as unused. */
function sectionSymbols(object: ElfObject): SectionSymbol {
  const present = new Map<ElfSection, ElfSymbol>();
  for (const symbol of object.symbols) {
    if (symbol.type === STT.SECTION && symbol.section !== undefined) present.set(symbol.section, symbol);
  }
  return (section) => {
    const known = present.get(section);
    if (known !== undefined) return known;
    const symbol = new ElfSymbol({ name: '', place: section, bind: STB.LOCAL, type: STT.SECTION });
    object.symbols.push(symbol);
    present.set(section, symbol);
    return symbol;
  };
}

/** One table of fixed-size entries, and the relocations that are its pointers. */
class Table {
  readonly section: ElfSection;
  readonly writer: ByteWriter;
  private readonly view: DataView;
  private readonly isLittle: boolean;

  constructor(
    private readonly layout: { readonly section: string; readonly entrySize: number },
    count: number,
    byteOrder: 'little' | 'big',
    private readonly absolute64: number,
  ) {
    this.writer = new ByteWriter(count * layout.entrySize, byteOrder);
    this.view = new DataView(this.writer.bytes.buffer);
    this.isLittle = byteOrder === 'little';
    this.section = new ElfSection({
      name: layout.section,
      type: SHT.PROGBITS,
      flags: SHF.ALLOC,
      alignment: TABLE_ALIGNMENT,
      entrySize: layout.entrySize,
      content: this.writer.bytes,
    });
  }

  at(index: number, field: number): number {
    return index * this.layout.entrySize + field;
  }

  /** A kernel address uses all 64 bits. */
  address(index: number, field: number, value: bigint): void {
    this.view.setBigUint64(this.at(index, field), value, this.isLittle);
  }

  pointer(index: number, field: number, symbol: ElfSymbol, addend: number): void {
    this.section.relocations.push({ offset: this.at(index, field), type: this.absolute64, symbol, addend });
  }
}

/** `.kpatch.strings`, each string once. */
class Strings {
  private readonly section: ElfSection;
  private readonly symbol: ElfSymbol;
  private readonly offsets = new Map<string, number>();
  private readonly parts: Uint8Array[] = [];
  private length = 0;

  constructor(object: ElfObject, sectionSymbol: SectionSymbol) {
    this.section = new ElfSection({ name: STRINGS_SECTION, type: SHT.PROGBITS, flags: SHF.ALLOC, entrySize: 1 });
    object.sections.push(this.section);
    this.symbol = sectionSymbol(this.section);
  }

  /** The section's symbol and the string's offset in bytes, as a relocation wants them. */
  place(text: string): [ElfSymbol, number] {
    const known = this.offsets.get(text);
    if (known !== undefined) return [this.symbol, known];
    const offset = this.length;
    const bytes = new TextEncoder().encode(`${text}\0`);
    this.parts.push(bytes);
    this.offsets.set(text, offset);
    this.length += bytes.length;
    return [this.symbol, offset];
  }

  close(): void {
    const content = new Uint8Array(this.length);
    let offset = 0;
    for (const part of this.parts) {
      content.set(part, offset);
      offset += part.length;
    }
    this.section.content = content;
    this.section.size = content.length;
  }
}
