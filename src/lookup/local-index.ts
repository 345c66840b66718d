/**
 * The original object's local symbols by what the lookup asks for. Objects have tens of thousands of symbols, and a change
 * in a header asks for thousands of them; no question may search them all.
 */
import { STB } from '../elf/constants.js';
import { groupBy } from '../elf/grouped.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';
import { BUILT_IN_NAMES, stemOf } from './drifting-names.js';

export interface LocalIndex {
  /** The first local symbol of that name and type (`STT_*`) in the object's table. */
  named(name: string, type: number): ElfSymbol | undefined;
  /** The local symbols of that type and stem: `cm_send.isra.0` and `cm_send.isra.1` for `cm_send.isra.#`. */
  ofStem(stem: string, type: number): readonly ElfSymbol[];
}

/** Indexes the symbols as they are now. Throws nothing. */
export function indexLocals(original: ElfObject, names = BUILT_IN_NAMES): LocalIndex {
  const locals = original.symbols.filter(({ bind }) => bind === STB.LOCAL);
  const byName = new Map<string, ElfSymbol>();
  for (const symbol of locals) {
    const key = `${symbol.type} ${symbol.name}`;
    if (!byName.has(key)) byName.set(key, symbol);
  }
  let stems: Map<string, ElfSymbol[]> | undefined;
  return {
    named: (name, type) => byName.get(`${type} ${name}`),
    ofStem: (stem, type) => {
      stems ??= groupBy(locals, ({ type: own, name }) => `${own} ${stemOf(name, names)}`);
      return stems.get(`${type} ${stem}`) ?? [];
    },
  };
}
