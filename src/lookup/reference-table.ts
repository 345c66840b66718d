/**
 * Decides between namesakes with a rebuild of the unpatched module: when its static symbols are the target's one by one,
 * the k-th of ours is the k-th of the target, and what the rebuild's `FILE` symbols say holds for a target that has none.
 */
import { STB } from '../elf/constants.js';
import type { ElfObject } from '../elf/object.js';
import { isCompanion, type NameRules } from './drifting-names.js';
import type { Decision, Question } from './question.js';
import { type LinkOrder, resolveFile } from './resolve-file.js';
import { type FileBlock, isFunctionOrObject, type TableSymbol, type TargetTable } from './symbol-table.js';

/** A rebuild that was found to agree with the target. */
export interface Rebuild {
  /** The block of the object in the rebuild. */
  readonly block: FileBlock;
  /** The target's static symbol for each of the rebuild's. */
  readonly counterparts: ReadonlyMap<TableSymbol, TableSymbol>;
  /** How many static and how many global functions and objects agree. */
  readonly statics: number;
  readonly globals: number;
}

/**
 * Sets the rebuild beside the target. `undefined` where the tables differ, or where the rebuild itself does not tell the
 * file of `original`. The tables are searched whole: to be asked once per object.
 *
 * What it proves: as many static functions and objects on both sides, in one order, with the same names, types, sizes and
 * kinds of section, and the same global ones with the same sizes. It does not compare code; whoever compares the code of two
 * builds says more than this.
 */
export function alignRebuild(
  original: ElfObject,
  tables: { readonly table: TargetTable; readonly reference: TargetTable },
  linkOrder: LinkOrder | undefined,
  names?: NameRules,
): Rebuild | undefined {
  const { table, reference } = tables;
  const counterparts = pairStatics(comparable(reference.locals, names), comparable(table.locals, names));
  const globals = sizesOfGlobals(reference, names);
  if (counterparts === undefined || !areEqual(globals, sizesOfGlobals(table, names))) return undefined;
  const [block, second] = resolveFile(original, reference, linkOrder, names).blocks;
  if (block === undefined || second !== undefined) return undefined;
  return { block, counterparts, statics: counterparts.size, globals: globals.size };
}

/**
 * Example: Debian strips the `FILE` symbols of `ib_core.ko`. Two files of it have a static `release`; in our rebuild they
 * are the 40th and the 212th of 480 static symbols, all 480 agree in name, type and size, and the 212th stands below
 * `security.c`.
 */
export function decideByRebuild(
  { own, candidates }: Question,
  { block, counterparts, statics, globals }: Rebuild,
): Decision | undefined {
  const [ours, second] = block.symbols.filter((symbol) => symbol.name === own.name && symbol.type === own.type);
  const symbol = ours === undefined ? undefined : counterparts.get(ours);
  if (symbol === undefined || second !== undefined || !candidates.includes(symbol)) return undefined;
  const evidence =
    `all ${statics} static symbols of the target agree with a rebuild in order, name and size, ` +
    `all ${globals} global ones in size, and in the rebuild it belongs to ${block.name}`;
  return { symbol, evidence };
}

/**
 * Without names that differ between equal modules: `__UNIQUE_ID` counts on, for example by the path of the build, and what
 * objtool or a tool of the tree puts beside a function (`__pfx_cm_open`) is there only if that tool ran. Namesakes with a
 * compiler's number stay: they are what may be asked for.
 */
function comparable(symbols: readonly TableSymbol[], names: NameRules | undefined): TableSymbol[] {
  return symbols.filter(({ name }) => !name.startsWith('__UNIQUE_ID_') && !isCompanion(name, names));
}

function pairStatics(
  ours: readonly TableSymbol[],
  theirs: readonly TableSymbol[],
): Map<TableSymbol, TableSymbol> | undefined {
  if (ours.length !== theirs.length || ours.length === 0) return undefined;
  const pairs = new Map<TableSymbol, TableSymbol>();
  for (const [place, symbol] of ours.entries()) {
    const other = theirs[place];
    if (other === undefined || !isAlike(symbol, other)) return undefined;
    pairs.set(symbol, other);
  }
  return pairs;
}

function isAlike(ours: TableSymbol, theirs: TableSymbol): boolean {
  if (ours.name !== theirs.name || ours.type !== theirs.type || ours.size !== theirs.size) return false;
  return isInSectionOf(ours, theirs);
}

/** The rebuild may have been compiled with a section per function: `.text.unlikely.cm_open` is `.text.unlikely`. */
function isInSectionOf(ours: TableSymbol, theirs: TableSymbol): boolean {
  const [own, other] = [sectionOf(ours), sectionOf(theirs)];
  return own === undefined || other === undefined || own === other || own === `${other}.${ours.name}`;
}

function sectionOf({ place }: TableSymbol): string | undefined {
  return typeof place === 'string' ? place : place.name;
}

/** By type and name; their order follows the linker's hash table and says nothing. */
function sizesOfGlobals(table: TargetTable, names: NameRules | undefined): Map<string, number> {
  const globals = comparable(table.symbols, names).filter((symbol) => {
    return symbol.bind !== STB.LOCAL && isFunctionOrObject(symbol) && symbol.place !== 'undefined';
  });
  return new Map(globals.map(({ type, name, size }) => [`${type} ${name}`, size]));
}

function areEqual(ours: ReadonlyMap<string, number>, theirs: ReadonlyMap<string, number>): boolean {
  return ours.size === theirs.size && [...ours].every(([key, size]) => theirs.get(key) === size);
}
