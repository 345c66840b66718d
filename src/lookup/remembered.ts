/**
 * Remembers what follows from an object, a target and the names that drift alone, for the levels that are asked about one
 * name after the other: an object may have thousands of ambiguous names, and vmlinux thousands of namesakes of each.
 */
import type { ElfObject } from '../elf/object.js';
import { BUILT_IN_NAMES, type NameRules } from './drifting-names.js';
import type { TargetTable } from './symbol-table.js';

/** Makes it when it is first asked for, from the object as it is then; it lives as long as all three. */
export function remembered<T>(
  make: (original: ElfObject, table: TargetTable, names: NameRules) => T,
): (original: ElfObject, table: TargetTable, names?: NameRules) => T {
  const known = new WeakMap<ElfObject, WeakMap<TargetTable, WeakMap<NameRules, { readonly value: T }>>>();
  return (original, table, names = BUILT_IN_NAMES) => {
    const ofOriginal = known.get(original) ?? new WeakMap<TargetTable, WeakMap<NameRules, { readonly value: T }>>();
    known.set(original, ofOriginal);
    const ofTable = ofOriginal.get(table) ?? new WeakMap<NameRules, { readonly value: T }>();
    ofOriginal.set(table, ofTable);
    const made = ofTable.get(names) ?? { value: make(original, table, names) };
    ofTable.set(names, made);
    return made.value;
  };
}
