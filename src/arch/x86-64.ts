/**
 * x86-64. Functions begin with a call of `__fentry__` (`-pg -mfentry`), after an `endbr64` where indirect branches are
 * tracked, and may be preceded by padding (`-fpatchable-function-entry=16,16`). Code references count from the end of
 * the instruction, so finding what a section-relative reference means takes decoding.
 */
import { SHF } from '../elf/constants.js';
import type { ElfSection } from '../elf/object.js';
import { countBelow } from '../elf/sorted.js';
import type { Arch, DirectJump, Instruction } from './arch.js';
import { iced } from './iced.js';
import { ordinaryRules } from './ordinary.js';
import { assemblyText } from './x86-64-text.js';

/** System V ABI, AMD64 supplement, table 4.9. */
const R_X86_64_NONE = 0;
const R_X86_64_64 = 1;
const R_X86_64_PC32 = 2;
const R_X86_64_PLT32 = 4;
const R_X86_64_32 = 10;
const R_X86_64_32S = 11;
const R_X86_64_PC64 = 24;

const CALL_OPCODE = 0xe8;
const JUMP_OPCODE = 0xe9;
const SHORT_JUMP_OPCODE = 0xeb;
const ENDBR64 = [0xf3, 0x0f, 0x1e, 0xfa];

const absoluteTypes = new Set([R_X86_64_64, R_X86_64_32, R_X86_64_32S]);
const relativeTypes = new Set([R_X86_64_PC32, R_X86_64_PLT32, R_X86_64_PC64]);

/** Integer arguments of the calling convention in their order, which is where a line number or a limit is passed. */
const argumentRegisters = [
  ['EDI', 'RDI'],
  ['ESI', 'RSI'],
  ['EDX', 'RDX'],
  ['ECX', 'RCX'],
  ['R8D', 'R8'],
  ['R9D', 'R9'],
] as const;

const decodedSections = new WeakMap<ElfSection, readonly Instruction[] | null>();

/** Decodes once per section; a reference to data in the middle of code would otherwise cost a pass each. */
function decode(section: ElfSection): readonly Instruction[] | undefined {
  const known = decodedSections.get(section);
  if (known !== undefined) return known ?? undefined;
  const { Code, Decoder, DecoderOptions, Instruction: Decoded } = iced();
  const decoder = new Decoder(64, section.content, DecoderOptions.None);
  const instruction = new Decoded();
  const found: Instruction[] = [];
  let isWhole = true;
  let offset = 0;
  while (decoder.canDecode) {
    decoder.decodeOut(instruction);
    if (instruction.code === Code.INVALID) {
      isWhole = false;
      break;
    }
    found.push({ offset, length: instruction.length });
    offset += instruction.length;
  }
  instruction.free();
  decoder.free();
  decodedSections.set(section, isWhole ? found : null);
  return isWhole ? found : undefined;
}

/** The instruction that covers `offset`, by bisection. */
function instructionAt(instructions: readonly Instruction[], offset: number): Instruction | undefined {
  const candidate = instructions[countBelow(instructions, (instruction) => instruction.offset <= offset) - 1];
  return candidate !== undefined && offset < candidate.offset + candidate.length ? candidate : undefined;
}

/** `lea`, and `mov` from and to memory. */
const withoutImmediate = new Set([0x8d, 0x8b, 0x89]);

/**
 * The four bytes end their instruction, as seen from the bytes before them, which spares decoding the function: a call, a
 * jump, or `lea` or `mov` with an address relative to the instruction pointer (ModRM with mod 0 and r/m 5).
 */
function isLastOperand({ content }: ElfSection, offset: number): boolean {
  const last = content[offset - 1] ?? 0;
  if (last === CALL_OPCODE || last === JUMP_OPCODE) return true;
  return (last & 0xc7) === 5 && withoutImmediate.has(content[offset - 2] ?? 0);
}

function hasBytes(section: ElfSection, offset: number, bytes: readonly number[]): boolean {
  return bytes.every((byte, index) => section.content[offset + index] === byte);
}

/** The little-endian number of one or four bytes at a section offset. */
function signedAt({ content }: ElfSection, offset: number, width: 1 | 4): number {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  return width === 1 ? view.getInt8(offset) : view.getInt32(offset, true);
}

