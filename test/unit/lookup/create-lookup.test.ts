/** The levels one after the other, each with its success and its nearest failure. */
import { describe, expect, test } from 'vitest';
import type { ElfObject } from '../../../src/elf/object.js';
import type { ExportedSymbol } from '../../../src/kernel/symvers.js';
import { createLookup, LOOKUP_LEVELS, type LookupInput } from '../../../src/lookup/create-lookup.js';
import { indexExports } from '../../../src/lookup/exports.js';
import type { Lookup, LookupAnswer } from '../../../src/lookup/lookup.js';
import { type FileRow, FUNC, GLOBAL, OBJECT, objectOf, type Row, tableOf, WEAK } from '../../builders/symbols.js';

interface Case extends Partial<Pick<LookupInput, 'linkOrder' | 'referenceTable' | 'objectName'>> {
  readonly original: ElfObject;
  readonly target: readonly (Row | FileRow)[];
  readonly exports?: readonly ExportedSymbol[];
}

function lookupOf({ original, target, exports = [], objectName = 'ib_cm', ...rest }: Case): Lookup {
  return createLookup({ objectName, original, table: tableOf(target), exports: indexExports(exports), ...rest });
}

function exported(name: string, moduleName: string): ExportedSymbol {
  return { name, crc: 1, module: `drivers/${moduleName}`, moduleName, namespace: '', exportType: 'EXPORT_SYMBOL_GPL' };
}

/** `level:sympos`, or why not. */
function brief(answer: LookupAnswer): string {
  return answer.kind === 'found' ? `${answer.level}:${answer.symbol.sympos}` : answer.kind;
}

const f = (name: string, size = 32) => ({ name, size });

describe('global symbols', () => {
  const original = objectOf('cm.c', [{ name: 'cm_listen', bind: GLOBAL }]);
  const target = [
    f('helper'),
    { name: 'cm_listen', size: 168, value: 0xa20, bind: GLOBAL },
    { name: 'cm_weak', bind: WEAK },
  ];
  const exports = [exported('kfree', 'vmlinux'), exported('cm_listen', 'ib_cm')];
  const lookup = lookupOf({ original, target, exports });

  test('level 1: exported by another module, which the loader finds', () => {
    expect(lookup.global('kfree')).toEqual({
      kind: 'found',
      symbol: { name: 'kfree', object: 'vmlinux', sympos: 0, size: 0, address: 0n },
      isExported: true,
      level: 1,
      evidence: 'exported by vmlinux (EXPORT_SYMBOL_GPL)',
    });
  });

  test('level 1: defined and exported by the target itself', () => {
    expect(lookup.global('cm_listen')).toEqual({
      kind: 'found',
      symbol: {
        ...{ name: 'cm_listen', object: 'ib_cm', sympos: 0, size: 168, address: 0xa20n },
        ...{ type: FUNC, section: '.text' },
      },
      isExported: true,
      level: 1,
      evidence: 'ib_cm defines and exports it',
    });
  });

  test('level 2: defined by the target, not exported', () => {
    expect(lookup.global('cm_weak')).toMatchObject({ level: 2, isExported: false, symbol: { object: 'ib_cm' } });
  });

  test('level 2: the target’s own before another module’s export of that name', () => {
    const other = lookupOf({ original, target, exports: [exported('cm_listen', 'other')] });
    expect(other.global('cm_listen')).toMatchObject({ level: 2, isExported: false, symbol: { object: 'ib_cm' } });
  });

  test('with a local namesake the position is counted, since the kernel refuses 0', () => {
    const namesake = lookupOf({ original, target: [f('cm_listen'), ...target] });
    expect(brief(namesake.global('cm_listen'))).toBe('2:2');
  });

  test('missing: a local symbol is no global one, an undefined one is not defined', () => {
    expect(lookup.global('helper')).toEqual({ kind: 'missing' });
    const undefinedOnly = lookupOf({ original, target: [{ name: 'x', bind: GLOBAL, section: 'undefined' }] });
    expect(undefinedOnly.global('x')).toEqual({ kind: 'missing' });
  });

  test('missing: exported by this module, says Module.symvers, but not there', () => {
    const stale = lookupOf({ original, target: [f('helper')], exports });
    expect(stale.global('cm_listen')).toEqual({
      kind: 'missing',
      reason: 'Module.symvers says that ib_cm exports it, but its symbol table lacks it',
    });
  });
});

