/**
 * The relocations of a stretch of a section, without walking all of them: who asks for one function of `.init.text` after
 * the other, or for one line number after the other, would else take quadratic time.
 */
import type { ElfSection, Relocation } from './object.js';
import { countBelow } from './sorted.js';

interface SortedList {
  readonly sorted: readonly Relocation[];
  /** Of the list when it was sorted: passes add to lists, or put others in their place. */
  readonly length: number;
}

const sortedLists = new WeakMap<readonly Relocation[], SortedList>();

/** Those with `start <= offset < end`, bytes of the section, in the order of their offsets. */
export function relocationsWithin(section: ElfSection, start: number, end: number): readonly Relocation[] {
  const sorted = relocationsInOrder(section);
  const first = countBelow(sorted, ({ offset }) => offset < start);
  const behind = countBelow(sorted, ({ offset }) => offset < end);
  return sorted.slice(first, behind);
}

/** All of them in the order of their offsets. Compilers write them in that order; then the list itself serves. */
export function relocationsInOrder({ relocations }: ElfSection): readonly Relocation[] {
  const known = sortedLists.get(relocations);
  if (known?.length === relocations.length) return known.sorted;
  const isInOrder = relocations.every(({ offset }, index) => (relocations[index - 1]?.offset ?? 0) <= offset);
  const sorted = isInOrder ? relocations : [...relocations].sort((a, b) => a.offset - b.offset);
  sortedLists.set(relocations, { sorted, length: relocations.length });
  return sorted;
}
