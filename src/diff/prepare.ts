/**
 * Makes an object ready for comparison: drops what no kernel reads, finds the symbol that each section was made for and
 * which functions are parts of others, and lets every reference name a symbol instead of a section and an offset.
 */
import type { Arch } from '../arch/arch.js';
import { STT } from '../elf/constants.js';
import { DebugTypes } from '../elf/debug-types.js';
import { groupBy } from '../elf/grouped.js';
import { type ElfObject, type ElfSection, ElfSymbol } from '../elf/object.js';
import { type LineRow, readDebugLines } from './debug-lines.js';
import { isAssemblerLabel, isDebugSection, isDiscardedSection } from './names.js';
import { nameSectionReferences } from './section-references.js';

/** An object with what the preparation found out about it. */
export interface PreparedObject {
  readonly object: ElfObject;
  readonly arch: Arch;
  /** The symbol that `-ffunction-sections` or `-fdata-sections` made the section for: `foo` of `.text.foo`. */
  readonly ownSymbol: ReadonlyMap<ElfSection, ElfSymbol>;
  readonly sectionSymbol: ReadonlyMap<ElfSection, ElfSymbol>;
  readonly symbolsIn: ReadonlyMap<ElfSection, readonly ElfSymbol[]>;
  /** The function that GCC split `foo.cold` or `foo.part.0` off from. */
  readonly parentOf: ReadonlyMap<ElfSymbol, ElfSymbol>;
  readonly childrenOf: ReadonlyMap<ElfSymbol, readonly ElfSymbol[]>;
  /** Source lines of code; none where there are no debug data. Read when first asked for. */
  readonly debugLines: () => ReadonlyMap<ElfSection, readonly LineRow[]>;
  /** Types of the source; throws RangeError where there are no debug data that can be read. Read when first asked for. */
  readonly debugTypes: () => DebugTypes;
}

/**
 * Prepares `object` in place.
 * @param object read from a file; it is changed and must not be shared
 */
export function prepareObject(object: ElfObject, arch: Arch): PreparedObject {
  const debugLines = lazyDebugLines(object);
  const debugTypes = lazyDebugTypes(object);
  dropUnreadSections(object, arch);
  if (arch.keepsAssemblerLabels) dropAssemblerLabels(object);
  const symbolsIn = groupBy(object.symbols.filter(hasSection), ({ section }) => section);
  const ownSymbol = findOwnSymbols(symbolsIn, arch);
  const sectionSymbol = new Map<ElfSection, ElfSymbol>();
  for (const symbol of object.symbols) {
    if (symbol.type === STT.SECTION && symbol.section !== undefined && !sectionSymbol.has(symbol.section)) {
      sectionSymbol.set(symbol.section, symbol);
    }
  }
  const { parentOf, childrenOf } = findSplitFunctions(object);
  const prepared = { object, arch, ownSymbol, sectionSymbol, symbolsIn, parentOf, childrenOf, debugLines, debugTypes };
  nameSectionReferences(prepared);
  return prepared;
}

/** The table goes with the other debug data, but few comparisons need it and reading it takes time. */
function lazyDebugLines({ sections, format }: ElfObject): PreparedObject['debugLines'] {
  const table = sections.find(({ name }) => name === '.debug_line');
  let lines: Map<ElfSection, LineRow[]> | undefined;
  return () => {
    lines ??= table === undefined ? new Map() : readDebugLines(table, format.byteOrder);
    return lines;
  };
}

function lazyDebugTypes({ sections, format }: ElfObject): PreparedObject['debugTypes'] {
  const debugSections = sections.filter(isDebugSection);
  let types: DebugTypes | undefined;
  return () => {
    types ??= new DebugTypes({ sections: debugSections, format });
    return types;
  };
}

/** Debug data, discarded sections and by-products of the build are neither compared nor shipped. */
function dropUnreadSections(object: ElfObject, arch: Arch): void {
  const dropped = new Set(
    object.sections.filter(
      (section) => isDebugSection(section) || isDiscardedSection(section) || arch.unreadSections.has(section.name),
    ),
  );
  if (dropped.size === 0) return;
  const kept = object.sections.filter((section) => !dropped.has(section));
  object.sections.splice(0, object.sections.length, ...kept);
  const symbols = object.symbols.filter((symbol) => symbol.section === undefined || !dropped.has(symbol.section));
  object.symbols.splice(0, object.symbols.length, ...symbols);
}

