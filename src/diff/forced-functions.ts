/**
 * Functions that `KPATCH_FORCE_UNSAFE` marks: the author vouches for it that tasks may run the old and the new one at once.
 * The marks are handed on for loaders that heed them. No kernel since 4.16 does: commit d0807da78e11 ("livepatch: Remove
 * immediate feature") leaves only `force` in sysfs, for a livepatch as a whole.
 */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { ElfSection } from '../elf/object.js';
import type { Inclusion } from './include.js';
import type { PreparedObject } from './prepare.js';
import type { RebuiltTable } from './special-tables.js';

const forcedFunctions = '.kpatch.force';
/** Bytes of a mark: the address of the function. */
const markSize = 8;

/**
 * Keeps the marks of functions that the livepatch brings along.
 * @returns the sections of marks as they shall be, and `function-forced`, `force-needless`
 */
export function keepForcedMarks(patched: PreparedObject, inclusion: Inclusion) {
  const tables = new Map<ElfSection, RebuiltTable>();
  const findings: Diagnostic[] = [];
  for (const section of patched.object.sections) {
    if (section.name !== forcedFunctions) continue;
    const kept = section.relocations.filter(({ symbol }) => {
      const isShipped = symbol.section !== undefined && inclusion.sections.has(symbol.section);
      findings.push(diagnose(isShipped ? 'function-forced' : 'force-needless', { functionName: symbol.name }));
      return isShipped;
    });
    if (kept.length === 0) continue;
    tables.set(section, {
      content: new Uint8Array(kept.length * markSize),
      relocations: kept.map((mark, index) => ({ ...mark, offset: index * markSize })),
      moved: new Map(),
    });
    inclusion.sections.add(section);
    const sectionSymbol = patched.sectionSymbol.get(section);
    for (const symbol of [...kept.map((mark) => mark.symbol), sectionSymbol]) {
      if (symbol !== undefined) inclusion.symbols.add(symbol);
    }
  }
  return { tables, findings };
}