describe('level 3: local and the only one', () => {
  const original = objectOf('cm.c', [f('helper'), { name: 'state', type: OBJECT, size: 8 }]);

  test('without FILE symbols', () => {
    expect(lookupOf({ original, target: [f('x'), { ...f('helper'), value: 0x40 }] }).local('helper', FUNC)).toEqual({
      kind: 'found',
      symbol: {
        ...{ name: 'helper', object: 'ib_cm', sympos: 1, size: 32, address: 0x40n },
        ...{ type: FUNC, section: '.text' },
      },
      isExported: false,
      level: 3,
      evidence: 'the only local symbol of its name and type in ib_cm',
    });
  });

  test('an object or a global of that name is another thing, but counts for the position', () => {
    const target = [{ name: 'helper', type: OBJECT }, f('helper'), { name: 'helper', bind: GLOBAL }];
    expect(brief(lookupOf({ original, target }).local('helper', FUNC))).toBe('3:2');
  });

  test('missing: the type is not there', () => {
    expect(lookupOf({ original, target: [f('state')] }).local('state', OBJECT)).toEqual({ kind: 'missing' });
  });

  test('missing: it lies in another file, while ours is known', () => {
    const two = objectOf('cm.c', [f('open'), f('helper')]);
    const target = [{ file: 'cm.c' }, f('open'), { file: 'mad.c' }, f('helper')];
    expect(lookupOf({ original: two, target }).local('helper', FUNC)).toEqual({
      kind: 'missing',
      reason: 'the target has one of that name in mad.c, but none in cm.c',
    });
  });

  test('below the linker’s nameless FILE symbol it is not another file’s', () => {
    const two = objectOf('cm.c', [f('open'), f('helper')]);
    expect(
      brief(
        lookupOf({ original: two, target: [{ file: 'cm.c' }, f('open'), { file: '' }, f('helper')] }).local(
          'helper',
          FUNC,
        ),
      ),
    ).toBe('3:1');
  });

  test('another size in the object’s own file is told', () => {
    const two = objectOf('cm.c', [f('open'), f('helper')]);
    const answer = lookupOf({ original: two, target: [{ file: 'cm.c' }, f('open'), f('helper', 30)] });
    expect(answer.local('helper', FUNC)).toMatchObject({
      level: 3,
      evidence:
        'the only local symbol of its name and type in ib_cm, with 30 bytes instead of 32; cm.c, 2 of 2 static functions found there',
    });
  });

  describe('another size, and no FILE symbols', () => {
    const three = objectOf('cm.c', [f('open'), f('helper'), f('close')]);
    const find = (target: readonly Row[], rest: Partial<Case> = {}) =>
      lookupOf({ original: three, target, ...rest }).local('helper', FUNC);

    test('its neighbours vouch for it', () => {
      expect(find([f('open'), f('helper', 30), f('close')])).toMatchObject({
        level: 3,
        evidence: expect.stringMatching(/with 30 bytes instead of 32, but it stands after open and before close/),
      });
    });

    test('ambiguous: it may be another object’s, ours being inlined', () => {
      expect(find([f('open'), f('close'), f('trace'), f('helper', 30)])).toMatchObject({
        kind: 'ambiguous',
        reason:
          'it has 30 bytes instead of 32, and neither its file nor its neighbours show that it comes from this object',
        candidates: [{ name: 'helper', size: 30 }],
      });
    });

    test('level 5: a rebuild vouches for it', () => {
      const target = [f('open'), f('close'), f('trace'), f('helper', 30)];
      const referenceTable = tableOf([{ file: 'cm.c' }, ...target]);
      expect(brief(find(target, { referenceTable }))).toBe('5:1');
      const elsewhere = tableOf([{ file: 'cm.c' }, ...target.slice(0, 3), { file: 'mad.c' }, ...target.slice(3)]);
      expect(brief(find(target, { referenceTable: elsewhere }))).toBe('ambiguous');
    });

    test('a table without sizes says nothing about sizes', () => {
      expect(brief(find([f('helper', 0)]))).toBe('3:1');
    });
  });

  test('missing: the kernel has dropped it', () => {
    const target = [{ ...f('helper'), section: '.init.text' }];
    expect(lookupOf({ original, target }).local('helper', FUNC)).toEqual({
      kind: 'missing',
      reason: 'it lies in .init.text, which the kernel drops once the module runs',
    });
    expect(brief(lookupOf({ original, target, objectName: 'vmlinux' }).local('helper', FUNC))).toBe('3:1');
  });

  test('ambiguous: its position changes when init symbols go', () => {
    const target = [{ name: 'helper', type: OBJECT, section: '.init.data' }, f('helper')];
    const answer = lookupOf({ original, target }).local('helper', FUNC);
    expect(answer).toMatchObject({
      kind: 'ambiguous',
      isShifting: true,
      reason: expect.stringContaining('number 2 of its name while the module loads'),
    });
    expect(answer.kind === 'ambiguous' && answer.candidates.map(({ section }) => section)).toEqual([
      '.init.data',
      '.text',
    ]);
  });
});

