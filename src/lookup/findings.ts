/** Words the answers that end a build, for the stages that asked: the diff and the livepatch assembly. */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { LookupAnswer } from './lookup.js';

export interface Asked {
  /** The symbol as the object has it. */
  readonly name: string;
  /** The object of the tree that needs it: `cm.o`. */
  readonly object: string;
  /** The klp object that was searched: `ib_cm`. */
  readonly objectName: string;
  /** Release of the kernel, where its symbols are known by addresses only (kallsyms, System.map). */
  readonly addressesOf?: string;
}

/** The finding `symbol-missing`. */
function describeMissing(asked: Asked, { reason }: Extract<LookupAnswer, { kind: 'missing' }>): Diagnostic {
  return diagnose('symbol-missing', reason === undefined ? asked : { ...asked, reason });
}

/** The finding `symbol-ambiguous`, or `symbol-position-shifts`, with every candidate in its details. */
function describeAmbiguous(asked: Asked, answer: Extract<LookupAnswer, { kind: 'ambiguous' }>): Diagnostic {
  const { candidates, reason, isShifting = false } = answer;
  const code = isShifting ? 'symbol-position-shifts' : 'symbol-ambiguous';
  return diagnose(code, { ...asked, candidates, ...(reason === undefined ? {} : { reason }) });
}

/** The finding that stands in the way of using the answer; nothing if the symbol was found. */
export function describeUnresolved(asked: Asked, answer: LookupAnswer): Diagnostic | undefined {
  if (answer.kind === 'missing') return describeMissing(asked, answer);
  if (answer.kind === 'ambiguous') return describeAmbiguous(asked, answer);
  return undefined;
}
