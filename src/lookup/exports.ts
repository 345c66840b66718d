/** Who exports a name: `Module.symvers` of the kernel, of this tree and of other trees, read one after the other. */
import type { ExportedSymbol } from '../kernel/symvers.js';

export interface Exports {
  /** The entry that counts for the name. */
  find(name: string): ExportedSymbol | undefined;
}

/**
 * Indexes the entries by name. Of several entries with one name the first wins: a tree that rebuilds a driver of the
 * kernel exports its symbols again (`ib_cm_listen` of the kernel's `ib_cm` and of the tree's), which is no conflict,
 * since both stand for the one module of that name that can be loaded.
 */
export function indexExports(entries: Iterable<ExportedSymbol>): Exports {
  const byName = new Map<string, ExportedSymbol>();
  for (const entry of entries) {
    if (!byName.has(entry.name)) byName.set(entry.name, entry);
  }
  return { find: (name) => byName.get(name) };
}
