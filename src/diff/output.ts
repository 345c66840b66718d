/**
 * Puts the included parts together to the object that the livepatch is linked from. What stays behind is referred to as
 * undefined; the livepatch assembly decides who resolves it.
 */
import type { Arch } from '../arch/arch.js';
import { SHF, SHT, STT } from '../elf/constants.js';
import { ElfObject, ElfSection, type ElfSymbol } from '../elf/object.js';
import type { Comparison } from './compare.js';
import type { Inclusion } from './include.js';
import type { PreparedObject } from './prepare.js';
import type { RebuiltTable } from './special-tables.js';

/** Bytes of an address. */
const addressSize = 8;

export interface OutputInput {
  readonly patched: PreparedObject;
  readonly comparison: Comparison;
  readonly inclusion: Inclusion;
  readonly tables: ReadonlyMap<ElfSection, RebuiltTable>;
}

/** The object that the livepatch takes from this source file. The patched object is used up. */
export function assembleOutput({ patched, comparison, inclusion, tables }: OutputInput): ElfObject {
  for (const [section, table] of tables) {
    section.content = table.content;
    section.size = table.content.length;
    section.relocations = [...table.relocations];
  }
  const sections = patched.object.sections.filter(
    (section) => inclusion.sections.has(section) && !isTraceTable(section) && section.name !== '.modinfo',
  );
  const shipped = new Set(sections);
  const symbols = patched.object.symbols.filter((symbol) => inclusion.symbols.has(symbol));
  for (const symbol of symbols) {
    if (symbol.section !== undefined && !shipped.has(symbol.section)) leaveBehind(symbol);
  }
  const object = new ElfObject(patched.object.fileName, patched.object.format, sections, symbols);
  sections.push(...traceTables(patched, comparison, symbols), ...namespaceImports(patched));
  return object;
}

/** The symbol becomes a reference to the target's. Its type tells the lookup what to look for. */
function leaveBehind(symbol: ElfSymbol): void {
  symbol.place = 'undefined';
  symbol.value = 0;
  symbol.size = 0;
}

function isTraceTable(section: ElfSection): boolean {
  return section.name === '__mcount_loc' || section.name === '__patchable_function_entries';
}

/** Where ftrace finds the entries of the new functions, so that they can be traced and patched once more. */
function traceTables(
  patched: PreparedObject,
  comparison: Comparison,
  symbols: readonly ElfSymbol[],
): readonly ElfSection[] {
  const { arch, sectionSymbol } = patched;
  const entries: { readonly symbol: ElfSymbol; readonly section: ElfSection; readonly offset: number }[] = [];
  for (const symbol of symbols) {
    const { section } = symbol;
    if (symbol.type !== STT.FUNC || section === undefined || comparison.symbols.get(symbol) === 'same') continue;
    const offset = arch.traceOffset(symbol);
    if (offset === undefined) continue;
    arch.restoreTraceCall(symbol);
    entries.push({ symbol, section, offset });
  }
  if (!arch.traceTable.isPerFunction) {
    const places = entries.map(({ symbol, offset }) => ({ symbol, addend: offset }));
    return [traceTable(arch, SHF.ALLOC, places)];
  }
  return entries.map(({ symbol, section, offset }) => {
    const start = sectionSymbol.get(section);
    const place = start === undefined ? { symbol, addend: offset } : { symbol: start, addend: symbol.value + offset };
    const table = traceTable(arch, SHF.WRITE | SHF.ALLOC | SHF.LINK_ORDER, [place]);
    table.linkedTo = section;
    return table;
  });
}

function traceTable(arch: Arch, flags: number, places: readonly { symbol: ElfSymbol; addend: number }[]): ElfSection {
  const table = new ElfSection({
    name: arch.traceTable.name,
    type: SHT.PROGBITS,
    flags,
    alignment: addressSize,
    entrySize: addressSize,
    content: new Uint8Array(places.length * addressSize),
  });
  table.relocations = places.map(({ symbol, addend }, index) => ({
    offset: index * addressSize,
    type: arch.absolute64,
    symbol,
    addend,
  }));
  return table;
}

/**
 * `MODULE_IMPORT_NS` of the source file, so that the livepatch may use the same symbols. In code of the kernel itself the
 * entry begins with the file's module name, `proc.import_ns=`, which must go.
 */
function namespaceImports(patched: PreparedObject): ElfSection[] {
  const entries = patched.object.sections
    .filter(({ name }) => name === '.modinfo')
    .flatMap(({ content }) => Buffer.from(content).toString('latin1').split('\0'))
    .map((entry) => /^(?:[^=]*\.)?(import_ns=.*)$/s.exec(entry)?.[1])
    .filter((entry) => entry !== undefined);
  if (entries.length === 0) return [];
  const content = Buffer.from(entries.map((entry) => `${entry}\0`).join(''), 'latin1');
  return [
    new ElfSection({
      name: '.modinfo',
      type: SHT.PROGBITS,
      flags: SHF.ALLOC,
      alignment: addressSize,
      entrySize: content.length,
      content,
    }),
  ];
}
