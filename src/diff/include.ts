/**
 * What the livepatch takes along: every changed function, what is new and used by one, and whatever these need. A symbol
 * is included to be referred to; its section only where the target has none like it.
 */
import { STB, STT } from '../elf/constants.js';
import type { ElfSection, ElfSymbol } from '../elf/object.js';
import { type Comparison, isAlwaysShipped } from './compare.js';
import { isStringPool } from './names.js';
import { type PreparedObject, prefixesOf } from './prepare.js';

export class Inclusion {
  readonly sections = new Set<ElfSection>();
  readonly symbols = new Set<ElfSymbol>();

  constructor(
    readonly patched: PreparedObject,
    readonly comparison: Comparison,
  ) {}

  /** A section with all that its relocations refer to. Chains of references are long; no recursion. */
  addSection(section: ElfSection): void {
    this.#follow([section]);
  }

  addSymbol(symbol: ElfSymbol): void {
    const section = this.#take(symbol);
    if (section !== undefined) this.#follow([section]);
  }

  #follow(pending: ElfSection[]): void {
    for (let section = pending.pop(); section !== undefined; section = pending.pop()) {
      if (this.sections.has(section)) continue;
      this.sections.add(section);
      const sectionSymbol = this.patched.sectionSymbol.get(section);
      if (sectionSymbol !== undefined) this.symbols.add(sectionSymbol);
      for (const prefix of prefixesOf(this.patched, section)) this.symbols.add(prefix);
      for (const { symbol } of section.relocations) {
        const needed = this.#take(symbol);
        if (needed !== undefined) pending.push(needed);
      }
    }
  }

  /** Includes the symbol; hands back its section where that must come along. */
  #take(symbol: ElfSymbol): ElfSection | undefined {
    if (this.symbols.has(symbol)) return undefined;
    this.symbols.add(symbol);
    // A section symbol means nothing outside the object; any other that is the same is found in the target.
    const isNeeded = symbol.type === STT.SECTION || this.comparison.symbols.get(symbol) !== 'same';
    return isNeeded ? symbol.section : undefined;
  }
}

export interface Chosen {
  readonly inclusion: Inclusion;
  readonly changedFunctions: readonly ElfSymbol[];
  readonly hasNewGlobals: boolean;
}

/** Decides what goes into the livepatch, but for the entries of special tables. */
export function chooseIncluded(patched: PreparedObject, comparison: Comparison): Chosen {
  const inclusion = new Inclusion(patched, comparison);
  for (const section of patched.object.sections) {
    if (!isAlwaysShipped(section)) continue;
    inclusion.addSection(section);
    if (!isStringPool(section)) continue;
    for (const symbol of patched.symbolsIn.get(section) ?? []) inclusion.symbols.add(symbol);
  }
  const changedFunctions = patched.object.symbols.filter(
    (symbol) => symbol.type === STT.FUNC && comparison.symbols.get(symbol) === 'changed',
  );
  for (const symbol of changedFunctions) inclusion.addSymbol(symbol);
  const newGlobals = patched.object.symbols.filter(
    (symbol) => symbol.bind === STB.GLOBAL && symbol.section !== undefined && comparison.symbols.get(symbol) === 'new',
  );
  for (const symbol of newGlobals) inclusion.addSymbol(symbol);
  for (const symbol of patched.object.symbols) {
    if (symbol.type === STT.FILE) inclusion.symbols.add(symbol);
  }
  return { inclusion, changedFunctions, hasNewGlobals: newGlobals.length > 0 };
}
