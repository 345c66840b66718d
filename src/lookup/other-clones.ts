/**
 * Says why a function is missing that the target has under another kind of name: gcc clones a function in one build and not
 * in another, since what it inlines depends on all callers in the file. For the lookup's refusal; such code is another.
 */
import { STT } from '../elf/constants.js';
import type { TableSymbol, TargetTable } from './symbol-table.js';

/** `cm_send.constprop.0.isra.1` is a clone of `cm_send`; a cold part is no clone. */
const CLONE = /^(.+?)(?:\.(?:isra|constprop|part)\.\d+)+$/;

/** The target's clones by the function that they were made of. */
export function clonesByFunction(table: TargetTable): ReadonlyMap<string, readonly TableSymbol[]> {
  const clones = new Map<string, TableSymbol[]>();
  for (const symbol of table.locals) {
    const made = symbol.type === STT.FUNC ? CLONE.exec(symbol.name)?.[1] : undefined;
    if (made === undefined) continue;
    const others = clones.get(made);
    if (others === undefined) clones.set(made, [symbol]);
    else others.push(symbol);
  }
  return clones;
}

/** How many functions of that very name the target has. */
export function countFunctions(table: TargetTable, name: string): number {
  return table.named(name).filter(({ type, place }) => type === STT.FUNC && place !== 'undefined').length;
}

/**
 * Half a sentence where the target has the function, but no `name` of it: `cm_send` for `cm_send.isra.0`, or the other way
 * round. `isOwn` says whether a symbol may be the object's own.
 */
export function describeOtherClones(
  name: string,
  table: TargetTable,
  clones: ReadonlyMap<string, readonly TableSymbol[]>,
  isOwn: (symbol: TableSymbol) => boolean,
): string | undefined {
  const made = CLONE.exec(name)?.[1];
  const whole =
    made === undefined ? [] : table.named(made).filter(({ type, place }) => type === STT.FUNC && place !== 'undefined');
  const there = [...whole, ...(clones.get(made ?? name) ?? [])].filter(
    (symbol) => symbol.name !== name && isOwn(symbol),
  );
  if (there.length === 0) return undefined;
  const names = [...new Set(there.map((symbol) => symbol.name))].join(', ');
  return `of that function the target has only ${names}: gcc cloned it in another way there`;
}
