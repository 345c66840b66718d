/**
 * The order of test files: those that take longest first, so that in the end no worker computes while the other has nothing
 * left. Where vitest knows times of an earlier run it sorts by them; in a fresh checkout it would go by the sizes of files,
 * which say little: the longest file of the kernel tier has hundred lines.
 */
import { existsSync } from 'node:fs';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Longest first; what is not here takes less. */
const slow = [
  'kernel/in-tree.test.ts',
  'kernel/scenarios.test.ts',
  'kernel/in-tree-ibt.test.ts',
  'kernel/scenarios-ibt.test.ts',
  'kernel/faults.test.ts',
  'kernel/debian-module.test.ts',
  'kernel/verification.test.ts',
  'kernel/interrupted.test.ts',
  'kernel/symbol-versions.test.ts',
  'kernel/kbuild-tree.test.ts',
  'cases/mutants.test.ts',
  'cases/diff.test.ts',
  'cases/object-rules.test.ts',
  'cases/kernel-source.test.ts',
  'cases/kernel-bundles.test.ts',
  'cases/cli-process.test.ts',
  'unit/patch/mutation.test.ts',
  'unit/system/run.test.ts',
];

export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const gone = slow.filter((file) => !existsSync(new URL(file, import.meta.url)));
    if (gone.length > 0) throw new Error(`test/slowest-first.ts lists files that are gone: ${gone.join(', ')}`);
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification) => {
      const place = slow.findIndex((file) => moduleId.endsWith(`/test/${file}`));
      return place < 0 ? slow.length : place;
    };
    return sorted.toSorted((one, other) => rank(one) - rank(other));
  }
}
