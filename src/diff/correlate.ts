/**
 * Which section and symbol of the original object is which of the patched one. Names decide, but for the numbers that
 * the compiler counts up; where several carry one canonical name, the first of the one side belongs to the first of the
 * other. Static locals follow in `static-locals.ts`, since for them a number decides nothing at all.
 */
import { SHT, STT } from '../elf/constants.js';
import type { ElfSection, ElfSymbol } from '../elf/object.js';
import {
  canonicalName,
  isLiteralLabel,
  isMappingSymbol,
  isSourcePosition,
  isThrowawayStatic,
  isUnnamedData,
} from './names.js';
import { type Correlation, Pairing } from './pairing.js';
import type { PreparedObject } from './prepare.js';

/** Correlates all but static locals. */
export function correlate(original: PreparedObject, patched: PreparedObject): Correlation {
  const correlation: Correlation = { sections: new Pairing(), symbols: new Pairing() };
  correlateSections(original, patched, correlation);
  correlateSymbols(original, patched, correlation);
  correlateMovedFunctions(original, patched, correlation);
  return correlation;
}

/** Makes two sections twins, and with them their section symbols and the symbols that they were made for. */
export function linkSections(
  original: PreparedObject,
  patched: PreparedObject,
  correlation: Correlation,
  originalSection: ElfSection,
  patchedSection: ElfSection,
): void {
  correlation.sections.link(originalSection, patchedSection);
  for (const which of ['sectionSymbol', 'ownSymbol'] as const) {
    const originalSymbol = original[which].get(originalSection);
    const patchedSymbol = patched[which].get(patchedSection);
    if (originalSymbol !== undefined && patchedSymbol !== undefined) {
      correlation.symbols.link(originalSymbol, patchedSymbol);
    }
  }
}

/** Things of one key in the order in which they stand, handed out one by one. */
class Queues<T> {
  readonly #queues = new Map<string, T[]>();
  readonly #next = new Map<string, number>();

  constructor(things: Iterable<T>, key: (thing: T) => string | undefined) {
    for (const thing of things) {
      const name = key(thing);
      if (name === undefined) continue;
      const queue = this.#queues.get(name);
      if (queue === undefined) this.#queues.set(name, [thing]);
      else queue.push(thing);
    }
  }

  take(key: string): T | undefined {
    const position = this.#next.get(key) ?? 0;
    const thing = this.#queues.get(key)?.[position];
    if (thing !== undefined) this.#next.set(key, position + 1);
    return thing;
  }
}

function isSectionUncorrelated(prepared: PreparedObject, section: ElfSection): boolean {
  if (isUnnamedData(section) || isSourcePosition(section)) return true;
  const symbol = prepared.sectionSymbol.get(section) ?? prepared.ownSymbol.get(section);
  return symbol !== undefined && isThrowawayStatic(symbol, prepared.ownSymbol.get(section));
}

/** A group is known by its signature and its members: GCC makes one per COMDAT function or data. */
function sectionKey(section: ElfSection): string {
  if (section.type !== SHT.GROUP || section.group === undefined) return canonicalName(section.name);
  const { flags, signature, members } = section.group;
  return ['group', flags, signature.name, ...members.map((member) => member.name)].join(' ');
}

function correlateSections(original: PreparedObject, patched: PreparedObject, correlation: Correlation): void {
  const candidates = new Queues(patched.object.sections, (section) =>
    isSectionUncorrelated(patched, section) ? undefined : sectionKey(section),
  );
  for (const section of original.object.sections) {
    if (isSectionUncorrelated(original, section)) continue;
    const twin = candidates.take(sectionKey(section));
    if (twin !== undefined) linkSections(original, patched, correlation, section, twin);
  }
}

function isSymbolUncorrelated(prepared: PreparedObject, symbol: ElfSymbol): boolean {
  if (isLiteralLabel(symbol) || isMappingSymbol(symbol)) return true;
  const section = symbol.section;
  if (section === undefined) return false;
  if (isUnnamedData(section) || isSourcePosition(section)) return true;
  return isThrowawayStatic(symbol, prepared.ownSymbol.get(section));
}

function symbolKey(symbol: ElfSymbol): string {
  // Section symbols have no name of their own; they are known by their section.
  const name = symbol.type === STT.SECTION ? (symbol.section?.name ?? '') : symbol.name;
  return `${symbol.type} ${canonicalName(name)}`;
}

function correlateSymbols(original: PreparedObject, patched: PreparedObject, correlation: Correlation): void {
  const isOpen = (symbol: ElfSymbol) =>
    symbol.type !== STT.SECTION && correlation.symbols.originalOf(symbol) === undefined;
  const candidates = new Queues(patched.object.symbols, (symbol) =>
    isOpen(symbol) && !isSymbolUncorrelated(patched, symbol) ? symbolKey(symbol) : undefined,
  );
  for (const symbol of original.object.symbols) {
    if (symbol.type === STT.SECTION || correlation.symbols.patchedOf(symbol) !== undefined) continue;
    if (isSymbolUncorrelated(original, symbol)) continue;
    const twin = candidates.take(symbolKey(symbol));
    if (twin !== undefined) correlation.symbols.link(symbol, twin);
  }
}

/**
 * A function that GCC now finds cold moves from `.text.f` to `.text.unlikely.f`, often without another byte of it
 * changing: adding `pr_info` to its only caller is enough. Its two sections are still twins.
 */
function correlateMovedFunctions(original: PreparedObject, patched: PreparedObject, correlation: Correlation): void {
  for (const [section, symbol] of original.ownSymbol) {
    if (symbol.type !== STT.FUNC || correlation.sections.patchedOf(section) !== undefined) continue;
    const twin = correlation.symbols.patchedOf(symbol)?.section;
    if (twin === undefined || correlation.sections.originalOf(twin) !== undefined) continue;
    if (patched.ownSymbol.get(twin) === correlation.symbols.patchedOf(symbol)) {
      linkSections(original, patched, correlation, section, twin);
    }
  }
}

/** Gives every patched symbol and section the name of its twin: the target knows the original's numbers. */
export function adoptOriginalNames(patched: PreparedObject, correlation: Correlation): void {
  for (const symbol of patched.object.symbols) {
    const twin = correlation.symbols.originalOf(symbol);
    if (twin !== undefined) symbol.name = twin.name;
  }
  for (const section of patched.object.sections) {
    const twin = correlation.sections.originalOf(section);
    if (twin !== undefined && isRenumbered(twin.name, section.name)) section.name = twin.name;
  }
}

/** Differs in a number only; a function that moved to `.text.unlikely.` keeps its new place. */
function isRenumbered(original: string, patched: string): boolean {
  return original !== patched && canonicalName(original) === canonicalName(patched);
}