describe('level 4: the FILE block decides', () => {
  const original = objectOf('cm.c', [f('open'), f('helper')]);
  const cm = [{ file: 'cm.c' }, f('open'), f('helper')];
  const mad = [{ file: 'mad.c' }, f('send'), f('helper')];

  test('the position follows the table', () => {
    expect(brief(lookupOf({ original, target: [...cm, ...mad] }).local('helper', FUNC))).toBe('4:1');
    expect(brief(lookupOf({ original, target: [...mad, ...cm] }).local('helper', FUNC))).toBe('4:2');
  });

  test('in vmlinux the position follows the address', () => {
    const target = [
      { file: 'cm.c' },
      f('open'),
      { ...f('helper'), value: 0x900 },
      { file: 'mad.c' },
      { ...f('helper'), value: 0x100 },
    ];
    expect(brief(lookupOf({ original, target, objectName: 'vmlinux' }).local('helper', FUNC))).toBe('4:2');
  });

  test('missing: two of that name, none of them in the object’s file', () => {
    const target = [{ file: 'cm.c' }, f('open'), { file: 'mad.c' }, f('helper'), { file: 'agent.c' }, f('helper')];
    expect(lookupOf({ original, target }).local('helper', FUNC)).toEqual({
      kind: 'missing',
      reason: 'the target has 2 of that name in mad.c, agent.c, but none in cm.c',
    });
  });

  test('of two files that fit equally well, the one that has the symbol', () => {
    const two = objectOf('cm.c', [f('open'), { name: 'count.0', type: OBJECT, size: 4 }]);
    const count = { name: 'count.0', type: OBJECT, size: 4 };
    const target = [{ file: 'cm.c' }, f('open'), { file: 'cm.c' }, f('open'), count, { file: 'x.c' }, count];
    expect(brief(lookupOf({ original: two, target }).local('count.0', OBJECT))).toBe('4:1');
  });

  test('ambiguous: two equal files, with every candidate', () => {
    const answer = lookupOf({ original, target: [...cm, ...cm] }).local('helper', FUNC);
    expect(answer).toMatchObject({
      kind: 'ambiguous',
      reason:
        '2 files named cm.c fit equally well, 2 of 2 static functions found there; neither neighbours, addresses nor sizes tell them apart',
      candidates: [
        { sympos: 1, section: '.text', file: 'cm.c', before: 'open', after: 'open' },
        { sympos: 2, section: '.text', file: 'cm.c', before: 'open' },
      ],
    });
  });

  test('the link order decides between two equal files', () => {
    const linkOrder = { objects: ['a/cm.o', 'b/cm.o'], object: 'b/cm.o' };
    expect(brief(lookupOf({ original, target: [...cm, ...cm], linkOrder }).local('helper', FUNC))).toBe('4:2');
  });
});

