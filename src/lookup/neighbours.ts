/**
 * Decides between namesakes by what stands around them in the target's symbol table. ld takes over the local symbols of
 * one object after the other, each in the object's order, so that those of one object form a run; the object compiled
 * anew has the same run.
 */
import { STT } from '../elf/constants.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';
import { countBelow } from '../elf/sorted.js';
import { decideByNeighbouringAddresses } from './address-neighbours.js';
import type { NameRules } from './drifting-names.js';
import type { Decision, Question } from './question.js';
import { remembered } from './remembered.js';
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
  if (question.table.order === 'address') return decideByNeighbouringAddresses(question);
  const { own, candidates, original, table, names } = question;
  const run = runOf(original, table, names);
  const places = candidates.map((candidate) => table.orderAmongLocals(candidate) ?? 0);
  const all = candidates.map((candidate, index) => {
    // An object has one symbol of the name, so that its run ends at the next candidate at the latest.
    const [previous, next] = [places[index - 1] ?? -1, places[index + 1] ?? table.locals.length];
    return surroundingsOf(candidate, { own, run, at: places[index] ?? 0, previous, next });
  });
  const [best, next] = [...all].sort((a, b) => b.score - a.score);
  if (best === undefined || best.score < LEAST_SCORE || best.score < 2 * (next?.score ?? 0)) return undefined;
  const isBetweenFunctions = best.before.some(isFunction) && best.after.some(isFunction);
  if (best.candidate.size !== own.size && !isBetweenFunctions) return undefined;
  return { symbol: best.candidate, evidence: describe(best) };
}

/** A local symbol of the target that has the name and type of one of the object's static symbols. */
interface Kin {
  /** Place among the target's local symbols. */
  readonly place: number;
  readonly symbol: TableSymbol;
  /** Place of the object's own in its symbol table. */
  readonly rank: number;
  readonly isSizeEqual: boolean;
}

interface Run {
  readonly rankOf: ReadonlyMap<ElfSymbol, number>;
  /** How many static symbols the object has, by type and name. */
  readonly length: number;
  /** In the target's order. */
  readonly kin: readonly Kin[];
}

/** The target's namesakes of all static symbols of the object. */
const runOf = remembered((original: ElfObject, table: TargetTable, names: NameRules): Run => {
  const rankOf = new Map(original.symbols.map((symbol, rank) => [symbol, rank]));
  const statics = new Map(
    staticSymbols(original, table, names).map((symbol) => [`${symbol.type} ${symbol.name}`, symbol]),
  );
  const kin: Kin[] = [];
  for (const own of statics.values()) {
    for (const symbol of table.named(own.name)) {
      const place = symbol.type === own.type ? table.orderAmongLocals(symbol) : undefined;
      if (place === undefined) continue;
      kin.push({ place, symbol, rank: rankOf.get(own) ?? 0, isSizeEqual: symbol.size === own.size });
    }
  }
  return { rankOf, length: statics.size, kin: kin.sort((a, b) => a.place - b.place) };
});

interface Stretch {
  readonly own: ElfSymbol;
  readonly run: Run;
  /** Places among the target's local symbols: of the candidate, and of those beside it or of the ends of the table. */
  readonly at: number;
  readonly previous: number;
  readonly next: number;
}

/** Beyond twice the length of the object's own list a match is chance. */
function surroundingsOf(candidate: TableSymbol, { own, run, at, previous, next }: Stretch): Surroundings {
  const reach = 2 * run.length + 16;
  const ownRank = run.rankOf.get(own) ?? -1;
  const between = (from: number, to: number) => {
    const behind = countBelow(run.kin, ({ place }) => place < to);
    const within = run.kin.slice(
      countBelow(run.kin, ({ place }) => place < from),
      behind,
    );
    return within.filter(({ symbol }) => symbol.name !== own.name);
  };
  const earlier = between(Math.max(at - reach, previous + 1), at).filter(({ rank }) => rank < ownRank);
  const later = between(at + 1, Math.min(at + reach, next)).filter(({ rank }) => rank > ownRank);
  const [before, after] = [longestInOrder(earlier), longestInOrder(later)];
  const score = [...before, ...after].reduce((sum, kin) => sum + weightOf(kin), 0);
  return { candidate, before: before.map(({ symbol }) => symbol), after: after.map(({ symbol }) => symbol), score };
}

/** The most symbols of the stretch that stand in the object's order (longest increasing subsequence). */
function longestInOrder(stretch: readonly Kin[]): Kin[] {
  interface Link {
    readonly kin: Kin;
    readonly previous: Link | undefined;
  }
  /** At place n the chain of n + 1 symbols that ends with the lowest rank. */
  const chains: Link[] = [];
  for (const kin of stretch) {
    const place = countBelow(chains, (chain) => chain.kin.rank < kin.rank);
    chains[place] = { kin, previous: chains[place - 1] };
  }
  const chain: Kin[] = [];
  for (let link = chains.at(-1); link !== undefined; link = link.previous) chain.push(link.kin);
  return chain.reverse();
}

/** Data has common names and common sizes; it confirms, but no single object of it decides. */
function weightOf({ symbol, isSizeEqual }: Kin): number {
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
