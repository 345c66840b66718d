/**
 * Decides between namesakes with a rebuild of the unpatched module: when its static symbols are the target's one by one,
 * the k-th of ours is the k-th of the target, and what the rebuild's `FILE` symbols say holds for a target that has none.
 */
import type { Decision, Question } from './question.js';
import { type LinkOrder, resolveFile } from './resolve-file.js';
import type { TableSymbol, TargetTable } from './symbol-table.js';

/**
 * Example: Debian strips the `FILE` symbols of `ib_core.ko`. Two files of it have a static `release`; in our rebuild they
 * are the 40th and the 212th of 480 static symbols, all 480 agree in name, type and size, and the 212th stands below
 * `security.c`. Undecided if the tables differ, or if the rebuild does not tell the object's file either.
 */
export function decideByReference(
  { own, candidates, original, table }: Question,
  reference: TargetTable,
  linkOrder: LinkOrder | undefined,
): Decision | undefined {
  const theirs = comparable(table);
  const ours = comparable(reference);
  if (!agree(ours, theirs)) return undefined;
  const { blocks } = resolveFile(original, reference, linkOrder);
  const [block] = blocks;
  if (block === undefined || blocks.length > 1) return undefined;
  const placesOfOurs = ours.flatMap((symbol, place) => {
    return symbol.file === block && symbol.name === own.name && symbol.type === own.type ? [place] : [];
  });
  const [place] = placesOfOurs;
  const symbol = place === undefined ? undefined : theirs[place];
  if (symbol === undefined || placesOfOurs.length > 1 || !candidates.includes(symbol)) return undefined;
  const evidence =
    `all ${ours.length} static symbols of the target agree with a rebuild in order, name and size, ` +
    `and there it belongs to ${block.name}`;
  return { symbol, evidence };
}

/**
 * Numbered names that `__UNIQUE_ID` or printk made differ between equal modules, for example by the path of the build. Namesakes
 * with a compiler's number stay: they are what may be asked for.
 */
function comparable(table: TargetTable): TableSymbol[] {
  return table.locals.filter(({ name }) => !name.startsWith('__UNIQUE_ID_'));
}

function agree(ours: readonly TableSymbol[], theirs: readonly TableSymbol[]): boolean {
  if (ours.length !== theirs.length || ours.length === 0) return false;
  return ours.every((symbol, place) => {
    const other = theirs[place];
    return (
      other !== undefined && symbol.name === other.name && symbol.type === other.type && symbol.size === other.size
    );
  });
}
