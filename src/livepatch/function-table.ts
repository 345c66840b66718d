/** Which functions of the target a diffed object replaces, as the livepatch core wants to be told. */

import type { ObjectDiff } from '../diff/diff-objects.js';
import { STB } from '../elf/constants.js';
import type { ElfSymbol } from '../elf/object.js';
import type { Lookup, LookupAnswer } from '../lookup/lookup.js';
import type { ReplacedFunction } from './livepatch.js';
import { ask, type OpenQuestion } from './questions.js';

export interface FunctionTable {
  readonly functions: readonly ReplacedFunction[];
  readonly open: readonly OpenQuestion[];
}

/**
 * Looks up every changed function. From here on they are local symbols: another object of the livepatch that calls one
 * means the function of that name in the kernel, which ftrace redirects, and must not be linked to the new one directly.
 */
export function replacedFunctions(diff: ObjectDiff, lookup: Lookup): FunctionTable {
  const functions: ReplacedFunction[] = [];
  const open: OpenQuestion[] = [];
  for (const replacement of diff.changedFunctions) {
    const answer = askOwn(lookup, replacement);
    if (answer.kind !== 'found') {
      open.push({ symbol: replacement.name, answer });
      continue;
    }
    functions.push({
      name: answer.symbol.name,
      object: lookup.objectName,
      replacement,
      originalSize: answer.symbol.size,
      replacementSize: replacement.size,
      originalAddress: answer.symbol.address,
      sympos: answer.symbol.sympos,
    });
  }
  for (const symbol of diff.changedFunctions) makeLocal(symbol);
  return { functions, open };
}

/** A namesake that another module exports is another function. */
function askOwn(lookup: Lookup, replacement: ElfSymbol): LookupAnswer {
  const answer = ask(lookup, replacement);
  if (answer.kind !== 'found' || answer.symbol.object === lookup.objectName) return answer;
  return { kind: 'missing', reason: `${answer.symbol.object} exports one, but that is another function` };
}

function makeLocal(symbol: ElfSymbol): void {
  symbol.bind = STB.LOCAL;
}
