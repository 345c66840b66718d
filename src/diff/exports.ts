/**
 * What an object exports to modules, and what the patch changes of it. The kernel reads exports when a module is loaded, so
 * a livepatch can add none for its target; one that goes away stays usable until the target is loaded anew.
 */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { ElfObject, ElfSection } from '../elf/object.js';
import { sortedRelocations } from './entry-stride.js';

/**
 * The exports of both objects compared, whichever way the kernel records them.
 * @returns `export-added`, `export-removed` (a warning), `export-changed`; one each, with all symbols
 */
export function checkExports(original: ElfObject, patched: ElfObject): Diagnostic[] {
  const [before, after] = [exportsOf(original), exportsOf(patched)];
  const added = [...after.keys()].filter((symbol) => !before.has(symbol));
  const removed = [...before.keys()].filter((symbol) => !after.has(symbol));
  const changed = [...after].filter(([symbol, kind]) => before.has(symbol) && before.get(symbol) !== kind);
  const findings: Diagnostic[] = [];
  if (added.length > 0) findings.push(diagnose('export-added', { symbols: added }));
  if (changed.length > 0) findings.push(diagnose('export-changed', { symbols: changed.map(([symbol]) => symbol) }));
  if (removed.length > 0) findings.push(diagnose('export-removed', { symbols: removed }));
  return findings;
}

/** Exported symbols, each with what tells apart the kinds of export (GPL or not, namespace). */
function exportsOf(object: ElfObject): Map<string, string> {
  const exports = new Map<string, string>();
  for (const section of object.sections) {
    for (const [symbol, kind] of recordedIn(section)) exports.set(symbol, kind);
  }
  for (const { name, section } of object.symbols) {
    // Assembly sources of old kernels put all entries into one section.
    const symbol = /^__ksymtab_(.+)$/.exec(name)?.[1];
    if (symbol !== undefined && section !== undefined && !exports.has(symbol)) exports.set(symbol, section.name);
  }
  return exports;
}

/**
 * Before Linux 6.5 each export has a section, `___ksymtab_gpl+foo`; its entry's other part is the namespace, whose text is
 * elsewhere. Since then (commit ddb5cdbafaaa) `.export_symbol` has for each two strings, licence and namespace, and the
 * symbol's address.
 */
function recordedIn(section: ElfSection): [string, string][] {
  const own = /^___?ksymtab(_\w+)?\+(.+)$/.exec(section.name);
  if (own?.[2] !== undefined) return [[own[2], own[1] ?? '']];
  if (section.name !== '.export_symbol') return [];
  let start = 0;
  return sortedRelocations(section).map(({ symbol, offset }) => {
    const kind = Buffer.from(section.content.subarray(start, offset)).toString('latin1').split('\0', 2).join(' ');
    start = offset + addressSize;
    return [symbol.name, kind];
  });
}

/** Bytes of an address. */
const addressSize = 8;
