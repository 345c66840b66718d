/**
 * ppc64le (ELFv2). A function has two entries: the global one sets up r2, the pointer to `.toc`, the local one, for calls
 * from the same object, comes after that (`st_other` says how far). With `-mcmodel=large` eight bytes with the distance to
 * `.toc` stand in front of the function. ftrace patches the call of `_mcount` behind the entry.
 */
import type { ElfSection, ElfSymbol } from '../elf/object.js';
import { relocationsWithin } from '../elf/relocations-within.js';
import type { Arch } from './arch.js';
import { fixedWidthInstructions, wordAt } from './fixed-width.js';
import { hexText } from './hex-text.js';

/** Power Architecture 64-Bit ELF V2 ABI, table 3.15. */
const R_PPC64_REL24 = 10;
const R_PPC64_ADDR64 = 38;
const R_PPC64_REL64 = 44;
const R_PPC64_TOC16_HA = 50;
const R_PPC64_TOC16_LO_DS = 64;
const R_PPC64_REL24_NOTOC = 116;
const R_PPC64_ENTRY = 118;
const R_PPC64_REL16_LO = 250;
const R_PPC64_REL16_HA = 252;

/** `b .`: an unconditional branch whose target a relocation fills in, without the link bit of a call. */
const branchWithoutLink = 0x48000000;
/** Bytes before the global entry with `-mcmodel=large`. */
const tocDistanceSize = 8;

const indirectTypes = new Set([R_PPC64_TOC16_HA, R_PPC64_TOC16_LO_DS]);

/** The bits of `st_other` that say where the local entry is (ABI, section 3.4.1). */
function hasLocalEntry({ other }: ElfSymbol): boolean {
  return (other >> 5) % 8 > 1;
}

/** A function in a shared section (`.init.text`) must not be taken for traced because its neighbour is. */
function mcountCall(section: ElfSection, { value, size }: ElfSymbol) {
  return relocationsWithin(section, value, value + size).find(({ symbol }) => symbol.name === '_mcount');
}

export const ppc64le: Arch = {
  name: 'ppc64le',
  machine: 21,
  byteOrders: ['little'],
  absolute64: R_PPC64_ADDR64,
  specialTables: [
    // Code that is patched for the CPU at hand (arch/powerpc/include/asm/feature-fixups.h).
    { name: '__ftr_fixup', entrySize: 'FIXUP_STRUCT_SIZE' },
    { name: '__mmu_ftr_fixup', entrySize: 'FIXUP_STRUCT_SIZE' },
    { name: '__fw_ftr_fixup', entrySize: 'FIXUP_STRUCT_SIZE' },
    { name: '__lwsync_fixup', entrySize: 8 },
    { name: '__barrier_nospec_fixup', entrySize: 8 },
  ],
  keepsAssemblerLabels: false,
  unreadSections: new Set(),
  indirectTypes,
  traceTable: { name: '__mcount_loc', isPerFunction: false },

  targetBias() {
    return 0;
  },

  storesAddress(relocation) {
    return indirectTypes.has(relocation.type);
  },

  isLoaderOwn(relocation, section) {
    // Distances within the function, and the offer to shorten its entry: they have no symbol of their own.
    const own = [R_PPC64_REL16_HA, R_PPC64_REL16_LO, R_PPC64_ENTRY];
    return own.includes(relocation.type) || (relocation.type === R_PPC64_REL64 && section.name !== '__jump_table');
  },

  hasEntryOfItsOwn(symbol) {
    return hasLocalEntry(symbol) && symbol.value === tocDistanceSize;
  },

  traceOffset(functionSymbol) {
    const { section, value } = functionSymbol;
    const call = section && mcountCall(section, functionSymbol);
    return call === undefined ? undefined : call.offset - value;
  },

  restoreTraceCall() {},

  zeroedBytes() {
    return 0;
  },

  isEntryPadding(_section, bytes, functionSymbol) {
    return bytes === tocDistanceSize && hasLocalEntry(functionSymbol);
  },

  siblingCalls({ section, value, size }) {
    if (section === undefined) return [];
    return relocationsWithin(section, value, value + size)
      .filter(({ type, offset }) => type === R_PPC64_REL24 && wordAt(section, offset) === branchWithoutLink)
      .map(({ offset }) => offset - value);
  },

  relocatedBytes(type) {
    return type === R_PPC64_ADDR64 || type === R_PPC64_REL64 ? 8 : 4;
  },

  instructions: fixedWidthInstructions,

  argumentLoad(section, { offset }) {
    // LI: ADDI without a source register; r3 to r10 hold arguments.
    const word = wordAt(section, offset);
    const [opcode, target, source] = [word >>> 26, (word >>> 21) & 0x1f, (word >>> 16) & 0x1f];
    if (opcode !== 14 || source !== 0 || target < 3 || target > 10) return undefined;
    return { register: `r${target}`, value: word & 0xffff };
  },

  instructionText: hexText(4, 'little'),

  isCall(_section, relocation) {
    return relocation.type === R_PPC64_REL24 || relocation.type === R_PPC64_REL24_NOTOC;
  },
};
