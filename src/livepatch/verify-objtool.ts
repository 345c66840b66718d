/**
 * What objtool adds to code, held against all code of a finished module: rows for unwinding, and the places of returns.
 * Objects get it one by one, and whatever misses an object or a function shows here and not on the running kernel.
 */
import type { ObjtoolRules } from '../arch/arch.js';
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { SHF, STT } from '../elf/constants.js';
import { groupBy } from '../elf/grouped.js';
import type { ElfObject, ElfSection, ElfSymbol } from '../elf/object.js';
import { countBelow } from '../elf/sorted.js';

/** Code that stands in for instructions elsewhere; it is never unwound from nor returns where it lies. */
const withoutOwnTables = new Set(['.altinstr_replacement', '.static_call.text']);

function isCode({ name, flags }: ElfSection): boolean {
  return (flags & SHF.ALLOC) !== 0 && (flags & SHF.EXECINSTR) !== 0 && !withoutOwnTables.has(name);
}

/**
 * Every function needs a row at its beginning or in front of it, behind the function before: the row of its padding holds
 * for its first instructions too. Without, the stack is unreliable where it stands on one, and a transition may never end
 * (kernel/livepatch/transition.c, klp_check_stack).
 * @returns a `verify-unwind-data` for all functions that have none
 */
export function verifyUnwindData(module: ElfObject): Diagnostic[] {
  const rows = placesIn(module, '.orc_unwind_ip');
  const missing = [...groupBy(functionsOf(module), ({ section }) => section)].flatMap(([section, symbols]) => {
    const offsets = [...(rows.get(section) ?? [])].sort((a, b) => a - b);
    const ends = symbols.map(({ value, size }) => value + size).sort((a, b) => a - b);
    return symbols.filter(({ value }) => {
      const from = ends[countBelow(ends, (end) => end <= value) - 1] ?? 0;
      const first = offsets[countBelow(offsets, (offset) => offset < from)];
      return first === undefined || first > value;
    });
  });
  if (missing.length === 0) return [];
  return [diagnose('verify-unwind-data', { file: module.fileName, functions: missing.map(({ name }) => name) })];
}

type PlacedSymbol = ElfSymbol & { readonly section: ElfSection };

/** Without the names of padding, which is part of the function behind it. */
function functionsOf(module: ElfObject): PlacedSymbol[] {
  return module.symbols.filter(
    (symbol): symbol is PlacedSymbol =>
      symbol.type === STT.FUNC &&
      symbol.size > 0 &&
      symbol.section !== undefined &&
      isCode(symbol.section) &&
      !/^__(?:pfx|cfi)_/.test(symbol.name),
  );
}

/**
 * The kernel looks for returns where the table says and nowhere else; a jump to the thunk that is left does work, and the
 * kernel warns of it (`__warn_thunk` in arch/x86/kernel/cpu/bugs.c, since v6.9).
 * @returns `verify-return-site` for all returns that are not listed, `verify-seals`
 */
export function verifyReturnsAndSeals(module: ElfObject, rules: ObjtoolRules): Diagnostic[] {
  const listed = placesIn(module, rules.returnSites);
  const missing = module.sections.filter(isCode).flatMap((section) =>
    section.relocations
      .map((relocation) => rules.returnJump(section, relocation))
      .filter((offset) => offset !== undefined && listed.get(section)?.has(offset) !== true)
      .map((offset) => `${section.name}+0x${offset?.toString(16)}`),
  );
  const seals = module.sections.some(({ name, size }) => name === rules.seals && size > 0);
  return [
    ...(missing.length === 0 ? [] : [diagnose('verify-return-site', { file: module.fileName, places: missing })]),
    ...(seals ? [diagnose('verify-seals', { file: module.fileName, section: rules.seals })] : []),
  ];
}

/** The places that a table of distances names, by section, in bytes from its start. */
function placesIn(module: ElfObject, table: string): Map<ElfSection, Set<number>> {
  const places = new Map<ElfSection, Set<number>>();
  for (const { name, relocations } of module.sections) {
    if (name !== table) continue;
    for (const { symbol, addend } of relocations) {
      if (symbol.section === undefined) continue;
      const known = places.get(symbol.section) ?? new Set<number>();
      places.set(symbol.section, known.add(symbol.value + addend));
    }
  }
  return places;
}
