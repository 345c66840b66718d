/** Each provocation of diff-carried.ts ends in its own code. */
import { describe, expect, test } from 'vitest';
import type { Diagnostic } from '../../src/diagnostics/diagnostic.js';
import { diffCarriedProvocations } from '../provocations/diff-carried.js';
import { missingPrograms } from './inline-pair.js';

describe.skipIf(missingPrograms.length > 0)('provocations', () => {
  test.each(Object.entries(diffCarriedProvocations))('%s', (code, { run }) => {
    expect((run() as Diagnostic[]).map((finding) => finding.code)).toContain(code);
  });
});