/** `jmp` and conditional jumps, with distances of one or four bytes. */
function directJump(section: ElfSection, { offset, length }: Instruction): DirectJump | undefined {
  const [first = 0, second = 0] = section.content.subarray(offset, offset + 2);
  const jump = (condition: number, width: 1 | 4) => ({
    condition,
    target: offset + length + signedAt(section, offset + length - width, width),
  });
  if (length === 2 && first === SHORT_JUMP_OPCODE) return jump(-1, 1);
  if (length === 5 && first === JUMP_OPCODE) return jump(-1, 4);
  if (length === 2 && first >> 4 === 7) return jump(first & 0xf, 1);
  return length === 6 && first === 0x0f && second >> 4 === 8 ? jump(second & 0xf, 4) : undefined;
}

export const x86_64: Arch = {
  ...ordinaryRules,
  name: 'x86-64',
  machine: 62,
  byteOrders: ['little'],
  absolute64: R_X86_64_64,
  specialTables: [
    { name: '.smp_locks', entrySize: 4 },
    { name: '.parainstructions', entrySize: 'PARA_STRUCT_SIZE' },
    { name: '.static_call_sites', entrySize: 'STATIC_CALL_STRUCT_SIZE' },
    { name: '.altinstructions', entrySize: 'ALT_STRUCT_SIZE' },
    { name: '.retpoline_sites', entrySize: 4 },
    { name: '.return_sites', entrySize: 4 },
    { name: '.call_sites', entrySize: 4 },
    { name: '.kcfi_traps', entrySize: 4 },
  ],
  keepsAssemblerLabels: false,
  unreadSections: new Set([
    // On x86 ftrace reads __mcount_loc; this one is a by-product of -fpatchable-function-entry.
    '__patchable_function_entries',
    // An ENDBR left in place is harmless, one removed by mistake is fatal (arch/x86/kernel/alternative.c).
    '.ibt_endbr_seal',
  ]),

  objtool: {
    returnSites: '.return_sites',
    returnJump({ content }, { type, offset, symbol }) {
      const isReturn = symbol.name === '__x86_return_thunk' && relativeTypes.has(type);
      return isReturn && content[offset - 1] === JUMP_OPCODE ? offset - 1 : undefined;
    },
    seals: '.ibt_endbr_seal',
  },
  indirectTypes: new Set(),
  traceTable: { name: '__mcount_loc', isPerFunction: false },

  targetBias(section, relocation) {
    if (absoluteTypes.has(relocation.type)) return 0;
    if (!relativeTypes.has(relocation.type)) return undefined;
    // In data (say __bug_table) the reference counts from the place itself.
    if ((section.flags & SHF.EXECINSTR) === 0) return 0;
    if (isLastOperand(section, relocation.offset)) return 4;
    const instructions = decode(section);
    const instruction = instructions && instructionAt(instructions, relocation.offset);
    // Undecodable code: almost every operand is the last part of its instruction, four bytes long.
    return instruction === undefined ? 4 : instruction.offset + instruction.length - relocation.offset;
  },

  storesAddress(relocation) {
    return relocation.type === R_X86_64_32S;
  },

  traceOffset(functionSymbol) {
    const section = functionSymbol.section;
    const first = section?.relocations[0];
    if (section === undefined || first === undefined) return undefined;
    if (first.symbol.name !== '__fentry__' && first.symbol.name !== 'mcount') return undefined;
    const start = functionSymbol.value;
    const entry = hasBytes(section, start, ENDBR64) ? start + ENDBR64.length : start;
    if (first.offset !== entry + 1) return undefined;
    // Objects that went through recordmcount hold a NOP and R_X86_64_NONE in place of the call.
    const isTraced =
      first.type === R_X86_64_NONE ? section.content[entry] === 0x0f : section.content[entry] === CALL_OPCODE;
    return isTraced ? entry - start : undefined;
  },

  isCallTarget({ section, value }) {
    return section !== undefined && hasBytes(section, value, ENDBR64);
  },

  restoreTraceCall(functionSymbol) {
    const section = functionSymbol.section;
    const first = section?.relocations[0];
    if (section === undefined || first === undefined || first.type !== R_X86_64_NONE) return;
    const entry = first.offset - 1;
    section.content = Uint8Array.from(section.content);
    section.content.set([CALL_OPCODE, 0, 0, 0, 0], entry);
    first.type = R_X86_64_PC32;
  },

  zeroedBytes(type) {
    return type === R_X86_64_64 || type === R_X86_64_PC64 ? 8 : 4;
  },

  relocatedBytes(type) {
    return type === R_X86_64_64 || type === R_X86_64_PC64 ? 8 : 4;
  },

  inPlaceTarget(section, { type, offset }, bias) {
    if (type !== R_X86_64_PC32 && type !== R_X86_64_PLT32) return undefined;
    if (offset < 0 || offset + 4 > section.content.length) return undefined;
    return offset + bias + signedAt(section, offset, 4);
  },

  // -mcmodel=kernel: all code and data in the last two gigabytes, and per-CPU data from 0 on.
  linkedTarget(section, { type, offset }, bias, address) {
    if (offset < 0 || offset + 4 > section.content.length) return undefined;
    const value = signedAt(section, offset, 4);
    if (absoluteTypes.has(type)) return value >>> 0;
    return relativeTypes.has(type) ? (address + offset + bias + value) >>> 0 : undefined;
  },

  jumps: { of: directJump, isPadding: isNop },
  // int3 (arch/x86/kernel/vmlinux.lds.S).
  fillByte: 0xcc,

  isEntryPadding(section, bytes) {
    const instructions = decode(section);
    if (instructions === undefined) return false;
    for (const instruction of instructions) {
      if (instruction.offset >= bytes) return instruction.offset === bytes;
      if (!isNop(section, instruction)) return false;
    }
    return false;
  },

  instructions: decode,

  argumentLoad(section, instruction) {
    const { Code, Decoder, DecoderOptions, OpKind, Register } = iced();
    const decoder = new Decoder(
      64,
      section.content.subarray(instruction.offset, instruction.offset + instruction.length),
      DecoderOptions.None,
    );
    const decoded = decoder.decode();
    try {
      // `mov $string, %rdi` is how an address is loaded.
      const isWide = decoded.code === Code.Mov_rm64_imm32 && decoded.op0Kind === OpKind.Register;
      if (decoded.code !== Code.Mov_r32_imm32 && !isWide) return undefined;
      const position = argumentRegisters.findIndex((names) =>
        names.some((name) => Register[name] === decoded.op0Register),
      );
      const name = argumentRegisters[position]?.[0];
      return name === undefined ? undefined : { register: name.toLowerCase(), value: decoded.immediate32, position };
    } finally {
      decoded.free();
      decoder.free();
    }
  },

  instructionText: assemblyText,

  isCall(section, relocation) {
    return relativeTypes.has(relocation.type) && section.content[relocation.offset - 1] === CALL_OPCODE;
  },

  isJump({ content }, { type, offset }) {
    const last = content[offset - 1] ?? 0;
    const isConditional = content[offset - 2] === 0x0f && last >> 4 === 8;
    return relativeTypes.has(type) && (last === JUMP_OPCODE || isConditional);
  },

  readsInPlace(section, relocation) {
    const instructions = decode(section);
    const instruction = instructions && instructionAt(instructions, relocation.offset);
    if (instruction === undefined) return false;
    const { offset, length } = instruction;
    const { Decoder, DecoderOptions, Mnemonic } = iced();
    const decoder = new Decoder(64, section.content.subarray(offset, offset + length), DecoderOptions.None);
    const decoded = decoder.decode();
    const constants = decoder.getConstantOffsets(decoded);
    try {
      const isDisplacement = constants.hasDisplacement && constants.displacementOffset === relocation.offset - offset;
      return isDisplacement && decoded.mnemonic !== Mnemonic.Lea;
    } finally {
      constants.free();
      decoded.free();
      decoder.free();
    }
  },
};

/** `nop` in its one-byte and long forms, and the `data16`-prefixed ones that gas pads with. */
function isNop(section: ElfSection, instruction: Instruction): boolean {
  let at = instruction.offset;
  const end = instruction.offset + instruction.length;
  while (at < end && (section.content[at] === 0x66 || section.content[at] === 0x2e)) at++;
  return section.content[at] === 0x90 || (section.content[at] === 0x0f && section.content[at + 1] === 0x1f);
}
