/**
 * Where the livepatch takes the address of something that stays in its klp object, rather than calling or jumping to it:
 * through such a pointer a function may be called that so far nobody called in this way.
 */
import type { ObjectDiff } from '../diff/diff-objects.js';
import { STT } from '../elf/constants.js';
import { noSymbol } from '../elf/object.js';
import type { TargetSymbol } from '../lookup/lookup.js';
import type { KlpRelocation } from './livepatch.js';

export interface AddressTaken {
  readonly target: TargetSymbol;
  /** The function or variable of the livepatch that holds the address, and where in it, in bytes. */
  readonly owner: string;
  readonly offset: number;
}

/**
 * The addresses of functions among `relocations`, which `splitRelocations` found. Tables that the kernel reads by itself
 * do not count: nothing is called through them. What the module loader resolves in the ordinary way is exported, and no
 * exported function is sealed.
 */
export function addressesTaken(
  { arch, object, tableSections }: Pick<ObjectDiff, 'arch' | 'object' | 'tableSections'>,
  relocations: readonly KlpRelocation[],
): AddressTaken[] {
  return relocations.flatMap((relocation) => {
    const { section, offset, addend, type, target } = relocation;
    if (target?.type !== STT.FUNC || tableSections.has(section)) return [];
    const reference = { offset, addend, type, symbol: noSymbol };
    if (arch.isCall(section, reference) || arch.isJump?.(section, reference) === true) return [];
    if (addend + (arch.targetBias(section, reference) ?? 0) !== 0) return [];
    const owner = object.symbols.find(
      (candidate) =>
        candidate.section === section &&
        (candidate.type === STT.FUNC || candidate.type === STT.OBJECT) &&
        offset >= candidate.value &&
        offset < candidate.value + candidate.size,
    );
    return [{ target, owner: owner?.name ?? section.name, offset: offset - (owner?.value ?? 0) }];
  });
}
