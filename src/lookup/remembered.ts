/**
 * Remembers what follows from an object and a target alone, for the levels that are asked about one name after the other:
 * an object may have thousands of ambiguous names, and vmlinux thousands of namesakes of each.
 */
import type { ElfObject } from '../elf/object.js';
import type { TargetTable } from './symbol-table.js';

/** Makes it when it is first asked for, from the object as it is then; it lives as long as both. */
export function remembered<T>(
  make: (original: ElfObject, table: TargetTable) => T,
): (original: ElfObject, table: TargetTable) => T {
  const known = new WeakMap<ElfObject, WeakMap<TargetTable, { readonly value: T }>>();
  return (original, table) => {
    const ofOriginal = known.get(original) ?? new WeakMap<TargetTable, { readonly value: T }>();
    known.set(original, ofOriginal);
    const made = ofOriginal.get(table) ?? { value: make(original, table) };
    ofOriginal.set(table, made);
    return made.value;
  };
}
