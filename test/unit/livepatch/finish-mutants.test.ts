/**
 * Whatever happens to a module on its way from the kernel's link, finishing, inspecting and verifying it ends with a result
 * or with a diagnostic. The seeds are the linked and the finished toy.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KptoolError } from '../../../src/diagnostics/diagnostic.js';
import { readElf } from '../../../src/elf/read.js';
import { writeElf } from '../../../src/elf/write.js';
import { finishModule } from '../../../src/livepatch/finish.js';
import { inspectObject, renderInspectReport } from '../../../src/livepatch/inspect.js';
import { verifyModule } from '../../../src/livepatch/verify.js';
import { encodedToy, finishedToy, linkedToy, R_64, rules, toyExpectations } from '../../builders/livepatch.js';
import { damage, damaged } from '../../builders/mutate-elf.js';

const seed = Number(process.env.KPTOOL_SEED ?? 20_261_122);
const runs = 1500;
const seeds = [linkedToy().object, encodedToy().object, finishedToy()].map((object) => writeElf(object));

/** What became of it; anything but a diagnostic is thrown on. */
function outcomeOf(work: () => unknown): 'done' | 'refused' {
  try {
    work();
    return 'done';
  } catch (error) {
    if (error instanceof KptoolError) return 'refused';
    throw error;
  }
}

test(`a damaged module is finished or refused (seed ${seed}, ${runs} mutants)`, { timeout: 60_000 }, () => {
  const outcomes = { done: 0, refused: 0 };
  const mutant = fc.record({
    seed: fc.nat(seeds.length - 1),
    donor: fc.nat(seeds.length - 1),
    damages: fc.array(damage, { minLength: 1, maxLength: 3 }),
  });
  const property = fc.property(mutant, ({ seed: number, donor, damages }) => {
    const empty = new Uint8Array(0);
    const bytes = damaged(seeds[number] ?? empty, damages, seeds[donor] ?? empty);
    const finish = () => {
      const finished = writeElf(finishModule(readElf(bytes, 'toy.ko'), rules));
      verifyModule(readElf(finished, 'toy.ko'), toyExpectations);
    };
    outcomes[outcomeOf(finish)] += 1;
    outcomeOf(() => renderInspectReport(inspectObject(readElf(bytes, 'toy.ko'), R_64)));
  });
  fc.assert(property, { seed, numRuns: runs });
  // A property that only ever sees one side proves little.
  for (const outcome of Object.values(outcomes)) expect(outcome).toBeGreaterThan(runs / 100);
});
