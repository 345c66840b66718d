/**
 * Which local symbols of the original object say something about where the target has it: the evidence for finding its
 * file block, its surroundings and its membership. Decided by what the link does with their sections.
 */
import { STB, STT } from '../elf/constants.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';
import { discardedBy } from './discarded-sections.js';
import { BUILT_IN_NAMES, isCompanion, isDrifting, type NameRules } from './drifting-names.js';
import { isFunctionOrObject, type TargetTable } from './symbol-table.js';

/**
 * Static functions and data in the order of the object's table, without those that the link drops (`discardedBy`), without
 * names whose numbers drift and without what tools put beside a symbol.
 */
export function staticSymbols(original: ElfObject, table?: TargetTable, names = BUILT_IN_NAMES): ElfSymbol[] {
  const isEvidence = evidenceIn(original, table, names);
  return original.symbols.filter((symbol) => symbol.bind === STB.LOCAL && isEvidence(symbol));
}

/** The object's functions, static or not, by the same rule. */
export function functionsOf(original: ElfObject, table?: TargetTable, names = BUILT_IN_NAMES): ElfSymbol[] {
  const isEvidence = evidenceIn(original, table, names);
  return original.symbols.filter((symbol) => symbol.type === STT.FUNC && isEvidence(symbol));
}

/** Names of the sources that the object was compiled from, without folders: `cm.c`. None for assembly. */
export function sourceNames(original: ElfObject): string[] {
  const names = original.symbols.filter(({ type }) => type === STT.FILE).map(({ name }) => baseName(name));
  return [...new Set(names)].filter((name) => name !== '');
}

/** gcc writes base names into file symbols, clang what stood on its command line. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function evidenceIn(original: ElfObject, table: TargetTable | undefined, names: NameRules) {
  const isDiscarded = discardedBy(original, table);
  return (symbol: ElfSymbol): boolean => {
    const { section, name } = symbol;
    if (section === undefined || name === '' || !isFunctionOrObject(symbol)) return false;
    return !isDiscarded(section) && !isDrifting(name, names) && !isCompanion(name, names);
  };
}
