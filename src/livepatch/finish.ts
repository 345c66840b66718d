/**
 * Turns the module that kbuild linked into one that the kernel's livepatch core understands: the intermediate sections
 * become livepatch symbols and relocation tables, and everything that only the link needed goes. Nothing else of the
 * module changes. For the pipeline, before the module is signed.
 */
import type { ObjtoolRules } from '../arch/arch.js';
import { fail } from '../diagnostics/catalogue.js';
import { SHF, STB, STT } from '../elf/constants.js';
import { ElfObject, type ElfSection, ElfSymbol, type Relocation, type RelocationTable } from '../elf/object.js';
import { isCallbackAlias } from './expose-callbacks.js';
import { isReplacementAlias } from './expose-replacements.js';
import { decodeIntermediate } from './intermediate.js';
import { isIntermediateSection, isKnownIntermediateSection } from './intermediate-layout.js';
import type { KlpRelocation, KlpSymbol } from './livepatch.js';
import { unscopeGlobals } from './module-scopes.js';
import { klpSymbolName, klpTableName } from './names.js';

/** What a pass must know of the CPU. */
export interface RelocationRules {
  /** The relocation type that stores a 64-bit address (`Arch.absolute64`). */
  readonly absolute64: number;
  /**
   * How many bytes the kernel demands to be zero before it applies a relocation of this type: on x86 the whole field
   * (`__write_relocate_add` in arch/x86/kernel/module.c), elsewhere 0.
   */
  zeroedBytes(type: number): number;
  /** See `Arch.objtool`. */
  readonly objtool?: ObjtoolRules | undefined;
}

/** Flags of a table that the livepatch core applies; it must stay in memory after loading. */
export const KLP_TABLE_FLAGS = SHF.RELA_LIVEPATCH | SHF.ALLOC | SHF.INFO_LINK;

/** Type information for the module as it was before this pass; the kernel does without. */
const typeSections = new Set(['.BTF', '.BTF.base']);

/**
 * The finished module. `linked` is used up: its sections and symbols live on in the result. Throws the codes of
 * `decodeIntermediate`, `intermediate-section-unknown`, `klp-arch-sections-unsupported`, `klp-place-relocated-twice`,
 * `klp-place-outside`, `klp-place-not-zero`, `klp-object-name-unusable`, `klp-symbol-name-unusable`,
 * `intermediate-still-used` and `replacement-without-function`.
 */
export function finishModule(linked: ElfObject, rules: RelocationRules): ElfObject {
  refuseUnknownSections(linked);
  const parts = decodeIntermediate(linked, rules.absolute64);
  // Kernels from 5.8 on apply the tables of vmlinux before they look at these sections (Linux commit 7c8e2bdd5f0d).
  const late = parts.archSections[0];
  if (late !== undefined) {
    fail('klp-arch-sections-unsupported', { file: linked.fileName, section: late.section.name, object: late.object });
  }

  // The aliases go first, so that nothing below mistakes one for a function of the module.
  const { module, replacements } = withoutAliases(linked);
  addKlpRelocations(module, parts.relocations, replacements, rules);
  unscopeGlobals(module);

  const sections = module.sections.filter(({ name }) => !isIntermediateSection(name) && !typeSections.has(name));
  refuseDanglingRelocations(module, sections);
  return new ElfObject(module.fileName, module.format, sections, neededSymbols(module.symbols, sections));
}

function refuseUnknownSections(linked: ElfObject): void {
  const unknown = linked.sections.find(({ name }) => isIntermediateSection(name) && !isKnownIntermediateSection(name));
  if (unknown !== undefined) fail('intermediate-section-unknown', { file: linked.fileName, section: unknown.name });
}

/** Lets every relocation that names an alias name the function itself; returns the replacements among these functions too. */
function withoutAliases(linked: ElfObject): { module: ElfObject; replacements: Set<ElfSymbol> } {
  const functions = new Map<ElfSymbol, ElfSymbol>();
  const starts = functionsByStart(linked.symbols);
  for (const alias of linked.symbols.filter(isAlias)) {
    const namesakes = (alias.section && starts.get(alias.section)?.get(alias.value)) ?? [];
    // Where a function has several names, the one that covers as many bytes is the function.
    const own = namesakes.find(({ size }) => size === alias.size) ?? namesakes[0];
    if (own === undefined) fail('replacement-without-function', { file: linked.fileName, alias: alias.name });
    functions.set(alias, own);
  }
  for (const relocation of relocationsOf(linked.sections)) {
    relocation.symbol = functions.get(relocation.symbol) ?? relocation.symbol;
  }
  const symbols = linked.symbols.filter((symbol) => !functions.has(symbol));
  const module = new ElfObject(linked.fileName, linked.format, linked.sections, symbols);
  const replaced = [...functions].filter(([alias]) => isReplacementAlias(alias));
  return { module, replacements: new Set(replaced.map(([, own]) => own)) };
}

function isAlias(symbol: ElfSymbol): boolean {
  return isReplacementAlias(symbol) || isCallbackAlias(symbol);
}

