/** A livepatch is no input of the comparison, whether its marks are relocations or symbols. */
import { expect, test } from 'vitest';
import { KptoolError } from '../../../src/diagnostics/diagnostic.js';
import { diffObjects } from '../../../src/diff/diff-objects.js';
import { createLookup } from '../../../src/lookup/create-lookup.js';
import { indexExports } from '../../../src/lookup/exports.js';
import { ObjectBuilder } from '../../builders/elf.js';
import { tableOf } from '../../builders/symbols.js';
import { livepatchInputProvocations } from '../../provocations/diff-livepatch.js';

function codesOf(run: () => unknown): string[] {
  try {
    run();
    return [];
  } catch (error) {
    if (error instanceof KptoolError) return error.diagnostics.map(({ code }) => code);
    throw error;
  }
}

/** An object whose function has a second relocation table, as `.klp.rela.vmlinux..text.show`. */
function withTable() {
  const builder = new ObjectBuilder();
  const section = builder.function('show').section;
  section?.extraRelocationTables.push({ name: '.klp.rela.vmlinux..text.show', flags: 0, relocations: [] });
  return builder.build();
}

test('an object with symbols for the livepatch loader is refused', () => {
  expect(codesOf(livepatchInputProvocations['livepatch-compared'])).toEqual(['livepatch-compared']);
});

test('an object with relocations for the livepatch loader is refused, on either side', () => {
  const plain = () => {
    const builder = new ObjectBuilder();
    builder.function('show');
    return builder.build();
  };
  for (const [original, patched] of [
    [withTable(), plain()],
    [plain(), withTable()],
  ] as const) {
    const lookup = createLookup({ objectName: 'toy', original, table: tableOf([]), exports: indexExports([]) });
    expect(codesOf(() => diffObjects({ original, patched, entrySizes: {}, lookup }))).toEqual(['livepatch-compared']);
  }
});
