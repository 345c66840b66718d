/**
 * An object's symbols and relocations by place: what a stretch of code refers to, and what lies where. Made once for an
 * original object and once for a target module, of which one has a section per function and the other one for all.
 */
import { SHF, STT } from '../elf/constants.js';
import { groupBy } from '../elf/grouped.js';
import type { ElfObject, ElfSection, ElfSymbol } from '../elf/object.js';
import { countBelow } from '../elf/sorted.js';
import { BUILT_IN_NAMES, type NameRules, stemOf } from './drifting-names.js';
import type { TargetSymbol } from './lookup.js';
import { isSameText } from './same-text.js';
import type { OperandPlace, TargetCode } from './target-code.js';

/** What code refers to: a place in a section, or a symbol that another file defines. */
export interface Reference {
  readonly symbol: ElfSymbol;
  /** Bytes from the symbol, or from the start of its section where the symbol is defined. */
  readonly offset: number;
}

/** A place by a symbol that lies there. */
export interface NamedPlace {
  readonly name: string;
  /** Bytes from the symbol; of a place in the middle of a function only that it is there. */
  readonly offset: number | 'within';
}

export class CodeIndex implements TargetCode {
  readonly hasRelocations = true;
  readonly isOpenEnded = false;
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

  /** In table order. */
  named(name: string, { type }: Pick<ElfSymbol, 'type'>): ElfSymbol[] {
    return (this.#named.get(name) ?? []).filter((symbol) => symbol.type === type);
  }

  kinOf(name: string, { type }: ElfSymbol): ElfSymbol[] {
    return (this.#kin.get(stemOf(name, this.names)) ?? []).filter((symbol) => symbol.type === type);
  }

  found({ name, address, size }: TargetSymbol, like: ElfSymbol): ElfSymbol[] {
    return this.named(name, like).filter((one) => BigInt(one.value) === address && one.size === size);
  }

  /** What the assembler filled in by itself. */
  inPlace({ stretch: { section, symbol }, offset, relocation, bias, arch }: OperandPlace): Reference | undefined {
    if (bias === undefined) return undefined;
    const target = arch.inPlaceTarget?.(section, { ...relocation, offset }, bias);
    // A defined symbol stands for its section, and the function's own lies in the right one.
    return target === undefined ? undefined : { symbol, offset: target };
  }

  means(theirs: Reference, ours: Reference, own: CodeIndex): boolean {
    const [ownText, otherText] = [own.text(ours), this.text(theirs)];
    if (ownText !== undefined && otherText !== undefined) return isSameText(ownText, otherText);
    const [ownLabels, otherLabels] = [own.labels(ours), this.labels(theirs)];
    if (ownLabels.length === 0 || otherLabels.length === 0) return true;
    return ownLabels.some((label) => otherLabels.includes(label));
  }

  functionsIn(section: ElfSection): ElfSymbol[] {
    return (this.#inSection.get(section) ?? []).filter(({ type }) => type === STT.FUNC);
  }

  /**
   * What the place is called: `cm_send` for its start, `cm_states+8` for a place within, by every symbol that lies there.
   * Without the compiler's numbers. Within a function only its name counts, since a jump that became shorter moves what
   * lies behind it. Empty for nameless places, say a string.
   */
  labels(reference: Reference): string[] {
    return this.places(reference).map(({ name, offset }) => label(stemOf(name, this.names), offset));
  }

  /** What `labels` says in words. */
  places({ symbol, offset }: Reference): NamedPlace[] {
    const { section } = symbol;
    if (section === undefined) return [{ name: symbol.name, offset }];
    return this.#at(section, offset).map(({ name, value, type }) => {
      return { name, offset: type === STT.FUNC && offset !== value ? 'within' : offset - value };
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

function label(name: string, offset: NamedPlace['offset']): string {
  if (offset === 'within') return `${name}+`;
  return offset === 0 ? name : `${name}+${offset}`;
}

function isDefined(symbol: ElfSymbol): symbol is ElfSymbol & { readonly section: ElfSection } {
  return symbol.section !== undefined && symbol.name !== '' && symbol.type !== STT.SECTION;
}
