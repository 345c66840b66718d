/** Bad targets for the lookup: a case for every code of its messages. */
import type { lookupMessages } from '../../src/diagnostics/lookup-messages.js';
import { createLookup } from '../../src/lookup/create-lookup.js';
import { indexExports } from '../../src/lookup/exports.js';
import { describeUnresolved } from '../../src/lookup/findings.js';
import { describeForeignObject } from '../../src/lookup/membership.js';
import { parseReadelfSymbols } from '../../src/lookup/readelf-symbols.js';
import { FUNC, OBJECT, objectOf, tableOf } from '../builders/symbols.js';
import type { Provocations } from './provocation.js';

const original = objectOf('cm.c', [{ name: 'helper', size: 64 }]);

function ask(name: string, symbols: Parameters<typeof tableOf>[0]) {
  const lookup = createLookup({ objectName: 'ib_cm', original, table: tableOf(symbols), exports: indexExports([]) });
  const finding = describeUnresolved({ name, object: 'cm.o', objectName: 'ib_cm' }, lookup.local(name, FUNC));
  return finding === undefined ? [] : [finding];
}

export const lookupProvocations = {
  'symbol-missing': () => ask('helper', [{ name: 'other', size: 64 }]),
  'symbol-ambiguous': () =>
    ask('helper', [
      { name: 'helper', size: 64 },
      { name: 'helper', size: 64, value: 64 },
    ]),
  'symbol-position-shifts': () =>
    ask('helper', [
      { name: 'helper', type: OBJECT, section: '.init.data' },
      { name: 'helper', size: 64 },
    ]),
  'object-not-in-target': () => {
    const table = tableOf([{ file: 'ib_mad_dummy.c' }, { name: 'dummy_init', size: 12 }, { file: 'ib_mad.mod.c' }]);
    return [describeForeignObject(original, table, { object: 'cm.o', objectName: 'ib_mad' })];
  },
  'symtab-malformed': () => parseReadelfSymbols('   Num:    Value          Size Type\n     0: zero', 'ib_cm.symtab'),
} satisfies Provocations<typeof lookupMessages>;
