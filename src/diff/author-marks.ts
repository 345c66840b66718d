/**
 * What the author of a patch says about it in its source, through macros that leave sections behind: leave this function
 * as it is, do not look at that section.
 */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { STT } from '../elf/constants.js';
import type { ElfSection, ElfSymbol } from '../elf/object.js';
import type { Comparison } from './compare.js';
import type { PreparedObject } from './prepare.js';

/** Points to functions (`KPATCH_IGNORE_FUNCTION`). */
const ignoredFunctions = '.kpatch.ignore.functions';
/** Points to names of sections (`KPATCH_IGNORE_SECTION`). */
const ignoredSections = '.kpatch.ignore.sections';
/** Variables that the macros define, to hold those pointers and what other macros say (`callbacks.ts`, `forced-functions.ts`). */
const markVariable =
  /^(__kpatch_(ignore|force)_func_|__UNIQUE_ID_kpatch_ignore_section_|kpatch_(pre|post)_(un)?patch_data$)/;

/**
 * Takes back the changes that the author wants ignored. A section that `KPATCH_IGNORE_SECTION` names goes with all
 * symbols in it; a function with the parts split off from it.
 * @returns `ignore-target-missing`, `ignore-needless`
 */
export function applyAuthorMarks(patched: PreparedObject, comparison: Comparison): Diagnostic[] {
  const findings = [...ignoreFunctions(patched, comparison), ...ignoreSections(patched, comparison)];
  for (const symbol of patched.object.symbols) {
    if (markVariable.test(symbol.name)) comparison.symbols.set(symbol, 'same');
  }
  return findings;
}

function ignoreFunctions(patched: PreparedObject, comparison: Comparison): Diagnostic[] {
  const findings: Diagnostic[] = [];
  for (const { symbol } of marks(patched, ignoredFunctions)) {
    if (symbol.type !== STT.FUNC || symbol.section === undefined) {
      findings.push(diagnose('ignore-target-missing', { macro: 'KPATCH_IGNORE_FUNCTION', name: symbol.name }));
      continue;
    }
    if (comparison.symbols.get(symbol) !== 'changed') {
      findings.push(diagnose('ignore-needless', { functionName: symbol.name }));
    }
    markUnchanged(patched, comparison, symbol);
  }
  return findings;
}

function markUnchanged(patched: PreparedObject, comparison: Comparison, functionSymbol: ElfSymbol): void {
  const pending = [functionSymbol];
  const seen = new Set(pending);
  for (const symbol of pending) {
    comparison.symbols.set(symbol, 'same');
    if (symbol.section !== undefined) comparison.sections.set(symbol.section, 'same');
    for (const child of patched.childrenOf.get(symbol) ?? []) {
      if (seen.has(child)) continue;
      seen.add(child);
      pending.push(child);
    }
  }
}

function ignoreSections(patched: PreparedObject, comparison: Comparison): Diagnostic[] {
  const findings: Diagnostic[] = [];
  for (const { symbol, addend } of marks(patched, ignoredSections)) {
    const pool = symbol.section;
    const offset = symbol.value + addend;
    const name = pool === undefined ? '' : textAt(pool, offset);
    const ignored = patched.object.sections.filter((section) => section.name === name);
    if (ignored.length === 0) {
      findings.push(diagnose('ignore-target-missing', { macro: 'KPATCH_IGNORE_SECTION', name }));
    }
    for (const section of ignored) {
      comparison.sections.set(section, 'same');
      for (const inside of patched.symbolsIn.get(section) ?? []) comparison.symbols.set(inside, 'same');
    }
  }
  return findings;
}

function marks(patched: PreparedObject, name: string) {
  return patched.object.sections.filter((section) => section.name === name).flatMap(({ relocations }) => relocations);
}

function textAt(section: ElfSection, offset: number): string {
  if (offset < 0 || offset >= section.content.length) return '';
  const end = section.content.indexOf(0, offset);
  return Buffer.from(section.content.subarray(offset, end < 0 ? undefined : end)).toString('latin1');
}
