/** Writes a `Module.symvers` as the target kernel's modpost reads it, from entries of several trees. */
import type { ExportedSymbol } from './symvers.js';

/** Where the namespace stands; see `parseSymvers`. */
export type SymversLayout = 'without namespace' | 'namespace third' | 'namespace last';

/**
 * The order of columns that the kernel itself uses, seen from its own `Module.symvers`: modpost stops at any other one
 * (scripts/mod/modpost.c, read_dump). An empty text, of a kernel that exports nothing, gives today's order.
 */
export function layoutOf(text: string): SymversLayout {
  const end = text.indexOf('\n');
  const columns = (end === -1 ? text : text.slice(0, end)).split('\t');
  const isType = (column: string | undefined) => /^(?:EXPORT_|\(unknown\))/.test(column ?? '');
  if (isType(columns[4])) return 'namespace third';
  return isType(columns[3]) && columns.length === 4 ? 'without namespace' : 'namespace last';
}

/** The text; ends with a newline where there is an entry. */
export function symversText(entries: readonly ExportedSymbol[], layout: SymversLayout): string {
  return entries.map((entry) => `${columnsOf(entry, layout).join('\t')}\n`).join('');
}

function columnsOf({ crc, name, module, exportType, namespace }: ExportedSymbol, layout: SymversLayout): string[] {
  const checksum = `0x${crc.toString(16).padStart(8, '0')}`;
  if (layout === 'without namespace') return [checksum, name, module, exportType];
  if (layout === 'namespace third') return [checksum, name, namespace, module, exportType];
  return [checksum, name, module, exportType, namespace];
}
