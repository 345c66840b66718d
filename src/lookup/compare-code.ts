/**
 * Is a function of the original object the same as its twin in the target, up to what assembler and linker do? The object
 * has a section per function, the target has one for all, so that calls and jumps within it are filled in there, and
 * jumps to a neighbour may be two bytes long instead of five.
 */
import type { Arch } from '../arch/arch.js';
import type { ElfSymbol } from '../elf/object.js';
import type { CodeIndex } from './code-index.js';
import { firstDifference, type Stretch } from './compare-stretch.js';
import { isSameButForShortJumps } from './short-jumps.js';
import type { TargetCode } from './target-code.js';

export type CodeComparison =
  | { readonly kind: 'identical' }
  /** `offset`: bytes from the start of the object's function to the first place that differs. */
  | { readonly kind: 'differs'; readonly offset: number };

/** A function and the object that it lies in. */
export interface CodeSide<Index extends TargetCode> {
  readonly index: Index;
  readonly symbol: ElfSymbol;
}

/**
 * Compares the bytes that no relocation covers, and what the relocations refer to as far as that has a name. Throws
 * nothing; a function whose symbol reaches out of its section differs at 0.
 */
export function compareCode(ours: CodeSide<CodeIndex>, theirs: CodeSide<TargetCode>, arch: Arch): CodeComparison {
  const [own, other] = [stretchOf(ours), stretchOf(theirs)];
  if (own === undefined || other === undefined) return { kind: 'differs', offset: 0 };
  const [ownLength, otherLength] = [own.end - own.start, other.end - other.start];
  const length = Math.min(ownLength, otherLength);
  // Behind equal code that ends with a jump or a return nothing can belong to it: what leads there would differ.
  const isSameSize = ownLength === otherLength || (other.index.isOpenEnded && ownLength < otherLength);
  const first = firstDifference({ own, other, arch }, 0, 0, length) ?? (isSameSize ? undefined : length);
  if (first === undefined) return { kind: 'identical' };
  return isSameButForShortJumps({ own, other, arch }) ? { kind: 'identical' } : { kind: 'differs', offset: first };
}

function stretchOf<Index extends TargetCode>({ index, symbol }: CodeSide<Index>): Stretch<Index> | undefined {
  const { section, value, size } = symbol;
  if (section === undefined || value < 0 || value + size > section.content.length) return undefined;
  return { index, symbol, section, start: value, end: index.isOpenEnded ? section.content.length : value + size };
}