describe('without FILE symbols', () => {
  const original = objectOf('cm.c', [f('cm_open', 40), f('helper'), f('cm_close', 24)]);
  const run = [f('cm_open', 40), f('helper'), f('cm_close', 24)];
  const other = [f('mad_open', 40), f('helper'), f('mad_close', 24)];

  test('level 5: a rebuild that agrees', () => {
    const referenceTable = tableOf([{ file: 'mad.c' }, ...run, { file: 'cm.c' }, ...run]);
    expect(brief(lookupOf({ original, target: [...run, ...run], referenceTable }).local('helper', FUNC))).toBe('5:2');
  });

  test('level 5: a rebuild that does not agree leaves it to the next level', () => {
    const referenceTable = tableOf([{ file: 'cm.c' }, ...other, { file: 'mad.c' }, ...run]);
    expect(brief(lookupOf({ original, target: [...run, ...other], referenceTable }).local('helper', FUNC))).toBe('6:1');
  });

  test('level 6: neighbours', () => {
    expect(brief(lookupOf({ original, target: [...other, ...run] }).local('helper', FUNC))).toBe('6:2');
  });

  test('level 6: ambiguous with equal neighbours', () => {
    expect(brief(lookupOf({ original, target: [...run, ...run] }).local('helper', FUNC))).toBe('ambiguous');
  });

  test('ambiguous: neighbours and addresses name different symbols', () => {
    const globals = [
      { name: 'first', size: 16, bind: GLOBAL, value: 0x100 },
      { name: 'last', size: 16, bind: GLOBAL, value: 0x140 },
    ];
    const both = objectOf('cm.c', [f('cm_open', 40), f('helper'), f('cm_close', 24), ...globals]);
    const locals = (helpers: [number, number]) => [
      { ...f('cm_open', 40), value: 0x400 },
      { ...f('helper'), value: helpers[0] },
      { ...f('cm_close', 24), value: 0x480 },
      { ...f('mad_open'), value: 0x500 },
      { ...f('helper'), value: helpers[1] },
      ...globals,
    ];
    expect(brief(lookupOf({ original: both, target: locals([0x440, 0x600]) }).local('helper', FUNC))).toBe('6:1');
    expect(brief(lookupOf({ original: both, target: locals([0x600, 0x120]) }).local('helper', FUNC))).toBe('ambiguous');
  });

  const globals = [
    { name: 'cm_first', size: 64, bind: GLOBAL, value: 0x100 },
    { name: 'cm_last', size: 64, bind: GLOBAL, value: 0x180 },
    { name: 'cm_third', size: 16, bind: GLOBAL, value: 0x900 },
  ];
  const single = objectOf('cm.c', [f('helper'), ...globals]);

  test('level 7: addresses', () => {
    const target = [{ ...f('helper'), value: 0x40 }, { ...f('helper'), value: 0x150 }, ...globals.slice(0, 2)];
    expect(brief(lookupOf({ original: single, target }).local('helper', FUNC))).toBe('7:2');
  });

  test('level 8: sizes', () => {
    const target = [{ ...f('helper', 20), value: 0x1000 }, { ...f('helper'), value: 0x2000 }, ...globals];
    expect(brief(lookupOf({ original: single, target }).local('helper', FUNC))).toBe('8:2');
  });

  test('ambiguous: equal sizes', () => {
    const target = [{ ...f('helper'), value: 0x1000 }, { ...f('helper'), value: 0x2000 }, ...globals];
    expect(lookupOf({ original: single, target }).local('helper', FUNC)).toMatchObject({
      kind: 'ambiguous',
      reason: 'the target has no FILE symbols; neither neighbours, addresses nor sizes tell them apart',
    });
  });

  test('ambiguous: namesakes of a symbol that the original object does not have', () => {
    expect(lookupOf({ original, target: [f('fresh'), f('fresh')] }).local('fresh', FUNC)).toMatchObject({
      kind: 'ambiguous',
      reason: 'the original object does not define it',
    });
  });
});

