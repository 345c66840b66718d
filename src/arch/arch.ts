/**
 * What the diff and the livepatch assembly must know of a CPU. One file per CPU implements this; nothing else asks which
 * CPU it is looking at.
 */
import type { ByteOrder, ElfFormat, ElfSection, ElfSymbol, Relocation } from '../elf/object.js';

/** Sizes in bytes of the entries of special sections, by the names that kpatch's environment variables have. */
export interface EntrySizes {
  readonly ALT_STRUCT_SIZE?: number;
  readonly BUG_STRUCT_SIZE?: number;
  readonly EX_STRUCT_SIZE?: number;
  readonly FIXUP_STRUCT_SIZE?: number;
  readonly JUMP_STRUCT_SIZE?: number;
  readonly ORC_STRUCT_SIZE?: number;
  readonly PARA_STRUCT_SIZE?: number;
  readonly PRINTK_INDEX_STRUCT_SIZE?: number;
  readonly STATIC_CALL_STRUCT_SIZE?: number;
}

export type EntrySizeName = keyof EntrySizes;

/** A section whose entries each belong to a place in a function, so that a livepatch takes along only some of them. */
export interface SpecialTable {
  readonly name: string;
  /**
   * Bytes of an entry, or which size of the target kernel says so. `FIXUP_CODE`: pieces of code, as long as they are
   * (kernels before the exception table got types: ppc64le, and x86 until commit e5eefda5aa51, v5.17).
   */
  readonly entrySize: number | EntrySizeName | 'FIXUP_CODE';
}

/** A run of instructions, all of them of the same section. */
export interface Instruction {
  /** Bytes from the start of the section. */
  readonly offset: number;
  readonly length: number;
}

/** What the text of an instruction calls the things that it refers to. */
export interface InstructionWords {
  /** The symbol, variable or string that a relocation puts into the instruction. */
  reference(relocation: Relocation): string;
  /** A place of the same section that the instruction jumps to, in bytes from the start of the section. */
  place(offset: number): string;
}

/** A jump whose target stands in the instruction, and which the assembler writes as short as the distance allows. */
export interface DirectJump {
  /** The same for the short and the long form: the number of its condition, -1 for one that is always taken. */
  readonly condition: number;
  /** Bytes from the start of the section; means nothing where a relocation fills it in. */
  readonly target: number;
}

/** Where the assembler writes jumps as short as the distance allows. */
export interface JumpRules {
  /** `undefined` for everything but a direct jump. */
  of(section: ElfSection, instruction: Instruction): DirectJump | undefined;
  /** The instruction does nothing, and may be there for the alignment of the next one. */
  isPadding(section: ElfSection, instruction: Instruction): boolean;
}

export interface ArgumentLoad {
  readonly register: string;
  readonly value: number;
  /** Which argument it is, from 0, where this CPU loads addresses in the same way, so that positions can be compared. */
  readonly position?: number;
}

/** What objtool must have added to code of this CPU before the kernel loads it. */
export interface ObjtoolRules {
  /** The table of jumps to the return thunk, which the kernel turns into what the CPU needs. */
  readonly returnSites: string;
  /** Bytes from the start of the section to such a jump; `undefined` for any other relocation. */
  returnJump(section: ElfSection, relocation: Relocation): number | undefined;
  /** The table of functions that the kernel closes to indirect calls. */
  readonly seals: string;
}

export interface Arch {
  readonly name: string;
  /** `e_machine` */
  readonly machine: number;
  readonly byteOrders: readonly ByteOrder[];
  /** The relocation type that stores a 64-bit address. */
  readonly absolute64: number;
  /** Tables of this CPU, beside those that all have. */
  readonly specialTables: readonly SpecialTable[];
  /** The assembler leaves its own labels (`.L42`) in the symbol table, since the linker may move code between them. */
  readonly keepsAssemblerLabels: boolean;
  /** Sections that only the build tools of this CPU read; they are neither compared nor shipped. */
  readonly unreadSections: ReadonlySet<string>;

  /** Left out where the kernel's objtool adds nothing that code cannot do without. */
  readonly objtool?: ObjtoolRules;

  /** Relocation types that name a slot of a table of addresses (`indirection.ts`). */
  readonly indirectTypes: ReadonlySet<number>;
  /** Where the kernel looks for the entries that ftrace may patch: one table for all, or one for each function. */
  readonly traceTable: { readonly name: string; readonly isPerFunction: boolean };

