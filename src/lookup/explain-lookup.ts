/**
 * Remembers what a `Lookup` was asked and what decided the answer, for `--explain-lookup`: whose symbol each one is that
 * the livepatch needs, by which rule, and on what evidence.
 */
import { LOOKUP_LEVELS } from './create-lookup.js';
import type { Lookup, LookupAnswer } from './lookup.js';

/** What one symbol was decided to be. */
export interface LookupDecision {
  /** As the object has it. */
  readonly symbol: string;
  readonly scope: 'local' | 'global';
  readonly outcome: LookupAnswer['kind'];
  /** Number of the level that decided, and its name from `LOOKUP_LEVELS`; `undefined` where none did. */
  readonly level: number | undefined;
  readonly rule: string | undefined;
  /** The symbol of the target; `undefined` where none was found. */
  readonly target: { readonly name: string; readonly object: string; readonly sympos: number } | undefined;
  /** Half a sentence: what the level saw, or why none decided; `undefined` where nothing more is known. */
  readonly evidence: string | undefined;
}

export interface RecordedLookup {
  /** Answers as the one that it stands for. */
  readonly lookup: Lookup;
  /** What has been asked so far, each symbol once, in the order of the first questions. */
  decisions(): readonly LookupDecision[];
}

/** A lookup that gives the answers of `lookup` and remembers them. */
export function recordLookup(lookup: Lookup): RecordedLookup {
  const decisions = new Map<string, LookupDecision>();
  const remember = (symbol: string, scope: LookupDecision['scope'], type: number, answer: LookupAnswer) => {
    decisions.set(`${scope} ${type} ${symbol}`, decisionOf(symbol, scope, answer));
    return answer;
  };
  return {
    lookup: {
      objectName: lookup.objectName,
      local: (name, type) => remember(name, 'local', type, lookup.local(name, type)),
      global: (name) => remember(name, 'global', 0, lookup.global(name)),
    },
    decisions: () => [...decisions.values()],
  };
}

function decisionOf(symbol: string, scope: LookupDecision['scope'], answer: LookupAnswer): LookupDecision {
  if (answer.kind !== 'found') {
    const { kind: outcome, reason: evidence } = answer;
    return { symbol, scope, outcome, level: undefined, rule: undefined, target: undefined, evidence };
  }
  const { level, evidence } = answer;
  const { name, object, sympos } = answer.symbol;
  const rule = LOOKUP_LEVELS.get(level);
  return { symbol, scope, outcome: 'found', level, rule, target: { name, object, sympos }, evidence };
}