/** The module's own functions by section and offset, in table order. */
function functionsByStart(symbols: readonly ElfSymbol[]): Map<ElfSection, Map<number, ElfSymbol[]>> {
  const starts = new Map<ElfSection, Map<number, ElfSymbol[]>>();
  for (const symbol of symbols) {
    if (symbol.section === undefined || symbol.type !== STT.FUNC || isAlias(symbol)) continue;
    const inSection = starts.get(symbol.section) ?? new Map<number, ElfSymbol[]>();
    starts.set(symbol.section, inSection);
    const namesakes = inSection.get(symbol.value) ?? [];
    inSection.set(symbol.value, namesakes);
    namesakes.push(symbol);
  }
  return starts;
}

function addKlpRelocations(
  module: ElfObject,
  relocations: readonly KlpRelocation[],
  replacements: ReadonlySet<ElfSymbol>,
  rules: RelocationRules,
): void {
  const klpSymbols = new KlpSymbols(module);
  // A replaced function is reached through the original, so that a disabled livepatch is left by the next call.
  const definitions = globalDefinitions(module.symbols.filter((symbol) => !replacements.has(symbol)));
  const takenPlaces = new Map<ElfSection, Set<number>>();
  for (const relocation of relocations) {
    const { section, offset, type, addend } = relocation;
    requireFreePlace(module, relocation, rules, takenPlaces);
    // A symbol that another object of this livepatch brings along is nothing for the loader.
    const own = relocation.isExternal ? definitions.get(relocation.symbol.name) : undefined;
    if (own !== undefined) section.relocations.push({ offset, type, symbol: own, addend });
    else {
      const symbol = klpSymbols.symbolFor(relocation.symbol);
      klpTable(section, relocation.object).relocations.push({ offset, type, symbol, addend });
    }
  }
}

function globalDefinitions(symbols: readonly ElfSymbol[]): Map<string, ElfSymbol> {
  const global = symbols.filter((symbol) => symbol.bind !== STB.LOCAL && symbol.section !== undefined);
  return new Map(global.map((symbol) => [symbol.name, symbol]));
}

/** Two relocations of one place, or bytes already filled in, mean that the module was linked from a used-up file. */
function requireFreePlace(
  module: ElfObject,
  { section, offset, type, symbol }: KlpRelocation,
  rules: RelocationRules,
  takenPlaces: Map<ElfSection, Set<number>>,
): void {
  const place = { file: module.fileName, section: section.name, offset, symbol: symbol.name };
  const taken = takenPlaces.get(section) ?? new Set([...relocationsOf([section])].map((present) => present.offset));
  takenPlaces.set(section, taken);
  if (taken.has(offset)) fail('klp-place-relocated-twice', place);
  taken.add(offset);
  const field = section.content.subarray(offset, offset + rules.zeroedBytes(type));
  if (field.length < rules.zeroedBytes(type)) fail('klp-place-outside', { ...place, size: section.size });
  if (field.some((byte) => byte !== 0)) fail('klp-place-not-zero', place);
}

/** The table of a section for one klp object, added on first use. */
function klpTable(section: ElfSection, object: string): RelocationTable {
  const name = klpTableName({ object, section: section.name });
  const present = section.extraRelocationTables.find((table) => table.name === name);
  if (present !== undefined) return present;
  const table: RelocationTable = { name, flags: KLP_TABLE_FLAGS, relocations: [] };
  section.extraRelocationTables.push(table);
  return table;
}

/** The livepatch symbols of a module, one for each name. */
class KlpSymbols {
  private readonly byName = new Map<string, ElfSymbol>();

  constructor(private readonly module: ElfObject) {}

  symbolFor(wanted: KlpSymbol): ElfSymbol {
    const name = klpSymbolName(wanted);
    const known = this.byName.get(name);
    if (known === undefined) return this.add(name, wanted);
    // An object that only refers to the symbol does not know its type.
    if (known.type === STT.NOTYPE) known.type = wanted.type;
    return known;
  }

  private add(name: string, { bind, type }: KlpSymbol): ElfSymbol {
    const symbol = new ElfSymbol({ name, place: 'livepatch', bind, type });
    this.byName.set(name, symbol);
    // The writer of the file puts local symbols before the others.
    this.module.symbols.push(symbol);
    return symbol;
  }
}

function refuseDanglingRelocations(module: ElfObject, kept: readonly ElfSection[]): void {
  const present = new Set(kept);
  for (const section of kept) {
    for (const { symbol, offset } of relocationsOf([section])) {
      if (symbol.section === undefined || present.has(symbol.section)) continue;
      const user = { file: module.fileName, section: section.name, offset };
      fail('intermediate-still-used', { ...user, used: symbol.section.name });
    }
  }
}

/**
 * Leaves out symbols of sections that are gone, and undefined ones that nothing refers to: the kernel resolves every
 * undefined symbol of the table, used or not (`simplify_symbols` in kernel/module/main.c).
 */
function neededSymbols(symbols: readonly ElfSymbol[], sections: readonly ElfSection[]): ElfSymbol[] {
  const kept = new Set(sections);
  const used = new Set<ElfSymbol>();
  for (const relocation of relocationsOf(sections)) used.add(relocation.symbol);
  for (const { group } of sections) if (group !== undefined) used.add(group.signature);
  return symbols.filter((symbol) => {
    if (symbol.place === 'undefined') return used.has(symbol);
    return symbol.section === undefined || kept.has(symbol.section);
  });
}

/** Of all tables of the sections. */
function* relocationsOf(sections: readonly ElfSection[]): Generator<Relocation> {
  for (const section of sections) {
    yield* section.relocations;
    for (const table of section.extraRelocationTables) yield* table.relocations;
  }
}
