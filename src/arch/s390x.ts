/**
 * s390x. Functions begin with a branch that is never taken (`-mfentry -mnop-mcount`), which ftrace turns into a call.
 * Instructions have two, four or six bytes, as their first two bits say; relative operands count halfwords from the
 * start of their instruction.
 */
import type { ElfSection, Relocation } from '../elf/object.js';
import type { Arch, Instruction } from './arch.js';
import { hexText } from './hex-text.js';
import { ordinaryRules } from './ordinary.js';

/** ELF Application Binary Interface, s390x Supplement, relocation types. */
const R_390_PC32DBL = 19;
const R_390_PLT32DBL = 20;
const R_390_64 = 22;
const R_390_GOTENT = 26;

/** `brcl 0,0`, and `brasl %r0,__fentry__` before it was nopped. */
const entryBranch = [0xc0, 0x04, 0, 0, 0, 0];
const entryCall = [0xc0, 0x05];

const lengthByTopBits = [2, 4, 4, 6] as const;

function instructionsOf({ content }: ElfSection): readonly Instruction[] | undefined {
  const found: Instruction[] = [];
  let offset = 0;
  while (offset < content.length) {
    const length = lengthByTopBits[(content[offset] ?? 0) >>> 6] ?? 2;
    found.push({ offset, length });
    offset += length;
  }
  return offset === content.length ? found : undefined;
}

function hasBytes({ content }: ElfSection, offset: number, bytes: readonly number[]): boolean {
  return bytes.every((byte, index) => content[offset + index] === byte);
}

/** `larl %rN,function`, which is relocated like a branch to the function. */
function isLoadOfAddress({ content }: ElfSection, { type, offset }: Relocation): boolean {
  const isRelative = type === R_390_PC32DBL || type === R_390_PLT32DBL;
  return isRelative && content[offset - 2] === 0xc0 && ((content[offset - 1] ?? 0) & 0xf) === 0;
}

export const s390x: Arch = {
  ...ordinaryRules,
  name: 's390x',
  machine: 22,
  byteOrders: ['big'],
  absolute64: R_390_64,
  specialTables: [
    { name: '.altinstructions', entrySize: 'ALT_STRUCT_SIZE' },
    // Places to patch when indirect branches are safe (arch/s390/kernel/nospec-branch.c): a distance each.
    { name: '.s390_indirect_jump', entrySize: 4 },
    { name: '.s390_indirect_call', entrySize: 4 },
    { name: '.s390_indirect_branches', entrySize: 4 },
    { name: '.s390_return_reg', entrySize: 4 },
    { name: '.s390_return_mem', entrySize: 4 },
  ],
  keepsAssemblerLabels: false,
  unreadSections: new Set(),
  indirectTypes: new Set(),
  traceTable: { name: '__mcount_loc', isPerFunction: false },

  targetBias(_section, relocation) {
    // The operand stands two bytes into the instruction from which it counts.
    const isRelative = [R_390_PC32DBL, R_390_PLT32DBL, R_390_GOTENT].includes(relocation.type);
    return isRelative ? -2 : 0;
  },

  storesAddress(relocation, section) {
    return relocation.type === R_390_GOTENT || isLoadOfAddress(section, relocation);
  },

  traceOffset({ section, value }) {
    if (section === undefined) return undefined;
    const isCall =
      hasBytes(section, value, entryCall) &&
      section.relocations[0]?.offset === value + 2 &&
      section.relocations[0].symbol.name === '__fentry__';
    return isCall || hasBytes(section, value, entryBranch) ? 0 : undefined;
  },

  restoreTraceCall() {},

  zeroedBytes() {
    return 0;
  },

  isEntryPadding() {
    return false;
  },

  relocatedBytes(type) {
    return type === R_390_64 ? 8 : 4;
  },

  instructions: instructionsOf,

  argumentLoad({ content }, { offset, length }) {
    // LGHI and LHI %rN,imm16: %r2 to %r6 hold arguments.
    if (length !== 4 || content[offset] !== 0xa7) return undefined;
    const [register, opcode] = [(content[offset + 1] ?? 0) >>> 4, (content[offset + 1] ?? 0) & 0xf];
    if ((opcode !== 8 && opcode !== 9) || register < 2 || register > 6) return undefined;
    return { register: `r${register}`, value: ((content[offset + 2] ?? 0) << 8) | (content[offset + 3] ?? 0) };
  },

  instructionText: hexText(2, 'big'),

  isCall({ content }, relocation) {
    // BRASL
    return content[relocation.offset - 2] === 0xc0 && ((content[relocation.offset - 1] ?? 0) & 0xf) === 5;
  },
};
