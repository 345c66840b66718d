/**
 * Tables that no rule knows yet: a new kernel may list places in functions in a section of a new name. Such a section is
 * told from data by what it refers to, its entry size is inferred, and the livepatch gets the entries of its own functions.
 */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { SHF, SHT, STT } from '../elf/constants.js';
import type { ElfSection, ElfSymbol } from '../elf/object.js';
import { inferStride, isPlaceInFunction } from './entry-stride.js';
import { isExportSection, isInitSection, isQuirkSection } from './names.js';
import type { Correlation } from './pairing.js';
import type { PreparedObject } from './prepare.js';
import {
  type Entry,
  entriesOfSize,
  type RebuiltTable,
  rebuildTable,
  type TableInput,
  tableNames,
} from './special-tables.js';

/**
 * Takes the entries of included functions out of every table that looks like one. A table that changed for other
 * functions too is left to be refused.
 * @returns the new tables, and a `table-unknown` (warning) for each that changed or comes along
 */
export function rebuildUnknownTables(
  input: TableInput,
  correlation: Correlation,
): { tables: Map<ElfSection, RebuiltTable>; findings: Diagnostic[] } {
  const tables = new Map<ElfSection, RebuiltTable>();
  const findings: Diagnostic[] = [];
  const { patched, inclusion } = input;
  const known = tableNames(patched.arch);
  for (const section of patched.object.sections) {
    if (known.has(section.name) || inclusion.sections.has(section) || !mayBeTable(patched, section)) continue;
    const original = correlation.sections.originalOf(section);
    // One entry alone shows no stride; the other side may have more.
    const stride = inferStride(section) ?? (original && inferStride(original));
    if (stride === undefined) continue;
    const entries = entriesOfSize(section, stride.entrySize);
    if (!entries.every((entry) => ownerOf(entry) !== undefined)) continue;
    const isChanged = inclusion.comparison.sections.get(section) === 'changed';
    if (isChanged && original !== undefined) {
      const before = entriesOfSize(original, stride.entrySize);
      if (hasOtherChange(input, before, entries)) continue;
    }
    const table = rebuildTable(input, section, entries, findings);
    tables.set(section, table);
    if (isChanged || table.content.length > 0) {
      const kept = table.content.length / stride.entrySize;
      findings.push(diagnose('table-unknown', { section: section.name, entrySize: stride.entrySize, kept }));
    }
  }
  return { tables, findings };
}

/**
 * Data without any variable, which refers to places in the middle of functions. A list of whole functions is something
 * that the kernel calls (`.initcall6.init`), and which a livepatch cannot add to.
 */
function mayBeTable(patched: PreparedObject, section: ElfSection): boolean {
  if (section.type !== SHT.PROGBITS || (section.flags & SHF.ALLOC) === 0) return false;
  if ((section.flags & (SHF.EXECINSTR | SHF.MERGE)) !== 0 || section.relocations.length === 0) return false;
  if (isInitSection(section) || isExportSection(section) || isQuirkSection(section)) return false;
  if (/^\.(data|rodata|bss|toc|kpatch|note|altinstr|orc_unwind)\b|^runtime_(ptr|shift)_/.test(section.name))
    return false;
  const hasVariable = (patched.symbolsIn.get(section) ?? []).some(
    ({ type }) => type === STT.OBJECT || type === STT.FUNC,
  );
  return !hasVariable && section.relocations.some(isPlaceInFunction);
}

/** The first function that an entry refers to. */
function ownerOf({ relocations }: Entry): ElfSymbol | undefined {
  return relocations.find(({ symbol }) => symbol.type === STT.FUNC && symbol.section !== undefined)?.symbol;
}

/** Entries of functions that stay behind differ; functions that are gone on one side take theirs with them. */
function hasOtherChange(
  { patched, inclusion }: TableInput,
  before: readonly Entry[],
  after: readonly Entry[],
): boolean {
  const left = new Set(
    patched.object.symbols
      .filter(({ type, section }) => type === STT.FUNC && section !== undefined && !inclusion.sections.has(section))
      .map(({ name }) => name),
  );
  const signatures = (entries: readonly Entry[]) =>
    entries
      .filter((entry) => left.has(ownerOf(entry)?.name ?? ''))
      .map((entry) => signatureOf(entry))
      .join('\n');
  return signatures(before) !== signatures(after);
}

function signatureOf({ bytes, offset: start, relocations }: Entry): string {
  const references = relocations.map(
    ({ offset, type, symbol, addend }) => `${offset - start} ${type} ${symbol.name}+${addend}`,
  );
  return [Buffer.from(bytes).toString('hex'), ...references].join(' ');
}
