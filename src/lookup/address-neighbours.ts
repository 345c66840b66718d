/**
 * Decides between namesakes in a table that is sorted by address and knows no files (`System.map`). There the symbols of
 * one object do not stand together: the linker has put the functions of all objects into one section, the data into others.
 * But within each section an object's symbols lie one behind the other, as the compiler emitted them.
 */
import type { ElfSymbol } from '../elf/object.js';
import { sectionKind } from './address-range.js';
import { BUILT_IN_NAMES, isCompanion, isDrifting, type NameRules } from './drifting-names.js';
import type { Decision, Question } from './question.js';
import { compareSize, hasSizeOf } from './size-agreement.js';
import { isFunctionOrObject, type TableSymbol, type TargetTable } from './symbol-table.js';

/** Two neighbours, or one that fits in size: the least that a decision rests on. */
const LEAST_SCORE = 4;

/** Bytes between two symbols of one object that are due to alignment. */
const MOST_GAP = 64;

interface Surroundings {
  readonly candidate: TableSymbol;
  readonly before: readonly TableSymbol[];
  readonly after: readonly TableSymbol[];
  readonly score: number;
}

/** The object's symbols in the section of the one asked for, in the order in which the compiler emitted them. */
interface Own {
  readonly places: ReadonlyMap<string, { readonly place: number; readonly symbol: ElfSymbol }>;
  readonly place: number;
  /** Bytes that the object can have brought to the section at most. */
  readonly extent: bigint;
}

/**
 * The candidate that has the object's other symbols of that kind of section before and behind it, in the object's order and
 * no farther away than the object is long. Example: the object emits `cm_open helper cm_close` to `.text`; of two symbols
 * `helper` one lies between `cm_open` and `cm_close`. Global neighbours count as well as static ones.
 *
 * The best must reach twice the score of the next, and no candidate may be chosen that is too small.
 */
export function decideByNeighbouringAddresses({
  own,
  candidates,
  original,
  table,
  names,
}: Question): Decision | undefined {
  const ours = emitted(own, original.symbols, original.sections, names);
  if (ours === undefined) return undefined;
  const fitting = candidates.filter((candidate) => compareSize(candidate, own) !== 'different');
  const all = fitting.map((candidate) => surroundingsOf(candidate, ours, table));
  const [best, next] = all.sort((a, b) => b.score - a.score);
  if (best === undefined || best.score < LEAST_SCORE || best.score < 2 * (next?.score ?? 0)) return undefined;
  return { symbol: best.candidate, evidence: describe(best) };
}

/**
 * With `-ffunction-sections` the compiler opens one section after the other as it emits functions, and data likewise.
 * In vmlinux the linker script collects `.text.unlikely` of all objects apart from `.text`, so that only symbols of
 * the same kind of section are neighbours.
 */
function emitted(
  own: ElfSymbol,
  symbols: readonly ElfSymbol[],
  sections: readonly unknown[],
  names: NameRules = BUILT_IN_NAMES,
): Own | undefined {
  const kind = sectionKind(own);
  const sectionPlaces = new Map(sections.map((section, place) => [section, place]));
  const kin = symbols
    .filter((symbol) => symbol.type === own.type && isFunctionOrObject(symbol) && sectionKind(symbol) === kind)
    .filter((symbol) => symbol === own || !(isDrifting(symbol.name, names) || isCompanion(symbol.name, names)))
    .map((symbol) => ({ symbol, section: sectionPlaces.get(symbol.section) ?? -1 }))
    .sort((a, b) => a.section - b.section || a.symbol.value - b.symbol.value);
  const place = kin.findIndex(({ symbol }) => symbol === own);
  if (place === -1) return undefined;
  const places = new Map(kin.map(({ symbol }, index) => [symbol.name, { place: index, symbol }]));
  places.delete(own.name);
  return { places, place, extent: BigInt(kin.reduce((sum, { symbol }) => sum + symbol.size + MOST_GAP, 0)) };
}

function surroundingsOf(candidate: TableSymbol, ours: Own, table: TargetTable): Surroundings {
  const at = table.symbols.indexOf(candidate);
  const before = walk(candidate, at, -1, ours, table).reverse();
  const after = walk(candidate, at, 1, ours, table);
  const score = [...before, ...after].reduce((sum, symbol) => {
    const known = ours.places.get(symbol.name)?.symbol;
    return sum + (known !== undefined && hasSizeOf(symbol, known) ? 4 : 2);
  }, 0);
  return { candidate, before, after, score };
}

/**
 * The object's symbols in one direction, nearest first, each further from the candidate than the one before in the object
 * too. Ends where the object must end: at a namesake, of which an object has one, and beyond the object's length.
 */
function walk(candidate: TableSymbol, from: number, step: 1 | -1, ours: Own, table: TargetTable): TableSymbol[] {
  const found: TableSymbol[] = [];
  let last = ours.place;
  for (let at = from + step; ; at += step) {
    const symbol = table.symbols[at];
    if (symbol === undefined) return found;
    const distance = symbol.value - candidate.value;
    if ((distance < 0n ? -distance : distance) > ours.extent) return found;
    if (symbol.place !== candidate.place) continue;
    if (symbol.name === candidate.name) return found;
    const known = ours.places.get(symbol.name);
    if (known === undefined || (known.place - last) * step <= 0) continue;
    if (compareSize(symbol, known.symbol) === 'different') continue;
    last = known.place;
    found.push(symbol);
  }
}

function describe({ before, after }: Surroundings): string {
  const nearest = [
    ...(before.length > 0 ? [`behind ${before.at(-1)?.name}`] : []),
    ...(after.length > 0 ? [`before ${after[0]?.name}`] : []),
  ];
  const count = before.length + after.length;
  return `it lies ${nearest.join(' and ')}, as in the object, of which ${count === 1 ? 'this is' : `${count} symbols are`} around it`;
}
