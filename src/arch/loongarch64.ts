/**
 * LoongArch. ftrace patches two NOPs at the function's entry (`-fpatchable-function-entry=2`); the compiler lists them in
 * `__patchable_function_entries`, one section per function.
 */
import type { Arch } from './arch.js';
import { fixedWidthInstructions, wordAt } from './fixed-width.js';
import { hexText } from './hex-text.js';
import { ordinaryRules } from './ordinary.js';

/** ELF for the LoongArch Architecture, relocation types. */
const R_LARCH_64 = 2;
const R_LARCH_B26 = 66;
const R_LARCH_PCALA_HI20 = 71;
const R_LARCH_PCALA_LO12 = 72;
const R_LARCH_GOT_PC_HI20 = 75;
const R_LARCH_GOT_PC_LO12 = 76;
const R_LARCH_CALL36 = 110;

/** The two halves of an address, computed or (`-fPIC`, global functions) taken from the table that the loader fills in. */
const addressTypes = new Set([R_LARCH_PCALA_HI20, R_LARCH_PCALA_LO12, R_LARCH_GOT_PC_HI20, R_LARCH_GOT_PC_LO12]);

/** `andi $zero, $zero, 0` */
const NOP = 0x03400000;

export const loongarch64: Arch = {
  ...ordinaryRules,
  name: 'loongarch64',
  machine: 258,
  byteOrders: ['little'],
  absolute64: R_LARCH_64,
  specialTables: [{ name: '.altinstructions', entrySize: 'ALT_STRUCT_SIZE' }],
  keepsAssemblerLabels: true,
  unreadSections: new Set(),
  indirectTypes: new Set(),
  traceTable: { name: '__patchable_function_entries', isPerFunction: true },

  targetBias() {
    return 0;
  },

  storesAddress(relocation) {
    return addressTypes.has(relocation.type);
  },

  traceOffset({ section, value }) {
    if (section === undefined) return undefined;
    return wordAt(section, value) === NOP && wordAt(section, value + 4) === NOP ? 0 : undefined;
  },

  restoreTraceCall() {},

  zeroedBytes() {
    return 0;
  },

  isEntryPadding(section, bytes) {
    if (bytes % 4 !== 0) return false;
    for (let offset = 0; offset < bytes; offset += 4) {
      if (wordAt(section, offset) !== NOP) return false;
    }
    return true;
  },

  relocatedBytes(type) {
    // CALL36 fills in two instructions.
    return type === R_LARCH_64 || type === R_LARCH_CALL36 ? 8 : 4;
  },

  instructions: fixedWidthInstructions,

  argumentLoad(section, { offset }) {
    // ORI or ADDI.W of $zero: $a0 to $a7 are the registers 4 to 11.
    const word = wordAt(section, offset);
    const [opcode, source, target] = [word >>> 22, (word >>> 5) & 0x1f, word & 0x1f];
    const isLoad = (opcode === 0x03800000 >>> 22 || opcode === 0x02800000 >>> 22) && source === 0;
    if (!isLoad || target < 4 || target > 11) return undefined;
    return { register: `a${target - 4}`, value: (word >>> 10) & 0xfff };
  },

  instructionText: hexText(4, 'little'),

  isCall(_section, relocation) {
    return relocation.type === R_LARCH_B26 || relocation.type === R_LARCH_CALL36;
  },
};
