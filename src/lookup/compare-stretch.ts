/**
 * Two stretches of code of equal length, one of the original object, one of the target: the bytes that no relocation
 * covers must be equal, and what relocations refer to must have the same name, as far as it has one. For `compare-code.ts`.
 */
import type { Arch } from '../arch/arch.js';
import type { ElfSection, ElfSymbol, Relocation } from '../elf/object.js';
import { relocationsWithin } from '../elf/relocations-within.js';
import type { CodeIndex, Reference } from './code-index.js';
import type { TargetCode } from './target-code.js';

/** A function with the place of its bytes. */
export interface Stretch<Index extends TargetCode = TargetCode> {
  readonly index: Index;
  readonly symbol: ElfSymbol;
  readonly section: ElfSection;
  /** Bytes from the start of the section. */
  readonly start: number;
  readonly end: number;
}

export interface Pair {
  readonly own: Stretch<CodeIndex>;
  readonly other: Stretch;
  readonly arch: Arch;
}

/** Compares `length` bytes; offsets are bytes from the start of either function. The offset of the first difference in ours. */
export function firstDifference(
  pair: Pair,
  ownOffset: number,
  otherOffset: number,
  length: number,
): number | undefined {
  const { own, other, arch } = pair;
  const [ownStart, otherStart] = [own.start + ownOffset, other.start + otherOffset];
  const ownRelocations = byPlace(own, ownStart, length);
  const otherRelocations = byPlace(other, otherStart, length);
  for (let at = 0; at < length; ) {
    const [ownRelocation, otherRelocation] = [ownRelocations.get(at), otherRelocations.get(at)];
    const relocation = ownRelocation ?? otherRelocation;
    if (relocation === undefined) {
      if (own.section.content[ownStart + at] !== other.section.content[otherStart + at]) return ownOffset + at;
      at += 1;
      continue;
    }
    const references = referencesOf(pair, ownStart + at, otherStart + at, ownRelocation, otherRelocation);
    if (references === undefined || !mayBeSame(references, pair)) return ownOffset + at;
    at += arch.relocatedBytes(relocation.type);
  }
  return undefined;
}

/** By bytes from `start`. Of several for one place, such as a hint to the linker beside the operand, the first counts. */
function byPlace({ section }: Stretch, start: number, length: number): Map<number, Relocation> {
  const relocations = relocationsWithin(section, start, start + length);
  return new Map(relocations.toReversed().map((relocation) => [relocation.offset - start, relocation]));
}

export type References = readonly [Reference | undefined, Reference | undefined];

/**
 * What either side refers to at a place that at least one of them has a relocation for. An element is `undefined` where
 * that cannot be told; all is `undefined` where one side cannot have what the other one has: `mov $text,%edi` and
 * `mov $5,%edi`.
 */
function referencesOf(
  { own, other, arch }: Pair,
  ownPlace: number,
  otherPlace: number,
  ownRelocation: Relocation | undefined,
  otherRelocation: Relocation | undefined,
): References | undefined {
  const relocation = ownRelocation ?? otherRelocation;
  if (relocation === undefined) return undefined;
  // Taken from our side, where the section is small, for both: equal instructions count from the same place.
  const bias = arch.targetBias(own.section, { ...relocation, offset: ownPlace });
  const find = (stretch: Stretch, offset: number, own?: Relocation) =>
    own ? referenceOf(own, bias) : stretch.index.inPlace({ stretch, offset, relocation, bias, arch });
  const ofOwn = find(own, ownPlace, ownRelocation);
  const ofOther = find(other, otherPlace, otherRelocation);
  const isOneSided = ownRelocation === undefined || otherRelocation === undefined;
  if (isOneSided && arch.inPlaceTarget !== undefined && (ofOwn === undefined || ofOther === undefined))
    return undefined;
  return [ofOwn, ofOther];
}

/** `bias` as `Arch.targetBias` has it. */
export function referenceOf({ symbol, addend }: Relocation, bias: number | undefined): Reference | undefined {
  if (bias === undefined) return undefined;
  return { symbol, offset: (symbol.section === undefined ? 0 : symbol.value) + addend + bias };
}

/** Whether the references name the same thing, as far as is known. */
export function mayBeSame([ours, theirs]: References, { own, other }: Pair): boolean {
  return ours === undefined || theirs === undefined || other.index.means(theirs, ours, own.index);
}
