/**
 * On ppc64le code reaches data through a table of addresses, `.toc`: the instruction's relocation names a slot, the slot's
 * own relocation names the variable. Which slot it is changes with every variable that is added, so everyone who asks
 * what code refers to must look through the table.
 */
import type { ElfSection, Relocation } from '../elf/object.js';
import type { Arch } from './arch.js';

interface KnownSlots {
  readonly relocations: readonly Relocation[];
  readonly count: number;
  readonly slots: ReadonlyMap<number, Relocation>;
}

const slotsOf = new WeakMap<ElfSection, KnownSlots>();

/** What a slot holds where no relocation fills it: `undefined`; its bytes are a constant then. */
function slotAt(table: ElfSection, offset: number): Relocation | undefined {
  let known = slotsOf.get(table);
  // Relocations are taken out of the table while the livepatch is assembled.
  const { relocations } = table;
  if (known === undefined || known.relocations !== relocations || known.count !== relocations.length) {
    const slots = new Map(relocations.map((relocation) => [relocation.offset, relocation]));
    known = { relocations, count: relocations.length, slots };
    slotsOf.set(table, known);
  }
  return known.slots.get(offset);
}

/** The relocation names a slot of the table rather than what it means. */
export function isIndirect(arch: Arch, relocation: Relocation): boolean {
  return arch.indirectTypes.has(relocation.type) && relocation.symbol.section !== undefined;
}

/** The relocation that tells what is meant: the slot's for an indirect one, else itself; `undefined` for a constant. */
export function dereference(arch: Arch, relocation: Relocation): Relocation | undefined {
  const table = relocation.symbol.section;
  if (table === undefined || !isIndirect(arch, relocation)) return relocation;
  return slotAt(table, relocation.symbol.value + relocation.addend);
}

/** The eight bytes of the slot that an indirect relocation names, as hex text. */
export function slotConstant(relocation: Relocation): string {
  const { symbol, addend } = relocation;
  const start = symbol.value + addend;
  return Buffer.from(symbol.section?.content.subarray(start, start + 8) ?? []).toString('hex');
}
