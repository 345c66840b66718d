/** Bad targets for the lookup: a case for every code of its messages. */
import { x86_64 } from '../../src/arch/x86-64.js';
import type { lookupMessages } from '../../src/diagnostics/lookup-messages.js';
import { CodeIndex } from '../../src/lookup/code-index.js';
import { createLookup } from '../../src/lookup/create-lookup.js';
import { indexExports } from '../../src/lookup/exports.js';
import { describeUnresolved } from '../../src/lookup/findings.js';
import { describeForeignObject } from '../../src/lookup/membership.js';
import { parseReadelfSymbols } from '../../src/lookup/readelf-symbols.js';
import { judge } from '../../src/lookup/verdict.js';
import { verifyObject } from '../../src/lookup/verification.js';
import { describeVerification } from '../../src/lookup/verification-findings.js';
import { ObjectBuilder } from '../builders/elf.js';
import { FUNC, GLOBAL, OBJECT, objectOf, tableOf, WEAK } from '../builders/symbols.js';
import type { Provocations } from './provocation.js';

const original = objectOf('cm.c', [{ name: 'helper', size: 64 }]);

function ask(name: string, symbols: Parameters<typeof tableOf>[0]) {
  const lookup = createLookup({ objectName: 'ib_cm', original, table: tableOf(symbols), exports: indexExports([]) });
  const finding = describeUnresolved({ name, object: 'cm.o', objectName: 'ib_cm' }, lookup.local(name, FUNC));
  return finding === undefined ? [] : [finding];
}

/** `cm_send` returns 1 here and 2 in the target. */
function verify(touched: readonly string[], contradictions: readonly string[] = [], bind: number = GLOBAL) {
  const builds = [1, 2].map((value) => {
    const builder = new ObjectBuilder();
    builder.function('cm_send', [0xb8, value, 0, 0, 0, 0xc3], { bind });
    return builder.build();
  });
  const [original, running] = builds as [(typeof builds)[number], (typeof builds)[number]];
  const table = tableOf([{ name: 'cm_send', size: 6, bind, section: '.text.cm_send' }]);
  const lookup = createLookup({ objectName: 'ib_cm', original, table, exports: indexExports([]) });
  const target = new CodeIndex(running);
  const verification = verifyObject({ object: 'cm.o', original, target, lookup, arch: x86_64 });
  const marks = { compilers: [], options: [] };
  const releases = { release: '6.1.0-13-amd64', targetRelease: '6.1.0-13-amd64' };
  return describeVerification({
    module: 'ib_cm',
    target: '/lib/modules/ib_cm.ko',
    objects: [{ verification, touched: { changed: new Set(touched), needed: new Set() } }],
    judgement: judge({ objects: [verification], ours: marks, theirs: marks, contradictions, ...releases }),
    isOfAnotherKernel: contradictions.length > 0,
  });
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
  'target-function-differs': () => verify(['cm_send']),
  'target-differs': () => verify([]),
  'weak-function-overridden': () => verify(['cm_send'], [], WEAK),
  'target-of-another-kernel': () => verify([], ['preempt_rt']).slice(0, 1),
  'symtab-malformed': () => parseReadelfSymbols('   Num:    Value          Size Type\n     0: zero', 'ib_cm.symtab'),
} satisfies Provocations<typeof lookupMessages>;
