/** What a level of the local lookup is asked, and what it answers: shared by the files that hold one level each. */
import type { ElfObject, ElfSymbol } from '../elf/object.js';
import type { NameRules } from './drifting-names.js';
import type { TableSymbol, TargetTable } from './symbol-table.js';

/** A local symbol of the original object for which the target has several namesakes. */
export interface Question {
  /** The symbol as the original object has it. */
  readonly own: ElfSymbol;
  /** The target's local symbols of that name and type, at least two, in table order. */
  readonly candidates: readonly TableSymbol[];
  readonly original: ElfObject;
  readonly table: TargetTable;
  /** Which names are not the same in two builds; absent: what kptool knows by itself. */
  readonly names?: NameRules | undefined;
}

export interface Decision {
  readonly symbol: TableSymbol;
  /** A short sentence for a person. */
  readonly evidence: string;
}
