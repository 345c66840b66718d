/**
 * What the kernel must be told about one diffed object: which functions are replaced and which references only the
 * livepatch loader can resolve. Decided by `function-table.ts` and `relocations.ts`, carried through the kernel's link by
 * `intermediate.ts`, turned into what the kernel reads by `module-source.ts` and `finish.ts`.
 */
import type { CallbackKind } from '../diff/callbacks.js';
import type { ElfSection, ElfSymbol } from '../elf/object.js';
import type { TargetSymbol } from '../lookup/lookup.js';

/** A function of the running kernel or of a module that the livepatch redirects. */
export interface ReplacedFunction {
  /** Name in the target, as kallsyms has it. */
  readonly name: string;
  /** The klp object: `vmlinux` or the module's name. */
  readonly object: string;
  /** The new function, in the diffed object. */
  readonly replacement: ElfSymbol;
  /** Bytes. */
  readonly originalSize: number;
  readonly replacementSize: number;
  /** Address (vmlinux) or section offset (module) of the original, as its symbol table has it. */
  readonly originalAddress: bigint;
  /** Position among namesakes of the object, from 1; 0 where the name must be unique. */
  readonly sympos: number;
}

/** A symbol that the livepatch loader looks up in kallsyms when the livepatch or its target module is loaded. */
export interface KlpSymbol {
  readonly name: string;
  /** Where it is defined: `vmlinux` or a module's name. */
  readonly object: string;
  readonly sympos: number;
  /** `STB_*` and `STT_*` of the symbol in the diffed object. */
  readonly bind: number;
  readonly type: number;
  /** As the target's symbol table has it; 0 where unknown. */
  readonly address: bigint;
}

/** A place in the diffed object that the livepatch loader relocates. */
export interface KlpRelocation {
  readonly section: ElfSection;
  /** Bytes from the start of the section. */
  readonly offset: number;
  /** `R_*` of the machine. */
  readonly type: number;
  readonly addend: number;
  /** The symbol may also be defined by another object of the same livepatch. */
  readonly isExternal: boolean;
  /** The relocation is applied when this object is loaded: `vmlinux` or a module's name. */
  readonly object: string;
  readonly symbol: KlpSymbol;
  /** What the lookup found; absent where the relocation was read from a file. */
  readonly target?: TargetSymbol;
}

/** A function of the diffed object that the livepatch core calls around the patching of a klp object. */
export interface LivepatchCallback {
  readonly kind: CallbackKind;
  /** The klp object: `vmlinux` or the module's name. */
  readonly object: string;
  readonly symbol: ElfSymbol;
  /** The record that names it in the diffed object: section and bytes from its start. */
  readonly section: ElfSection;
  readonly offset: number;
}

/** What a diffed object asks of the loader. */
export interface LivepatchParts {
  readonly functions: readonly ReplacedFunction[];
  readonly relocations: readonly KlpRelocation[];
  readonly callbacks: readonly LivepatchCallback[];
  /** Sections that older kernels (before 5.8) must process late (`.altinstructions`, `.parainstructions`), with their object. */
  readonly archSections: readonly { readonly section: ElfSection; readonly object: string }[];
}
