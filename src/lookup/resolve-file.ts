/**
 * Which `FILE` block of the target is the object's own. Decided by comparing the object's static symbols with each block
 * that has its source's name; by score, because a target is rarely equal in all: gcc may have inlined a function there,
 * and assembly without a `FILE` symbol of its own ends up in the block before it.
 */
import { STT } from '../elf/constants.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';
import { BUILT_IN_NAMES, isCompanion, isDrifting, type NameRules } from './drifting-names.js';
import { baseName, sourceNames, staticSymbols } from './static-symbols.js';
import type { FileBlock, TableSymbol, TargetTable } from './symbol-table.js';

/** The objects of a klp object in the order of the link, as kbuild's `.mod` file lists them, and the one asked for. */
export interface LinkOrder {
  /** `core/main.o`, `net/main.o`, … */
  readonly objects: readonly string[];
  /** One of them. */
  readonly object: string;
}

export interface FileResolution {
  /** The object's sources: `cm.c`. Empty for assembly, which has no `FILE` symbols. */
  readonly sources: readonly string[];
  /** Blocks of that name, the best first. */
  readonly scores: readonly BlockScore[];
  /** The object's block; several where nothing tells them apart; none where none fits. */
  readonly blocks: readonly FileBlock[];
  /** For a person: what decided, or why nothing did. */
  readonly evidence: string;
}

export interface BlockScore {
  readonly block: FileBlock;
  /** How many of the object's static functions and data the block has. */
  readonly functions: number;
  readonly data: number;
  readonly score: number;
  /** Every static function of the object is there with its size, and the block has no further ones. */
  readonly isExact: boolean;
}

/** A function's name says more than that of data: `ops` and `lock` are in every second file. */
const FUNCTION_WEIGHT = 4;
const DATA_WEIGHT = 1;

/**
 * The object's block of the table. A block is believed only if it has at least half of what the object's score could
 * be at most: a `main.c` that shares one function with ours is another file of that name.
 */
export function resolveFile(
  original: ElfObject,
  table: TargetTable,
  linkOrder?: LinkOrder,
  names = BUILT_IN_NAMES,
): FileResolution {
  const sources = sourceNames(original);
  const statics = staticSymbols(original, table, names);
  const blocks = table.files.filter(({ name }) => sources.includes(baseName(name)));
  const scores = blocks.map((block) => scoreBlock(block, statics, names)).sort((a, b) => b.score - a.score);
  const full = scoreOf(statics);
  const fitting = scores.filter(({ score }) => score * 2 >= full);
  const base = { sources, scores };
  if (fitting.length === 0) return { ...base, blocks: [], evidence: noBlock(sources, scores, table) };

  const linked = linkOrder === undefined ? undefined : blockByLinkOrder(blocks, table, linkOrder);
  if (blocks.length > 1 && linked !== undefined && fitting.some(({ block }) => block === linked)) {
    const evidence = `${linked.name} number ${blocks.indexOf(linked) + 1} of ${blocks.length} by link order`;
    return { ...base, blocks: [linked], evidence };
  }
  const best = bestOf(fitting);
  return { ...base, blocks: best.map(({ block }) => block), evidence: describe(best, statics, blocks.length) };
}

/**
 * The highest score; of equal ones the exact one. Example: `binfmt_elf.c` is compiled twice, the second time by inclusion
 * into `compat_binfmt_elf.c`, with the same names but other sizes.
 */
function bestOf(fitting: readonly BlockScore[]): readonly BlockScore[] {
  const top = fitting.filter(({ score }) => score === fitting[0]?.score);
  const exact = top.filter(({ isExact }) => isExact);
  return exact.length === 1 ? exact : top;
}

/**
 * With as many blocks of the name as the link has objects of it, the k-th block is the k-th object's: ld takes the files
 * in the order of its command line. `.S` files bring no block, so that unequal numbers prove nothing.
 */
function blockByLinkOrder(
  blocks: readonly FileBlock[],
  table: TargetTable,
  { objects, object }: LinkOrder,
): FileBlock | undefined {
  const namesakes = objects.filter((other) => stem(other) === stem(object));
  if (namesakes.length !== blocks.length || !wasLinkedInOrder(table, objects)) return undefined;
  return blocks[namesakes.indexOf(object)];
}

/**
 * Whether the target's files follow one another as the objects do. If not, the list is of another build than the target:
 * the tree's Kbuild was edited since.
 */
function wasLinkedInOrder({ files }: TargetTable, objects: readonly string[]): boolean {
  const order = objects.map(stem);
  const known = new Set(order);
  let place = -1;
  return files.every(({ name }) => {
    if (!known.has(stem(name))) return true;
    place = order.indexOf(stem(name), place + 1);
    return place !== -1;
  });
}

function stem(object: string): string {
  return baseName(object).replace(/\.[^.]*$/, '');
}

function scoreBlock(block: FileBlock, statics: readonly ElfSymbol[], names: NameRules): BlockScore {
  const byKey = new Map<string, TableSymbol>();
  for (const symbol of block.symbols) byKey.set(keyOf(symbol), symbol);
  const found = statics.filter((symbol) => byKey.has(keyOf(symbol)));
  const functions = found.filter(isFunction);
  const isComplete = functions.length === statics.filter(isFunction).length;
  const areSizesEqual = functions.every((symbol) => byKey.get(keyOf(symbol))?.size === symbol.size);
  return {
    block,
    functions: functions.length,
    data: found.length - functions.length,
    score: scoreOf(found),
    isExact: isComplete && areSizesEqual && !hasFurtherFunctions(block, statics, names),
  };
}

/** What a tool puts beside functions is none; numbered names may stand for what ours has under another number. */
function hasFurtherFunctions(block: FileBlock, statics: readonly ElfSymbol[], names: NameRules): boolean {
  const ours = new Set(statics.map(({ name }) => name));
  return block.symbols.some((symbol) => {
    if (!isFunction(symbol) || ours.has(symbol.name)) return false;
    if (typeof symbol.place !== 'string' && /^\.(?:init|exit)/.test(symbol.place.name ?? '')) return false;
    return !isCompanion(symbol.name, names) && !isDrifting(symbol.name, names);
  });
}

function scoreOf(symbols: readonly { readonly type: number }[]): number {
  const functions = symbols.filter(isFunction).length;
  return functions * FUNCTION_WEIGHT + (symbols.length - functions) * DATA_WEIGHT;
}

function isFunction({ type }: { readonly type: number }): boolean {
  return type === STT.FUNC;
}

/** A function and an object of one name are two different things. */
function keyOf({ name, type }: { readonly name: string; readonly type: number }): string {
  return `${type} ${name}`;
}

function describe(best: readonly BlockScore[], statics: readonly ElfSymbol[], blocks: number): string {
  const [first] = best;
  if (first === undefined) return 'no block';
  const total = statics.filter(isFunction).length;
  const found = `${first.functions} of ${total} static functions found there`;
  if (best.length > 1) return `${best.length} files named ${first.block.name} fit equally well, ${found}`;
  return blocks > 1 ? `the ${first.block.name} that fits best of ${blocks}, ${found}` : `${first.block.name}, ${found}`;
}

function noBlock(sources: readonly string[], scores: readonly BlockScore[], table: TargetTable): string {
  if (table.files.length === 0) return 'the target has no FILE symbols';
  if (sources.length === 0) return 'the object names no source file';
  const names = sources.join(', ');
  return scores.length === 0
    ? `the target has no file ${names}`
    : `no ${names} of the target has half of its static symbols`;
}
