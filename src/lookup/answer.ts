/**
 * Turns what a level decided into the answer that the diff and the livepatch assembly see: with the position that the
 * kernel counts, or with why there is none.
 */
import type { Candidate, LookupAnswer, TargetSymbol } from './lookup.js';
import type { Decision } from './question.js';
import type { TableSymbol, TargetTable } from './symbol-table.js';
import { positionOf } from './sympos.js';

/** The target that symbols belong to. */
interface Owner {
  readonly table: TargetTable;
  readonly objectName: string;
}

interface Verdict extends Owner {
  readonly level: number;
  readonly isExported: boolean;
}

/** `missing` where the kernel can find the symbol at no position, `ambiguous` where its position changes. */
export function answerFound({ symbol, evidence }: Decision, { level, isExported, ...owner }: Verdict): LookupAnswer {
  const { table, objectName } = owner;
  const position = positionOf(symbol, table, objectName);
  if (position.kind === 'absent') return { kind: 'missing', reason: position.reason };
  if (position.kind === 'shifting') {
    const all = table.named(symbol.name).filter(({ place }) => place !== 'undefined');
    return { ...answerAmbiguous(all, owner, position.reason), isShifting: true };
  }
  const found = targetSymbol(symbol, objectName, position.sympos);
  return { kind: 'found', symbol: found, isExported, level, evidence };
}

/** `reason` is half a sentence: why nothing decided between the candidates. */
export function answerAmbiguous(
  candidates: readonly TableSymbol[],
  owner: Owner,
  reason: string,
): Extract<LookupAnswer, { kind: 'ambiguous' }> {
  return { kind: 'ambiguous', candidates: candidates.map((symbol) => candidateOf(symbol, owner)), reason };
}

function targetSymbol({ name, size, value, type, place }: TableSymbol, object: string, sympos: number): TargetSymbol {
  const section = typeof place === 'string' ? place : (place.name ?? `section ${place.index}`);
  return { name, object, sympos, size, address: value, type, section };
}

function candidateOf(symbol: TableSymbol, { table, objectName }: Owner): Candidate {
  const position = positionOf(symbol, table, objectName);
  const { file } = symbol;
  const at = table.orderAmongLocals(symbol);
  const before = at === undefined ? undefined : table.locals[at - 1]?.name;
  const after = at === undefined ? undefined : table.locals[at + 1]?.name;
  return {
    ...targetSymbol(symbol, objectName, position.kind === 'certain' ? position.sympos : 0),
    ...(file === undefined || file.name === '' ? {} : { file: file.name }),
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
}
