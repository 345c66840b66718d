/**
 * Decides between namesakes by size alone: last among the levels for exact names, and only where the rest of the object
 * shows that source and compiler are the target's.
 */
import type { ElfObject } from '../elf/object.js';
import type { NameRules } from './drifting-names.js';
import type { Decision, Question } from './question.js';
import { remembered } from './remembered.js';
import { functionsOf } from './static-symbols.js';
import type { TargetTable } from './symbol-table.js';

/** Fewer functions of equal size may be equal by chance. */
const LEAST_WITNESSES = 3;

/**
 * The one candidate with the object's size, if every other function of the object that the target has once is there
 * with its size. Example: `helper` of 92 bytes in an object whose other functions are all global; the target's two have
 * 92 and 40 bytes, and all five globals agree.
 */
export function decideBySize({ own, candidates, original, table, names }: Question): Decision | undefined {
  const [symbol, second] = candidates.filter(({ size }) => size === own.size);
  if (own.size === 0 || symbol === undefined || second !== undefined) return undefined;
  // The function itself is no witness: the target has it more than once.
  const witnesses = witnessesOf(original, table, names);
  if (witnesses.count < LEAST_WITNESSES || !witnesses.areAllEqual) return undefined;
  const evidence =
    `of ${candidates.length} symbols of that name only this one has ${own.size} bytes, ` +
    `and all ${witnesses.count} other functions of the object have the target's size`;
  return { symbol, evidence };
}

const witnessesOf = remembered((original: ElfObject, table: TargetTable, names: NameRules) => {
  const witnesses = functionsOf(original, table, names).flatMap(({ name, size }) => {
    const theirs = onlySize(name, table);
    return theirs === undefined ? [] : [{ isEqual: theirs === size }];
  });
  return { count: witnesses.length, areAllEqual: witnesses.every(({ isEqual }) => isEqual) };
});

function onlySize(name: string, table: TargetTable): number | undefined {
  const defined = table.named(name).filter(({ place }) => typeof place !== 'string');
  return defined.length === 1 ? defined[0]?.size : undefined;
}
