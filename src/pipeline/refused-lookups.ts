/**
 * A refusal that carries what had been decided about symbols before it: why a symbol was not found is asked most where the
 * build failed for it.
 */
import { KptoolError } from '../diagnostics/diagnostic.js';
import type { ObjectReport } from './options.js';

/** What was decided about the symbols that one object's part of the livepatch needs. */
export type ObjectLookups = Pick<ObjectReport, 'object' | 'module' | 'lookups'>;

/** Ends a run as every `KptoolError` does. */
export class RefusalWithLookups extends KptoolError {
  constructor(
    { diagnostics }: Pick<KptoolError, 'diagnostics'>,
    /** In the order of the comparison; no object without a decision. */
    readonly lookups: readonly ObjectLookups[],
  ) {
    super(diagnostics);
  }
}

/** `error` with what had been decided; as it is where that is nothing, where it says so itself, and where it is no refusal. */
export function withLookups(error: unknown, objects: readonly ObjectLookups[]): unknown {
  const known = objects.filter(({ lookups }) => lookups.length > 0);
  if (!(error instanceof KptoolError) || error instanceof RefusalWithLookups || known.length === 0) return error;
  return new RefusalWithLookups(
    error,
    known.map(({ object, module, lookups }) => ({ object, module, lookups })),
  );
}

/** What had been decided when the run ended with `error`. */
export function lookupsOf(error: unknown): readonly ObjectLookups[] {
  return error instanceof RefusalWithLookups ? error.lookups : [];
}
