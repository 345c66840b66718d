/**
 * Compilers refer to local symbols by section and offset where they can. Sections are ours to rearrange and the target
 * knows only symbols, so every such reference is turned into one to the symbol that covers the place.
 */
import { SHF, STT } from '../elf/constants.js';
import type { ElfSection, ElfSymbol, Relocation } from '../elf/object.js';
import { countBelow } from '../elf/sorted.js';
import { isMappingSymbol } from './names.js';
import type { PreparedObject } from './prepare.js';

/** The symbols of one section by value, so that the one that covers an offset is found by bisection. */
class CoverageIndex {
  readonly #symbols: readonly { readonly symbol: ElfSymbol; readonly rank: number }[];
  /** For each position: the furthest end of all symbols up to it, which bounds the walk back. */
  readonly #furthestEnd: number[] = [];

  constructor(symbols: readonly ElfSymbol[]) {
    this.#symbols = symbols
      .map((symbol, rank) => ({ symbol, rank }))
      .filter(({ symbol }) => symbol.type !== STT.SECTION && !isMappingSymbol(symbol))
      .sort((a, b) => a.symbol.value - b.symbol.value);
    let furthest = 0;
    for (const { symbol } of this.#symbols) {
      furthest = Math.max(furthest, symbol.value + symbol.size);
      this.#furthestEnd.push(furthest);
    }
  }

  /** The symbol whose bytes hold `offset`, or an empty one (a label, `.LC3`) at it; of several the first in the table. */
  covering(offset: number): ElfSymbol | undefined {
    const behind = countBelow(this.#symbols, ({ symbol }) => symbol.value <= offset);
    let found: { readonly symbol: ElfSymbol; readonly rank: number } | undefined;
    for (let index = behind - 1; index >= 0; index--) {
      const candidate = this.#symbols[index];
      if (candidate === undefined) break;
      const { value, size } = candidate.symbol;
      if (value < offset && (this.#furthestEnd[index] ?? 0) <= offset) break;
      const isCovering = offset < value + size || (size === 0 && value === offset);
      if (isCovering && (found === undefined || candidate.rank < found.rank)) found = candidate;
    }
    return found?.symbol;
  }

  endingAt(offset: number): ElfSymbol | undefined {
    const last = this.#symbols.at(-1)?.symbol;
    return last !== undefined && last.value + last.size === offset ? last : undefined;
  }
}

/**
 * The offset in the symbol's section that the relocation refers to, in bytes; `undefined` where it names no place
 * (a GOT slot, an undefined symbol).
 */
export function targetOffset(
  prepared: PreparedObject,
  section: ElfSection,
  relocation: Relocation,
): number | undefined {
  const bias = prepared.arch.targetBias(section, relocation);
  return bias === undefined ? undefined : relocation.symbol.value + relocation.addend + bias;
}

/** Rewrites the relocations of the object in place; references into pools of literals keep their section. */
export function nameSectionReferences(prepared: PreparedObject): void {
  const indexes = new Map<ElfSection, CoverageIndex>();
  for (const section of prepared.object.sections) {
    for (const relocation of section.relocations) {
      const target = relocation.symbol.section;
      if (relocation.symbol.type !== STT.SECTION || target === undefined) continue;
      const own = prepared.ownSymbol.get(target);
      if (own !== undefined) {
        relocation.symbol = own;
        relocation.addend -= own.value;
        continue;
      }
      let index = indexes.get(target);
      if (index === undefined) {
        index = new CoverageIndex(prepared.symbolsIn.get(target) ?? []);
        indexes.set(target, index);
      }
      const offset = targetOffset(prepared, section, relocation);
      if (offset === undefined) continue;
      const symbol = index.covering(offset) ?? symbolBeforeEnd(target, offset, index);
      if (symbol === undefined) continue;
      relocation.symbol = symbol;
      relocation.addend -= symbol.value;
    }
  }
}

/**
 * `for (p = table; p < table + N; p++)` compares with the address just past the table. At the end of a section that
 * address belongs to the last symbol; elsewhere the next symbol is found, which is the same address.
 */
function symbolBeforeEnd(section: ElfSection, offset: number, index: CoverageIndex): ElfSymbol | undefined {
  if ((section.flags & SHF.EXECINSTR) !== 0 || offset !== section.size) return undefined;
  return index.endingAt(offset);
}
