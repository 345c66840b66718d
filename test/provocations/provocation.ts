/** A case that provokes a diagnostic: the real code run with bad input. */
import type { Diagnostic } from '../../src/diagnostics/diagnostic.js';

/** What a machine must have before a provocation can run. */
export type Need = 'gcc' | 'kernel-headers';

/** Ends by throwing a KptoolError or by returning the findings. */
export type Run = () => unknown | readonly Diagnostic[] | Promise<unknown>;

export type Provocation = Run | { readonly needs: readonly Need[]; readonly run: Run };

/** One provocation for every code of a stage's messages; a missing one does not compile. */
export type Provocations<Messages> = { readonly [Code in keyof Messages]: Provocation };
