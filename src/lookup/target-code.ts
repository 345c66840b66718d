/**
 * The code of a target as the verification asks for it: of a module, which keeps its relocations (`code-index.ts`), or of the
 * kernel, which is linked and has none (`linked-code.ts`).
 */
import type { Arch } from '../arch/arch.js';
import type { ElfSymbol, Relocation } from '../elf/object.js';
import type { CodeIndex, Reference } from './code-index.js';
import type { Stretch } from './compare-stretch.js';
import type { NameRules } from './drifting-names.js';
import type { TargetSymbol } from './lookup.js';

/** A place in a function of the target for which ours has a relocation. */
export interface OperandPlace {
  readonly stretch: Stretch;
  /** Bytes from the start of its section. */
  readonly offset: number;
  /** Of ours. */
  readonly relocation: Relocation;
  /** As `Arch.targetBias` has it. */
  readonly bias: number | undefined;
  readonly arch: Arch;
}

export interface TargetCode {
  /** Which names are not the same in two builds. */
  readonly names: NameRules;
  /** References of the code to other places are relocations still, so that they say what is meant. */
  readonly hasRelocations: boolean;

  /**
   * A function's section ends where the next symbol begins, and what of it is the function's nobody tells: padding follows, or a
   * weak function that nobody took.
   */
  readonly isOpenEnded: boolean;

  /** What may be the twin of `like`, by name and type. A function comes with its bytes. */
  named(name: string, like: ElfSymbol): ElfSymbol[];

  /** The same for all names that differ in the compiler's numbers only: `count.1` for `count.3`. */
  kinOf(name: string, like: ElfSymbol): ElfSymbol[];

  /** The same for the one symbol that a lookup found. */
  found(symbol: TargetSymbol, like: ElfSymbol): ElfSymbol[];

  /** What the bytes at the place refer to, where the target has no relocation for them; `undefined` where that cannot be told. */
  inPlace(place: OperandPlace): Reference | undefined;

  /**
   * Whether a reference of the target means what one of ours does, as far as either has a name. Places without a name are
   * the same for all that is known: constants, tables of a `switch`.
   */
  means(theirs: Reference, ours: Reference, own: CodeIndex): boolean;
}
