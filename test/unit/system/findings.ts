/** The diagnostics that a piece of work ends with; anything else that it does fails the test. */
import { type Diagnostic, KptoolError } from '../../../src/diagnostics/diagnostic.js';

export async function findingsOf(work: Promise<unknown>): Promise<readonly Diagnostic[]> {
  const outcome = await work.then(
    (value) => new Error('ended without a finding', { cause: value }),
    (reason: unknown) => reason,
  );
  if (outcome instanceof KptoolError) return outcome.diagnostics;
  throw outcome;
}
