/**
 * Decides between namesakes by what stands around them in the target's symbol table. ld takes over the local symbols of
 * one object after the other, each in the object's order, so that those of one object form a run; the object compiled
 * anew has the same run.
 */
import { STT } from '../elf/constants.js';
import type { ElfSymbol } from '../elf/object.js';
import type { Decision, Question } from './question.js';
import { staticSymbols } from './static-symbols.js';
import type { TableSymbol, TargetTable } from './symbol-table.js';

interface Surroundings {
  readonly candidate: TableSymbol;
  readonly before: readonly TableSymbol[];
  readonly after: readonly TableSymbol[];
  readonly score: number;
}

/** One function with the right name and size, which is the least that a decision rests on. */
const LEAST_SCORE = 4;

/**
 * The candidate whose neighbours are the object's other static symbols, in the object's order. Example: `cm.o` has
 * `cm_open helper cm_close`; of two symbols `helper` in the target one stands between `cm_open` and `cm_close`, the other
 * one after `trace_start`.
 *
 * The best must reach twice the score of the next. It must also have the object's size, or matching functions on both
 * sides: where gcc inlined our `helper` in the target, the one of the next object would else stand right behind
 * `cm_open`.
 */
export function decideByNeighbours(question: Question): Decision | undefined {
  const { own, candidates, original, table } = question;
  const ranks = ranksOf(own, original.symbols, staticSymbols(original));
  const ownRank = original.symbols.indexOf(own);
  const all = candidates.map((candidate) => surroundingsOf(candidate, { table, candidates, ranks, ownRank }));
  const [best, next] = [...all].sort((a, b) => b.score - a.score);
  if (best === undefined || best.score < LEAST_SCORE || best.score < 2 * (next?.score ?? 0)) return undefined;
  const isBetweenFunctions = best.before.some(isFunction) && best.after.some(isFunction);
  if (best.candidate.size !== own.size && !isBetweenFunctions) return undefined;
  return { symbol: best.candidate, evidence: describe(best) };
}

interface Ranked {
  /** Place in the object's symbol table. */
  readonly rank: number;
  readonly symbol: ElfSymbol;
}

/** The object's static symbols but the one asked for, by type and name. */
function ranksOf(own: ElfSymbol, symbols: readonly ElfSymbol[], statics: readonly ElfSymbol[]): Map<string, Ranked> {
  const rankOf = new Map(symbols.map((symbol, rank) => [symbol, rank]));
  const ranks = new Map<string, Ranked>();
  for (const symbol of statics) {
    if (symbol.name !== own.name) ranks.set(keyOf(symbol), { symbol, rank: rankOf.get(symbol) ?? 0 });
  }
  return ranks;
}

interface Scene {
  readonly table: TargetTable;
  readonly candidates: readonly TableSymbol[];
  readonly ranks: ReadonlyMap<string, Ranked>;
  readonly ownRank: number;
}

/**
 * An object has one symbol of the name, so that its run ends at the next candidate at the latest. Beyond twice the length
 * of the object's own list a match is chance.
 */
function surroundingsOf(candidate: TableSymbol, { table, candidates, ranks, ownRank }: Scene): Surroundings {
  const reach = 2 * ranks.size + 16;
  const at = table.orderAmongLocals(candidate) ?? 0;
  const places = candidates.map((other) => table.orderAmongLocals(other) ?? 0);
  const from = Math.max(at - reach, 0, ...places.filter((place) => place < at).map((place) => place + 1));
  const to = Math.min(at + reach, table.locals.length, ...places.filter((place) => place > at));
  const isEarlier = ({ rank }: Ranked) => rank < ownRank;
  const isLater = ({ rank }: Ranked) => rank > ownRank;
  const before = longestInOrder(table.locals.slice(from, at), ranks, isEarlier);
  const after = longestInOrder(table.locals.slice(at + 1, to), ranks, isLater);
  const score = [...before, ...after].reduce((sum, symbol) => sum + weightOf(symbol, ranks), 0);
  return { candidate, before, after, score };
}

/** The most symbols of the stretch that the object has too, and in the same order (longest increasing subsequence). */
function longestInOrder(
  stretch: readonly TableSymbol[],
  ranks: ReadonlyMap<string, Ranked>,
  isWanted: (ranked: Ranked) => boolean,
): TableSymbol[] {
  interface Link {
    readonly symbol: TableSymbol;
    readonly rank: number;
    readonly previous: Link | undefined;
  }
  /** At place n the chain of n + 1 symbols that ends with the lowest rank. */
  const chains: Link[] = [];
  for (const symbol of stretch) {
    const ranked = ranks.get(keyOf(symbol));
    if (ranked === undefined || !isWanted(ranked)) continue;
    const place = countBelow(chains, ranked.rank);
    chains[place] = { symbol, rank: ranked.rank, previous: chains[place - 1] };
  }
  const chain: TableSymbol[] = [];
  for (let link = chains.at(-1); link !== undefined; link = link.previous) chain.push(link.symbol);
  return chain.reverse();
}

/** How many of the chains, whose last ranks rise, end below `rank`; by bisection. */
function countBelow(chains: readonly { readonly rank: number }[], rank: number): number {
  let low = 0;
  let high = chains.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((chains[middle]?.rank ?? 0) < rank) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Data has common names and common sizes; it confirms, but no single object of it decides. */
function weightOf(symbol: TableSymbol, ranks: ReadonlyMap<string, Ranked>): number {
  const isSizeEqual = ranks.get(keyOf(symbol))?.symbol.size === symbol.size;
  if (isFunction(symbol)) return isSizeEqual ? 4 : 2;
  return isSizeEqual ? 1 : 0;
}

function describe({ before, after }: Surroundings): string {
  const count = before.length + after.length;
  const sides = [
    ...(before.length > 0 ? [`after ${before.at(-1)?.name}`] : []),
    ...(after.length > 0 ? [`before ${after[0]?.name}`] : []),
  ];
  const list = count === 1 ? 'a static symbol' : `${count} static symbols`;
  return `it stands ${sides.join(' and ')} in the symbol table, among ${list} of the same object`;
}

function isFunction({ type }: TableSymbol): boolean {
  return type === STT.FUNC;
}

function keyOf({ name, type }: { readonly name: string; readonly type: number }): string {
  return `${type} ${name}`;
}
