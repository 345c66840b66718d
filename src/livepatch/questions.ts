/** How the livepatch assembly asks the lookup, and what it does with questions that stay open. */
import { STB, STT } from '../elf/constants.js';
import type { ElfSymbol } from '../elf/object.js';
import type { Lookup, LookupAnswer } from '../lookup/lookup.js';

/** A symbol that the livepatch needs and the lookup could not name. */
export interface OpenQuestion {
  readonly symbol: string;
  readonly answer: Exclude<LookupAnswer, { kind: 'found' }>;
}

/** The target's symbol for one of a diffed object; static symbols are asked for as such. */
export function ask(lookup: Lookup, symbol: ElfSymbol): LookupAnswer {
  if (symbol.bind !== STB.LOCAL) return lookup.global(symbol.name);
  return lookup.local(symbol.name, symbol.type === STT.NOTYPE ? STT.OBJECT : symbol.type);
}
