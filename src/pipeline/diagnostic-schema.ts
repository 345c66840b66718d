/** Findings as they are kept in files. */
import { z } from 'zod';
import type { Diagnostic } from '../diagnostics/diagnostic.js';

/** Takes what is known of a finding, and what later versions may add. */
export const diagnosticSchema = z
  .looseObject({
    code: z.string(),
    severity: z.enum(['error', 'warning']),
    exitStatus: z.union([z.literal(1), z.literal(2)]),
    what: z.string(),
    why: z.string(),
    fix: z.string(),
    details: z.array(z.string()),
  })
  .transform((finding): Diagnostic => finding);
