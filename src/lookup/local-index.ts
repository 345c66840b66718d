/**
 * The original object's local symbols by what the lookup asks for. Objects have tens of thousands of symbols, and a change
 * in a header asks for thousands of them; no question may search them all.
 */
import { STB } from '../elf/constants.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';
import { stemOf } from './drifting-names.js';

export interface LocalIndex {
  /** The first local symbol of that name and type (`STT_*`) in the object's table. */
  named(name: string, type: number): ElfSymbol | undefined;
  /** How many local symbols have that type and stem: 2 for `cm_send` with `cm_send.isra.0` and `cm_send.isra.1`. */
  countOfStem(stem: string, type: number): number;
}

/** Indexes the symbols as they are now. Throws nothing. */
export function indexLocals(original: ElfObject): LocalIndex {
  const locals = original.symbols.filter(({ bind }) => bind === STB.LOCAL);
  const byName = new Map<string, ElfSymbol>();
  for (const symbol of locals) {
    const key = `${symbol.type} ${symbol.name}`;
    if (!byName.has(key)) byName.set(key, symbol);
  }
  let stems: Map<string, number> | undefined;
  return {
    named: (name, type) => byName.get(`${type} ${name}`),
    countOfStem: (stem, type) => {
      stems ??= countStems(locals);
      return stems.get(`${type} ${stem}`) ?? 0;
    },
  };
}

function countStems(symbols: readonly ElfSymbol[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { name, type } of symbols) {
    const key = `${type} ${stemOf(name)}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
