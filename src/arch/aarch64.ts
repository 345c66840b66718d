/**
 * arm64. ftrace patches two NOPs at the function's entry, behind a `bti c` where branches must land on one, that
 * `-fpatchable-function-entry` leaves there; the compiler lists them in `__patchable_function_entries`, one section per
 * function.
 */
import type { ElfSection } from '../elf/object.js';
import type { Arch } from './arch.js';
import { fixedWidthInstructions, wordAt } from './fixed-width.js';
import { hexText } from './hex-text.js';
import { ordinaryRules } from './ordinary.js';

/** ELF for the Arm 64-bit Architecture (AAELF64), tables of relocations. */
const R_AARCH64_ABS64 = 257;
const R_AARCH64_ADR_PREL_PG_HI21 = 275;
const R_AARCH64_ADD_ABS_LO12_NC = 277;
const R_AARCH64_JUMP26 = 282;
const R_AARCH64_CALL26 = 283;

const NOP = 0xd503201f;
const BTI_C = 0xd503245f;
const entryNops = 2;

function isPadding(section: ElfSection, bytes: number): boolean {
  if (bytes % 4 !== 0) return false;
  // Stops at the first instruction that is none, however far the function is from the start of its section.
  for (let offset = 0; offset < bytes; offset += 4) {
    if (wordAt(section, offset) !== NOP) return false;
  }
  return true;
}

export const aarch64: Arch = {
  ...ordinaryRules,
  name: 'arm64',
  machine: 183,
  byteOrders: ['little', 'big'],
  absolute64: R_AARCH64_ABS64,
  specialTables: [{ name: '.altinstructions', entrySize: 'ALT_STRUCT_SIZE' }],
  keepsAssemblerLabels: false,
  unreadSections: new Set(),
  indirectTypes: new Set(),
  traceTable: { name: '__patchable_function_entries', isPerFunction: true },

  targetBias() {
    return 0;
  },

  storesAddress(relocation) {
    return relocation.type === R_AARCH64_ADR_PREL_PG_HI21 || relocation.type === R_AARCH64_ADD_ABS_LO12_NC;
  },

  traceOffset({ section, value }) {
    if (section === undefined) return undefined;
    const offset = wordAt(section, value) === BTI_C ? 4 : 0;
    for (let index = 0; index < entryNops; index++) {
      if (wordAt(section, value + offset + index * 4) !== NOP) return undefined;
    }
    // With NOPs in front of the function too (-fpatchable-function-entry=4,2) the kernel is given the first of those.
    return value > 0 && isPadding(section, value) ? -value : offset;
  },

  restoreTraceCall() {},

  zeroedBytes() {
    return 0;
  },

  isEntryPadding: isPadding,

  relocatedBytes(type) {
    return type === R_AARCH64_ABS64 ? 8 : 4;
  },

  instructions: fixedWidthInstructions,

  argumentLoad(section, { offset }) {
    // MOVZ Wd, #imm16: the first eight registers hold arguments (AAPCS64).
    const word = wordAt(section, offset);
    const register = word & 0x1f;
    if (word >>> 21 !== 0x52800000 >>> 21 || register > 7) return undefined;
    return { register: `w${register}`, value: (word >>> 5) & 0xffff };
  },

  instructionText: hexText(4, 'little'),

  isCall(_section, relocation) {
    return relocation.type === R_AARCH64_CALL26 || relocation.type === R_AARCH64_JUMP26;
  },
};