  /**
   * Bytes from the relocated place to where the addend counts from: 0 for an absolute reference, 4 or more for one that
   * counts from the end of the instruction. `undefined` where the reference names no place in the section (a GOT slot).
   */
  targetBias(section: ElfSection, relocation: Relocation): number | undefined;

  /** A reference of this kind stores a function's address, which may be called later, rather than calling it. */
  storesAddress(relocation: Relocation, section: ElfSection): boolean;

  /** The module loader makes sense of the relocation by itself; it names no symbol that could be somebody else's. */
  isLoaderOwn(relocation: Relocation, section: ElfSection): boolean;

  /**
   * Code of the same object calls the function at another place than other objects do, so that even an exported one
   * cannot be reached by an ordinary relocation once it is left behind.
   */
  hasEntryOfItsOwn(functionSymbol: ElfSymbol): boolean;

  /** Bytes from the symbol of the branches that end the function by jumping to another one, where that cannot be patched. */
  siblingCalls(functionSymbol: ElfSymbol): readonly number[];

  /**
   * Offset in bytes, from the function's symbol, of the instruction that ftrace patches; `undefined` where the function
   * cannot be traced and therefore not be redirected.
   */
  traceOffset(functionSymbol: ElfSymbol): number | undefined;

  /**
   * The function begins with the instruction that the CPU demands where an indirect call lands (`endbr64`). Left out where
   * no kernel has its CPU look; with it, a kernel that does not leaves the instruction out of all its functions.
   */
  isCallTarget?(functionSymbol: ElfSymbol): boolean;

  /** Makes the ftrace entry what the compiler emitted, where a tool of the build (recordmcount) has already removed it. */
  restoreTraceCall(functionSymbol: ElfSymbol): void;

  /**
   * How many bytes the kernel demands to be zero in the file before it applies a relocation of this type late: on x86
   * the whole field (`__write_relocate_add` in arch/x86/kernel/module.c), elsewhere 0.
   */
  zeroedBytes(type: number): number;

  /** How many bytes, from the relocated place on, a relocation of this type may write to; in part, where it fills in bits. */
  relocatedBytes(type: number): number;

  /**
   * What the operand refers to where the assembler has filled it in by itself, as it does for a place of the same section:
   * bytes from the start of the section. `bias` is what `targetBias` says of it. `undefined` for a type that is always
   * left to the linker. Left out where operands are spread over the bits of an instruction.
   */
  inPlaceTarget?(section: ElfSection, relocation: Relocation, bias: number): number | undefined;

  /**
   * The address that an operand means in code that is linked and has no relocations left: its last 32 bits, which tell the
   * addresses of a kernel apart. `address` is where the section runs, by its last 32 bits, `bias` what `targetBias` says of the
   * operand. Left out where operands are spread over the bits of an instruction.
   */
  linkedTarget?(section: ElfSection, relocation: Relocation, bias: number, address: number): number | undefined;

  /** Left out where the assembler never shortens a jump. */
  readonly jumps?: JumpRules;

  /** The bytes before a function in its own section are padding that belongs to it. */
  isEntryPadding(section: ElfSection, bytes: number, functionSymbol: ElfSymbol): boolean;

  /** A byte that fills the gap behind a function. */
  readonly fillByte?: number;

  /** Splits the code of a section into instructions; `undefined` where it cannot be decoded to the end. */
  instructions(section: ElfSection): readonly Instruction[] | undefined;

  /** The immediate operand, where the instruction does nothing but load one into an argument register. */
  argumentLoad(section: ElfSection, instruction: Instruction): ArgumentLoad | undefined;

  /** The instruction for people: in assembly where it can be disassembled, else as hex words and what they refer to. */
  instructionText(section: ElfSection, instruction: Instruction, words: InstructionWords): string;

  /** The relocation is the operand of a call. */
  isCall(section: ElfSection, relocation: Relocation): boolean;

  /** The relocation is the target of a jump, say of a call in tail position, where `isCall` does not tell. */
  isJump?(section: ElfSection, relocation: Relocation): boolean;

  /**
   * The instruction reads what the relocation refers to, as opposed to taking its address. Left out where telling needs
   * more than one instruction; then no reference counts as a mere reading.
   */
  readsInPlace?(section: ElfSection, relocation: Relocation): boolean;
}

/** The byte order matters where a CPU has two (ppc64): `undefined` when kptool does not know this kind of object. */
export function selectArch(format: ElfFormat, known: readonly Arch[]): Arch | undefined {
  return known.find((arch) => arch.machine === format.machine && arch.byteOrders.includes(format.byteOrder));
}
