/**
 * Whose symbol is it? The question that the diff and the livepatch assembly ask of a target: which symbol of which klp
 * object, at which position among its namesakes, and does the kernel export it.
 */

/** A symbol of the target as its symbol table has it. */
export interface TargetSymbol {
  readonly name: string;
  /** The klp object that defines it: `vmlinux` or a module's name. */
  readonly object: string;
  /** As the kernel counts it: 1 for the first symbol of that name in the object; 0 where the name must be unique. */
  readonly sympos: number;
  /** Bytes; 0 where unknown. */
  readonly size: number;
  /** Address (vmlinux) or section offset (module); 0 where unknown. */
  readonly address: bigint;
  /** `STT_*`; absent where only `Module.symvers` names the symbol. */
  readonly type?: number;
  /** Name of the section that defines it, or its number where the table does not tell names. */
  readonly section?: string;
}

/** One of several symbols that may be meant, with what a person needs to tell them apart. */
export interface Candidate extends TargetSymbol {
  /** Name of the `FILE` symbol above it. */
  readonly file?: string;
  /** Names of the local functions and objects next to it in the symbol table. */
  readonly before?: string;
  readonly after?: string;
}

export type LookupAnswer =
  | {
      readonly kind: 'found';
      readonly symbol: TargetSymbol;
      /** The symbol is exported (`EXPORT_SYMBOL`), so that ordinary module loading resolves it. */
      readonly isExported: boolean;
      /** Which rule decided, for `--explain-lookup`: its number and the evidence. */
      readonly level: number;
      readonly evidence: string;
    }
  | {
      readonly kind: 'missing';
      /** Half a sentence, where more is known than that the name is absent. */
      readonly reason?: string;
    }
  | {
      readonly kind: 'ambiguous';
      readonly candidates: readonly Candidate[];
      /** Half a sentence: why no rule decided. */
      readonly reason?: string;
      /** It is known which one is meant, but its position is not the same while the module loads and afterwards. */
      readonly isShifting?: true;
    };

/** Answers for one object of the build (say `cm.o`), which is linked into the klp object `objectName`. */
export interface Lookup {
  readonly objectName: string;
  /** A symbol that is local to the original object: `static` functions and data. `type` is `STT_FUNC` or `STT_OBJECT`. */
  local(name: string, type: number): LookupAnswer;
  /** A symbol that is global: of the target itself first, then exported by the kernel or another module. */
  global(name: string): LookupAnswer;
}
