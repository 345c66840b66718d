/**
 * The rule about locks: while a livepatch is taken up, some tasks run the original of a function and some the patched one.
 * Told is only what makes the two disagree on who holds what, not every call: a fix that unlocks on one more way out is
 * none, one that takes another lock is.
 */
import { diagnose } from '../../diagnostics/catalogue.js';
import type { Diagnostic } from '../../diagnostics/diagnostic.js';
import { callsIn } from '../c-groups.js';
import type { Item } from '../c-outline.js';
import { textOf } from '../c-tokens.js';
import type { Scene, SourceRule } from './scene.js';

export const lockingRules: readonly SourceRule[] = [locks];

/** What takes a lock; the argument says which. Sections of RCU readers hold nothing against each other. */
const TAKES_LOCK =
  /^(mutex_(lock|trylock)|(raw_)?spin_(try)?lock|(raw_)?(read|write)_lock|down(_read|_write)?|(read|write)_seqlock|lock_sock|rtnl_lock)(_(nested|nest_lock|interruptible|killable|io|bh|irq|irqsave|fast))*$/;

function locks({ functions }: Scene): Diagnostic[] {
  return functions.flatMap(({ original, patched, place }) => {
    const [before, after] = [locksOf(original), locksOf(patched)];
    const taken = [...after].filter((lock) => !before.has(lock));
    const dropped = [...before].filter((lock) => !after.has(lock));
    return taken.length + dropped.length === 0 ? [] : [diagnose('locking-touched', { ...place, taken, dropped })];
  });
}

/** The locks that a function takes, as written: `&mad->lock`. */
function locksOf({ body }: Item): Set<string> {
  return new Set(
    callsIn(body, (name) => TAKES_LOCK.test(name)).map(({ name, arguments: [lock] }) => {
      return lock === undefined ? name : textOf(lock).replaceAll(/ ?(->|\.|&) ?/g, '$1');
    }),
  );
}
