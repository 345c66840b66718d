/** Rules about what a file exports to other modules. */
import { diagnose } from '../../diagnostics/catalogue.js';
import type { Diagnostic } from '../../diagnostics/diagnostic.js';
import type { Item, Outline } from '../c-outline.js';
import { isSwitchedOff } from '../conditions.js';
import type { Scene, SourceRule } from './scene.js';

export const exportRules: readonly SourceRule[] = [changedExports, includesBesideExports];

export const isExport = ({ kind, macro = '' }: Item) => kind === 'macro-call' && /^EXPORT_\w*SYMBOL/.test(macro);

/** By file, as the build compares objects: an export that moves is one that comes and one that goes. */
function changedExports({ changes, config }: Scene): Diagnostic[] {
  const [before, after] = [
    changes.map(({ original }) => exportsOf(original)),
    changes.map(({ patched }) => exportsOf(patched)),
  ];
  const pick = (from: typeof before, isWanted: (symbol: string, macro: string, file: number) => boolean) =>
    from.flatMap((exports, file) => {
      return [...exports].filter(([symbol, macro]) => isWanted(symbol, macro, file)).map(([symbol]) => symbol);
    });
  const found = {
    'export-added': pick(after, (symbol, _, file) => before[file]?.has(symbol) !== true),
    'export-changed': pick(after, (symbol, macro, file) => (before[file]?.get(symbol) ?? macro) !== macro),
    'export-removed': pick(before, (symbol, _, file) => after[file]?.has(symbol) !== true),
  };
  const codes = ['export-added', 'export-changed', 'export-removed'] as const;
  return codes.filter((code) => found[code].length > 0).map((code) => diagnose(code, { symbols: found[code] }));

  /** The macro that exports each symbol; namespaces are part of it: `EXPORT_SYMBOL_NS_GPL`. */
  function exportsOf({ items }: Outline): Map<string, string> {
    const seen = items.filter((item) => isExport(item) && !isSwitchedOff(item.conditions, config));
    return new Map(seen.map(({ name, macro }) => [name, macro ?? '']));
  }
}

/** kptool's own header completes no type that a file of the kernel would not know. */
function includesBesideExports({ changes, config }: Scene): Diagnostic[] {
  return changes.flatMap((change) => {
    const exports = change.original.items.filter(isExport).length;
    if (exports === 0) return [];
    return change.addedDirectives
      .filter(({ text }) => text.startsWith('#include') && !text.includes('kpatch-macros.h'))
      .filter(({ conditions }) => !conditions.some(isOutOfSight) && !isSwitchedOff(conditions, config))
      .map(({ text, line }) => diagnose('include-beside-exports', { file: change.path, line, include: text, exports }));
  });
}

/** genksyms defines it while it computes checksums (scripts/Makefile.build, cmd_gensymtypes). */
function isOutOfSight(condition: string): boolean {
  return /^#(ifndef __GENKSYMS__|if !defined\(__GENKSYMS__\)|else of #ifdef __GENKSYMS__)$/.test(condition);
}
