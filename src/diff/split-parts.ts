/**
 * GCC puts the unlikely branches of `foo` into `foo.cold`, which jumps there and back. Code that jumps from the new `foo` to
 * the target's unchanged `foo.cold` would come back into the original `foo`, and miss the change from there on.
 */
import type { ElfSymbol } from '../elf/object.js';
import type { Comparison } from './compare.js';
import type { PreparedObject } from './prepare.js';

/** The first place, in bytes from the part's start, at which it jumps back; `undefined` where it never does. */
export function returnOf(part: ElfSymbol, parent: ElfSymbol): number | undefined {
  return part.section?.relocations.find(({ symbol }) => symbol === parent)?.offset;
}

/** Makes every part that jumps back into a changed function changed as well, so that it goes along. */
export function takeReturningParts(patched: PreparedObject, comparison: Comparison): void {
  for (let taken = -1; taken !== 0; ) {
    taken = 0;
    for (const [part, parent] of patched.parentOf) {
      if (part.section === undefined || comparison.symbols.get(part) !== 'same') continue;
      if (comparison.symbols.get(parent) !== 'changed' || returnOf(part, parent) === undefined) continue;
      // A part with an ftrace entry is called, not jumped to, and returns to its caller.
      if (patched.arch.traceOffset(part) !== undefined) continue;
      comparison.symbols.set(part, 'changed');
      comparison.sections.set(part.section, 'changed');
      taken++;
    }
  }
}
