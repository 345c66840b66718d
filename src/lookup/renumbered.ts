/**
 * Finds a symbol whose name carries a number of the compiler's when the target has other numbers: another static local in
 * front of it, another order of clones. Decided within what shares the stem; the answer has the target's name.
 */
import type { ElfSymbol } from '../elf/object.js';
import type { Decision } from './question.js';
import { compareSize, describeSize, hasSizeOf } from './size-agreement.js';
import type { TableSymbol } from './symbol-table.js';

export interface Family {
  readonly own: ElfSymbol;
  /** The object's local symbols of that stem and type, `own` too. */
  readonly ours: readonly ElfSymbol[];
  /** The target's, in the object's file block where that is known. */
  readonly theirs: readonly TableSymbol[];
  /** `theirs` are of the object's own file, and of no other. */
  readonly isFileKnown: boolean;
}

export type Renumbered = Decision | { readonly symbol: undefined; readonly reason?: string };

/**
 * The only one of the stem on either side, if the sizes agree: `cm_send.isra.0` is the target's `cm_send.isra.1`. Where the
 * object's file is known, also the only one of its size: `state.0` of 64 bytes is `state.1` of the target, whose `state.0`
 * has 4. Of two with that size none is guessed.
 */
export function findRenumbered({ own, ours, theirs, isFileKnown }: Family): Renumbered {
  const [first] = theirs;
  if (first === undefined) return { symbol: undefined };
  const names = theirs.map(({ name }) => name).join(', ');
  if (ours.length === 1 && theirs.length === 1) {
    if (hasSizeOf(first, own)) {
      const evidence = `the only one like it in the object and in the target is ${first.name}, of the same size`;
      return { symbol: first, evidence };
    }
    const instead = compareSize(first, own) === 'possible' ? 'and nothing tells that they are' : 'instead of';
    return { symbol: undefined, reason: `the target's ${names} has ${describeSize(first)} ${instead} ${own.size}` };
  }
  const equal = theirs.filter((symbol) => hasSizeOf(symbol, own));
  const [symbol] = equal;
  if (symbol !== undefined && isFileKnown && equal.length === 1 && isOnlyOfItsSize(own, ours)) {
    const evidence = `of ${theirs.length} symbols like it in the object's file only ${symbol.name} has its ${own.size} bytes`;
    return { symbol, evidence };
  }
  const reason = `its number may have changed: the object has ${ours.length} symbols like it, the target ${names}`;
  return { symbol: undefined, reason };
}

/**
 * The numbers are not the target's, so that the very name may be another function's: the object has `state.0`, the
 * target's file `state.0` and `state.1`, all of 4 bytes. Symbols of other sizes cannot have been exchanged for it.
 */
export function areNumbersDoubtful({ own, ours, theirs, isFileKnown }: Family): boolean {
  if (!isFileKnown || (ours.length === 1 && theirs.length === 1)) return false;
  const named = (symbols: readonly { readonly name: string }[]) => new Set(symbols.map(({ name }) => name));
  const ourNames = named(ours.filter(({ size }) => size === own.size));
  const theirNames = named(theirs.filter((symbol) => hasSizeOf(symbol, own)));
  return ourNames.size !== theirNames.size || [...ourNames].some((name) => !theirNames.has(name));
}

function isOnlyOfItsSize(own: ElfSymbol, ours: readonly ElfSymbol[]): boolean {
  return ours.every((symbol) => symbol === own || symbol.size !== own.size);
}