describe('level 9: another number of the compiler', () => {
  const clone = (name: string, size = 32) => ({ name, size });

  test('the exact name comes first', () => {
    const original = objectOf('cm.c', [clone('send.isra.0')]);
    expect(
      brief(lookupOf({ original, target: [clone('send.isra.0'), clone('send.isra.1')] }).local('send.isra.0', FUNC)),
    ).toBe('3:1');
  });

  test('the only one of the stem on both sides, with the target’s name', () => {
    const original = objectOf('cm.c', [clone('send.isra.0')]);
    const answer = lookupOf({ original, target: [clone('x'), clone('send.isra.1')] }).local('send.isra.0', FUNC);
    expect(answer).toMatchObject({ kind: 'found', level: 9, symbol: { name: 'send.isra.1', sympos: 1 } });
  });

  test('a cold part with and without number', () => {
    const original = objectOf('cm.c', [clone('send.cold')]);
    expect(brief(lookupOf({ original, target: [clone('send.cold.7')] }).local('send.cold', FUNC))).toBe('9:1');
  });

  test('missing: another size', () => {
    const original = objectOf('cm.c', [clone('send.isra.0')]);
    expect(lookupOf({ original, target: [clone('send.isra.1', 36)] }).local('send.isra.0', FUNC)).toEqual({
      kind: 'missing',
      reason: 'the target’s send.isra.1 has 36 bytes instead of 32'.replace('’', "'"),
    });
  });

  test('missing: several on either side', () => {
    const one = objectOf('cm.c', [clone('n.0')]);
    const two = objectOf('cm.c', [clone('n.0'), clone('n.1')]);
    expect(brief(lookupOf({ original: one, target: [clone('n.3'), clone('n.4')] }).local('n.0', FUNC))).toBe('missing');
    expect(brief(lookupOf({ original: two, target: [clone('n.3')] }).local('n.0', FUNC))).toBe('missing');
  });

  test('only the object’s own file counts', () => {
    const original = objectOf('cm.c', [f('open'), clone('send.isra.0')]);
    const target = [{ file: 'cm.c' }, f('open'), clone('send.isra.1'), { file: 'mad.c' }, clone('send.isra.2')];
    expect(brief(lookupOf({ original, target }).local('send.isra.0', FUNC))).toBe('9:1');
  });

  test('data under the same number but of another size is another function’s', () => {
    const data = (name: string, size: number) => ({ name, size, type: OBJECT });
    const original = objectOf('cm.c', [data('__func__.3', 12)]);
    const target = [data('__func__.3', 20), data('__func__.4', 12)];
    expect(lookupOf({ original, target }).local('__func__.3', OBJECT)).toMatchObject({ kind: 'missing' });
    const unique = [data('state.3', 12)];
    expect(
      brief(lookupOf({ original: objectOf('cm.c', [data('state.0', 12)]), target: unique }).local('state.0', OBJECT)),
    ).toBe('9:1');
  });

  test('a plain name is no kin of a numbered one', () => {
    expect(
      brief(lookupOf({ original: objectOf('cm.c', [f('state')]), target: [f('state.0')] }).local('state', FUNC)),
    ).toBe('missing');
  });
});

describe('missing: a function that gcc cloned in one of the builds only', () => {
  const post = { ...f('post'), bind: GLOBAL };
  const reasonFor = (name: string, target: readonly (Row | FileRow)[]) => {
    const original = objectOf('cm.c', [f('open'), f(name), post]);
    const answer = lookupOf({ original, target }).local(name, FUNC);
    return answer.kind === 'missing' ? (answer.reason ?? 'no reason') : answer.kind;
  };
  const only = (names: string) => `of that function the target has only ${names}: gcc cloned it in another way there`;

  test.each([
    ['a clone that is not made there', 'send.isra.0', [f('send')], only('send')],
    ['of a global function', 'post.constprop.0', [post], only('post')],
    ['a global function that the object has not', 'send.constprop.0', [{ ...f('send'), bind: GLOBAL }], 'no reason'],
    [
      'a function of which there is a clone only',
      'send',
      [f('send.constprop.0.isra.1')],
      only('send.constprop.0.isra.1'),
    ],
    [
      'clones of other kinds',
      'send.isra.0',
      [f('send.part.0'), f('send.constprop.3')],
      only('send.part.0, send.constprop.3'),
    ],
    ['data of that name is no function', 'send.isra.0', [{ ...f('send'), type: OBJECT }], 'no reason'],
    ['nor is a cold part a clone', 'send', [f('send.cold')], 'no reason'],
    ['another function', 'send.isra.0', [f('send_all'), f('resend')], 'no reason'],
    ['what the target only refers to', 'post.isra.0', [{ ...post, section: 'undefined' }], 'no reason'],
    ['of another file', 'send.isra.0', [{ file: 'cm.c' }, f('open'), { file: 'mad.c' }, f('send')], 'no reason'],
  ] as const)('%s', (_, name, target, reason) => {
    expect(reasonFor(name, target)).toBe(reason);
  });
});

test('every level that decides has a title', () => {
  expect([...LOOKUP_LEVELS.keys()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