/** Labels are numbered afresh in every compilation; a reference to one becomes what other assemblers write: section and offset. */
function dropAssemblerLabels(object: ElfObject): void {
  const isLabel = ({ name, type, section }: ElfSymbol) =>
    type === STT.NOTYPE && section !== undefined && isAssemblerLabel(name);
  const starts = new Map<ElfSection, ElfSymbol>();
  for (const symbol of object.symbols) {
    if (symbol.type === STT.SECTION && symbol.section !== undefined) starts.set(symbol.section, symbol);
  }
  for (const { relocations } of object.sections) {
    for (const relocation of relocations) {
      const { symbol } = relocation;
      if (symbol.section === undefined || !isLabel(symbol)) continue;
      let start = starts.get(symbol.section);
      if (start === undefined) {
        start = new ElfSymbol({ name: '', place: symbol.section, type: STT.SECTION });
        starts.set(symbol.section, start);
        object.symbols.push(start);
      }
      relocation.symbol = start;
      relocation.addend += symbol.value;
    }
  }
  const kept = object.symbols.filter((symbol) => !isLabel(symbol));
  object.symbols.splice(0, object.symbols.length, ...kept);
}

function hasSection(symbol: ElfSymbol): symbol is ElfSymbol & { readonly section: ElfSection } {
  return symbol.section !== undefined;
}

const ownSectionPrefixes = new Map<number, readonly string[]>([
  [STT.FUNC, ['.text.', '.text.unlikely.', '.text.hot.']],
  [
    STT.OBJECT,
    ['.data.', '.data.rel.', '.data.rel.ro.', '.data.rel.local.', '.data.rel.ro.local.', '.rodata.', '.bss.'],
  ],
]);

/** `.text.foo` belongs to `foo`; `.text.unlikely.foo` to `foo` itself or to its `foo.cold`. */
function isMadeFor(section: ElfSection, symbol: ElfSymbol): boolean {
  const prefixes = ownSectionPrefixes.get(symbol.type) ?? [];
  if (prefixes.some((prefix) => section.name === prefix + symbol.name)) return true;
  const cold = '.text.unlikely.';
  if (symbol.type !== STT.FUNC || !symbol.name.includes('.cold') || !section.name.startsWith(cold)) return false;
  return symbol.name.startsWith(section.name.slice(cold.length));
}

function findOwnSymbols(
  symbolsIn: ReadonlyMap<ElfSection, readonly ElfSymbol[]>,
  arch: Arch,
): Map<ElfSection, ElfSymbol> {
  const ownSymbol = new Map<ElfSection, ElfSymbol>();
  for (const [section, symbols] of symbolsIn) {
    for (const symbol of symbols) {
      if (!isMadeFor(section, symbol)) continue;
      if (symbol.value !== 0 && !arch.isEntryPadding(section, symbol.value, symbol)) continue;
      ownSymbol.set(section, symbol);
    }
  }
  return ownSymbol;
}

/** The name before `.cold` or `.part.`; `foo.isra.0.part.3.cold` is a part of `foo.isra.0.part.3`. */
function parentName(name: string): string | undefined {
  const cold = name.indexOf('.cold');
  if (cold > 0) return name.slice(0, cold);
  const part = name.indexOf('.part.');
  return part > 0 ? name.slice(0, part) : undefined;
}

function findSplitFunctions(object: ElfObject) {
  const parentOf = new Map<ElfSymbol, ElfSymbol>();
  const childrenOf = new Map<ElfSymbol, ElfSymbol[]>();
  const byName = new Map<string, ElfSymbol>();
  for (const symbol of object.symbols) {
    if (symbol.name !== '' && !byName.has(symbol.name)) byName.set(symbol.name, symbol);
  }
  for (const symbol of object.symbols) {
    if (symbol.type !== STT.FUNC) continue;
    const name = parentName(symbol.name);
    const parent = name === undefined ? undefined : byName.get(name);
    if (parent === undefined || parent === symbol) continue;
    parentOf.set(symbol, parent);
    const children = childrenOf.get(parent);
    if (children === undefined) childrenOf.set(parent, [symbol]);
    else children.push(symbol);
  }
  return { parentOf, childrenOf };
}

/**
 * The symbols that name padding in front of the section's function, for stack traces: `__pfx_foo`, which objtool makes of
 * the compiler's NOPs, or clang's `__cfi_foo`. They are part of `foo` and no functions of their own.
 */
export function prefixesOf({ ownSymbol, symbolsIn }: PreparedObject, section: ElfSection): readonly ElfSymbol[] {
  const own = ownSymbol.get(section);
  if (own === undefined || own.value === 0) return [];
  return (symbolsIn.get(section) ?? []).filter(
    ({ type, value, size }) => type === STT.FUNC && value + size <= own.value,
  );
}

/** What a person calls the section: its function or variable, else the section's own name. */
export function ownerName(prepared: PreparedObject, section: ElfSection): string {
  return prepared.ownSymbol.get(section)?.name ?? section.name;
}
