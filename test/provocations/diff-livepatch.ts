/** Livepatches given as objects to compare. */
import type { diffMessages } from '../../src/diagnostics/diff-messages.js';
import { diffObjects } from '../../src/diff/diff-objects.js';
import { createLookup } from '../../src/lookup/create-lookup.js';
import { indexExports } from '../../src/lookup/exports.js';
import { ObjectBuilder } from '../builders/elf.js';
import { tableOf } from '../builders/symbols.js';
import type { Provocations } from './provocation.js';

/** Compares an object that has a symbol for the livepatch loader with itself. */
function compareLivepatch() {
  const make = () => {
    const builder = new ObjectBuilder();
    builder.function('show');
    builder.symbol({ name: '.klp.sym.vmlinux.printk,0', place: 'livepatch' });
    return builder.build();
  };
  const original = make();
  const lookup = createLookup({ objectName: 'toy', original, table: tableOf([]), exports: indexExports([]) });
  return diffObjects({ original, patched: make(), entrySizes: {}, lookup });
}

export const livepatchInputProvocations = {
  'livepatch-compared': compareLivepatch,
} satisfies Partial<Provocations<typeof diffMessages>>;
