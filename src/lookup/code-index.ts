/**
 * An object's symbols and relocations by place: what a stretch of code refers to, and what lies where. Made once for an
 * original object and once for a target module, of which one has a section per function and the other one for all.
 */
import { SHF, STT } from '../elf/constants.js';
import { groupBy } from '../elf/grouped.js';
import type { ElfObject, ElfSection, ElfSymbol } from '../elf/object.js';
import { countBelow } from '../elf/sorted.js';
import { BUILT_IN_NAMES, type NameRules, stemOf } from './drifting-names.js';

/** What code refers to: a place in a section, or a symbol that another file defines. */
export interface Reference {
  readonly symbol: ElfSymbol;
  /** Bytes from the symbol, or from the start of its section where the symbol is defined. */
  readonly offset: number;
}

export class CodeIndex {
  readonly #named: ReadonlyMap<string, readonly ElfSymbol[]>;
  readonly #kin: ReadonlyMap<string, readonly ElfSymbol[]>;
  readonly #inSection: ReadonlyMap<ElfSection, readonly ElfSymbol[]>;
  /** Beside `#inSection`: the greatest end of the symbols up to there, so that a search backwards knows when to stop. */
  readonly #ends = new Map<ElfSection, number[]>();

  constructor(
    readonly object: ElfObject,
    /** Which names are not the same in two builds. */
    readonly names: NameRules = BUILT_IN_NAMES,
  ) {
    const defined = object.symbols.filter(isDefined);
    this.#named = groupBy(defined, ({ name }) => name);
    this.#kin = groupBy(defined, ({ name }) => stemOf(name, names));
    const inSection = groupBy(defined, ({ section }) => section);
    this.#inSection = inSection;
    for (const [section, symbols] of inSection) {
      symbols.sort((a, b) => a.value - b.value);
      let end = 0;
      const ends = symbols.map(({ value, size }) => {
        end = Math.max(end, value + size);
        return end;
      });
      this.#ends.set(section, ends);
    }
  }

  /** The defined symbols of that name and type, in table order. */
  named(name: string, type: number): ElfSymbol[] {
    return (this.#named.get(name) ?? []).filter((symbol) => symbol.type === type);
  }

  /** The same for all names that differ in the compiler's numbers only: `count.1` for `count.3`. */
  kinOf(name: string, type: number): ElfSymbol[] {
    return (this.#kin.get(stemOf(name, this.names)) ?? []).filter((symbol) => symbol.type === type);
  }

  functionsIn(section: ElfSection): ElfSymbol[] {
    return (this.#inSection.get(section) ?? []).filter(({ type }) => type === STT.FUNC);
  }

  /**
   * What the place is called: `cm_send` for its start, `cm_states+8` for a place within, by every symbol that lies there.
   * Without the compiler's numbers. Within a function only its name counts, since a jump that became shorter moves what
   * lies behind it. Empty for nameless places, say a string.
   */
  labels({ symbol, offset }: Reference): string[] {
    const { section } = symbol;
    if (section === undefined) return [label(stemOf(symbol.name, this.names), offset)];
    return this.#at(section, offset).map(({ name, value, type }) => {
      const stem = stemOf(name, this.names);
      return type === STT.FUNC && offset !== value ? `${stem}+` : label(stem, offset - value);
    });
  }

  #at(section: ElfSection, offset: number): ElfSymbol[] {
    const symbols = this.#inSection.get(section) ?? [];
    const ends = this.#ends.get(section) ?? [];
    const found: ElfSymbol[] = [];
    for (let at = countBelow(symbols, ({ value }) => value <= offset) - 1; at >= 0; at--) {
      const symbol = symbols[at];
      if (symbol === undefined || (symbol.value !== offset && (ends[at] ?? 0) <= offset)) break;
      if (symbol.value === offset || offset < symbol.value + symbol.size) found.push(symbol);
    }
    return found;
  }

  /** The text that begins at the place; `undefined` where no texts are kept. */
  text({ symbol, offset }: Reference): string | undefined {
    const { section } = symbol;
    if (section === undefined || (section.flags & SHF.STRINGS) === 0 || offset < 0) return undefined;
    const end = section.content.indexOf(0, offset);
    return end === -1 ? undefined : Buffer.from(section.content.subarray(offset, end)).toString('latin1');
  }
}

function label(name: string, offset: number): string {
  return offset === 0 ? name : `${name}+${offset}`;
}

function isDefined(symbol: ElfSymbol): symbol is ElfSymbol & { readonly section: ElfSection } {
  return symbol.section !== undefined && symbol.name !== '' && symbol.type !== STT.SECTION;
}
