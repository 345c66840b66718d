/** Levels 5 to 8 on their own: what each decides, and what it must not. */
import { describe, expect, test } from 'vitest';
import type { ElfObject } from '../../../src/elf/object.js';
import { decideByAddress } from '../../../src/lookup/address-range.js';
import { type NameRules, nameRules } from '../../../src/lookup/drifting-names.js';
import { decideByNeighbours } from '../../../src/lookup/neighbours.js';
import type { Decision, Question } from '../../../src/lookup/question.js';
import { alignRebuild, decideByRebuild } from '../../../src/lookup/reference-table.js';
import type { LinkOrder } from '../../../src/lookup/resolve-file.js';
import { decideBySize } from '../../../src/lookup/size-match.js';
import type { TargetTable } from '../../../src/lookup/symbol-table.js';
import { type FileRow, GLOBAL, OBJECT, objectOf, type Row, tableOf } from '../../builders/symbols.js';

function question(original: ElfObject, table: TargetTable, name = 'helper'): Question {
  const own = original.symbols.find((symbol) => symbol.name === name);
  if (own === undefined) throw new Error(`no ${name} in the object`);
  const candidates = table.locals.filter((symbol) => symbol.name === name && symbol.type === own.type);
  expect(candidates.length).toBeGreaterThan(1);
  return { own, candidates, original, table };
}

/** Which of the candidates was chosen, from 1; 0 for none. */
function choice({ candidates }: Question, decision: Decision | undefined): number {
  return decision === undefined ? 0 : candidates.indexOf(decision.symbol) + 1;
}

function byNeighbours(original: ElfObject, rows: readonly (Row | FileRow)[], name?: string): number {
  const asked = question(original, tableOf(rows), name);
  return choice(asked, decideByNeighbours(asked));
}

function byRebuild(
  asked: Question,
  reference: TargetTable,
  linkOrder?: LinkOrder,
  names?: NameRules,
): Decision | undefined {
  const rebuild = alignRebuild(asked.original, { table: asked.table, reference }, linkOrder, names);
  return rebuild && decideByRebuild(asked, rebuild);
}

const f = (name: string, size = 32) => ({ name, size });

describe('neighbours in the symbol table', () => {
  const cm = objectOf('cm.c', [f('cm_open', 40), f('helper'), f('cm_close', 24)]);

  test('the run of the object decides, first or second', () => {
    const run = [f('cm_open', 40), f('helper'), f('cm_close', 24)];
    const other = [f('trace_start'), f('helper'), f('trace_stop')];
    expect(byNeighbours(cm, [...run, ...other])).toBe(1);
    expect(byNeighbours(cm, [...other, ...run])).toBe(2);
  });

  test('the evidence names the neighbours', () => {
    const asked = question(cm, tableOf([f('helper'), f('cm_open', 40), f('helper'), f('cm_close', 24)]));
    expect(decideByNeighbours(asked)?.evidence).toBe(
      'it stands after cm_open and before cm_close in the symbol table, among 2 static symbols of the same object',
    );
  });

  test('foreign symbols in the run, such as numbered ones, do not matter', () => {
    const rows = [
      f('cm_open', 40),
      f('__func__.3'),
      f('__pfx_helper'),
      f('helper'),
      f('x'),
      f('cm_close', 24),
      f('y'),
      f('helper'),
    ];
    expect(byNeighbours(cm, rows)).toBe(1);
  });

  test('the order within the object counts: a helper behind the whole run is the next object’s', () => {
    const first = objectOf('cm.c', [f('helper'), f('cm_open', 40), f('cm_close', 24)]);
    expect(byNeighbours(first, [f('helper'), f('cm_open', 40), f('cm_close', 24), f('helper'), f('mad_open')])).toBe(1);
  });

  test('what follows the next helper is not behind this one', () => {
    const first = objectOf('cm.c', [f('helper'), f('cm_open', 40), f('cm_close', 24)]);
    expect(byNeighbours(first, [f('helper'), f('x'), f('helper'), f('cm_open', 40), f('cm_close', 24)])).toBe(2);
  });

  test('two runs of the same names do not decide', () => {
    const run = [f('cm_open', 40), f('helper'), f('cm_close', 24)];
    expect(byNeighbours(cm, [...run, ...run])).toBe(0);
  });

  test('where ours was inlined, the next object’s is not taken for it', () => {
    const last = objectOf('cm.c', [f('cm_open', 40), f('cm_close', 24), f('helper')]);
    const rows = [f('cm_open', 40), f('cm_close', 24), f('helper', 100), f('mad_open'), f('x'), f('helper', 64)];
    expect(byNeighbours(last, rows)).toBe(0);
    expect(
      byNeighbours(
        last,
        rows.map((row) => (row.size === 100 ? f('helper', 32) : row)),
      ),
    ).toBe(1);
  });

  test('between two functions of its object the size may differ', () => {
    expect(byNeighbours(cm, [f('cm_open', 40), f('helper', 29), f('cm_close', 24), f('x'), f('helper', 64)])).toBe(1);
  });

  test('data alone is too little', () => {
    const data = (name: string) => ({ name, type: OBJECT, size: 8 });
    const original = objectOf('cm.c', [data('lock'), f('helper'), data('ops')]);
    expect(byNeighbours(original, [data('lock'), f('helper'), data('ops'), f('x'), f('helper')])).toBe(0);
  });

  test('objects are found the same way', () => {
    const state = { name: 'state', type: OBJECT, size: 8 };
    const original = objectOf('cm.c', [f('cm_open', 40), state, f('cm_close', 24)]);
    expect(byNeighbours(original, [f('x'), state, f('cm_open', 40), state, f('cm_close', 24)], 'state')).toBe(2);
  });

  test('no statics but the one asked for: nothing to go by', () => {
    expect(byNeighbours(objectOf('cm.c', [f('helper')]), [f('helper'), f('x'), f('helper')])).toBe(0);
  });
});

describe('addresses', () => {
  const original = objectOf('cm.c', [
    { name: 'cm_open', size: 64, bind: GLOBAL },
    // gcc inlined these two in the target, so that nothing lies right beside `helper` as in the object.
    { name: 'inlined', size: 16 },
    { name: 'helper', size: 32 },
    { name: 'inlined_too', size: 16 },
    { name: 'cm_close', size: 64, bind: GLOBAL },
    { name: 'cm_warn', size: 48, bind: GLOBAL, section: '.text.unlikely.cm_warn' },
  ]);
  const rows = (addresses: { open: number; helpers: [number, number]; close: number }, size = 64) => [
    { name: 'helper', size: 32, value: addresses.helpers[0] },
    { name: 'helper', size: 32, value: addresses.helpers[1] },
    { name: 'cm_open', size, bind: GLOBAL, value: addresses.open },
    { name: 'cm_close', size: 64, bind: GLOBAL, value: addresses.close },
  ];
  const decide = (table: TargetTable) => {
    const asked = question(original, table);
    return choice(asked, decideByAddress(asked));
  };

  test('the one between two functions of the object', () => {
    expect(decide(tableOf(rows({ open: 0x100, helpers: [0x40, 0x140], close: 0x160 })))).toBe(2);
    expect(decide(tableOf(rows({ open: 0x100, helpers: [0x140, 0x300], close: 0x160 })))).toBe(1);
  });

  test('none that lies outside', () => {
    expect(decide(tableOf(rows({ open: 0x100, helpers: [0x40, 0x200], close: 0x160 })))).toBe(0);
  });

  test('not with two inside', () => {
    expect(decide(tableOf(rows({ open: 0x100, helpers: [0x140, 0x150], close: 0x180 })))).toBe(0);
  });

  test('not in a range that the object cannot fill', () => {
    expect(decide(tableOf(rows({ open: 0x100, helpers: [0x40, 0x140], close: 0x9000 })))).toBe(0);
  });

  test('not by a function of another size, which may be another one', () => {
    expect(decide(tableOf(rows({ open: 0x100, helpers: [0x40, 0x140], close: 0x160 }, 60)))).toBe(0);
  });

  test('not by functions of another section, nor of another kind of section', () => {
    const table = tableOf([
      ...rows({ open: 0x100, helpers: [0x40, 0x140], close: 0x160 }).slice(0, 3),
      { name: 'cm_close', size: 64, bind: GLOBAL, value: 0x160, section: '.text.unlikely' },
      { name: 'cm_warn', size: 48, bind: GLOBAL, value: 0x170 },
    ]);
    expect(decide(table)).toBe(0);
  });
});

describe('addresses right beside', () => {
  const open = { name: 'cm_open', size: 64, bind: GLOBAL };
  const first = objectOf('cm.c', [f('helper'), open]);
  const last = objectOf('cm.c', [open, f('helper')]);
  const decide = (original: ElfObject, rows: readonly Row[]) => {
    const asked = question(original, tableOf(rows));
    return choice(asked, decideByAddress(asked));
  };
  const mad = { name: 'mad_open', size: 64, bind: GLOBAL };

  test('the first and the last function of an object', () => {
    expect(decide(first, [f('helper'), mad, f('helper'), open])).toBe(2);
    expect(decide(last, [open, f('helper'), mad, f('helper')])).toBe(1);
  });

  test('beside a clone, but not beside numbered data', () => {
    const clone = f('grant.constprop.0');
    expect(decide(objectOf('cm.c', [f('helper'), clone]), [f('helper'), mad, f('helper'), clone])).toBe(2);
    const data = (name: string) => ({ name, type: OBJECT, size: 8 });
    const numbered = objectOf('cm.c', [data('helper'), data('n.0')]);
    expect(decide(numbered, [data('helper'), data('x'), data('helper'), data('n.0')])).toBe(0);
  });

  test('objtool’s symbols for the padding do not part them', () => {
    expect(decide(first, [f('helper'), mad, f('helper'), { name: '__pfx_cm_open', size: 16 }, open])).toBe(2);
  });

  test('not on the other side than in the object', () => {
    expect(decide(first, [mad, f('helper'), f('x'), open, f('helper')])).toBe(0);
  });

  test('not with something between them', () => {
    expect(decide(first, [f('helper'), mad, f('helper'), f('x'), open])).toBe(0);
  });

  test('not with another size, which may be the end of the object before', () => {
    expect(decide(first, [f('helper'), mad, f('helper', 36), open])).toBe(0);
    expect(decide(first, [f('helper'), mad, f('helper'), { ...open, size: 60 }])).toBe(0);
  });

  test('not beside two of that name', () => {
    const local = objectOf('cm.c', [f('helper'), f('cm_open', 64)]);
    expect(decide(local, [f('helper'), f('cm_open', 64), f('helper'), f('cm_open', 64)])).toBe(0);
  });
});

describe('size', () => {
  const globals = ['a', 'b', 'c'].map((name) => ({ name, size: 64, bind: GLOBAL }));
  const original = objectOf('cm.c', [...globals, f('helper', 92)]);
  const decide = (rows: readonly Row[]) => {
    const asked = question(original, tableOf(rows));
    return choice(asked, decideBySize(asked));
  };

  test('decides where all other functions agree', () => {
    expect(decide([f('helper', 40), f('helper', 92), ...globals])).toBe(2);
  });

  test('not with two of that size', () => {
    expect(decide([f('helper', 92), f('helper', 92), ...globals])).toBe(0);
  });

  test('not if one function differs: another compiler or source', () => {
    expect(decide([f('helper', 40), f('helper', 92), ...globals.slice(1), { name: 'a', size: 60, bind: GLOBAL }])).toBe(
      0,
    );
  });

  test('not on the word of two', () => {
    expect(decide([f('helper', 40), f('helper', 92), ...globals.slice(1)])).toBe(0);
  });
});

describe('a rebuild', () => {
  const a = [f('open'), f('helper', 48)];
  const b = [f('open'), f('helper', 48)];
  const tail = [{ name: 'state', type: OBJECT, size: 8 }];
  const target = tableOf([...a, ...b, ...tail]);
  const original = objectOf('b.c', [...b]);
  const decide = (rebuilt: readonly (Row | FileRow)[], table = target) => {
    const asked = question(original, table);
    return choice(asked, byRebuild(asked, tableOf(rebuilt)));
  };

  test('hands its files over to a target without FILE symbols', () => {
    expect(decide([{ file: 'a.c' }, ...a, { file: 'b.c' }, ...b, ...tail])).toBe(2);
    expect(decide([{ file: 'b.c' }, ...a, { file: 'a.c' }, ...b, ...tail])).toBe(1);
  });

  test('with the unique ids of another build path between them', () => {
    const rebuilt = [
      { file: 'a.c' },
      ...a,
      { name: '__UNIQUE_ID_srcversion7', type: OBJECT },
      { file: 'b.c' },
      ...b,
      ...tail,
    ];
    expect(decide(rebuilt)).toBe(2);
  });

  test('with what a tool put beside the functions of one of them, but with no further function', () => {
    const beside = (local: string, ...globals: Row[]) => {
      return [{ file: 'a.c' }, ...a, { file: 'b.c' }, ...b, f(local, 16), ...tail, ...globals];
    };
    const listen = (name: string) => ({ ...f(name, 16), bind: GLOBAL });
    expect(decide(beside('__pfx_open', listen('__pfx_listen')))).toBe(2);
    expect(decide(beside('pfx_open'))).toBe(0);
    expect(decide(beside('__pfx_open', listen('pfx_listen')))).toBe(0);
  });

  test('with what the configuration says that a tool put there', () => {
    const rebuilt = tableOf([{ file: 'a.c' }, ...a, { file: 'b.c' }, ...b, f('__tool_open', 16), ...tail]);
    const asked = question(original, target);
    const names = nameRules({ companions: ['__tool_*'] });
    expect(choice(asked, byRebuild(asked, rebuilt, undefined, names))).toBe(2);
    expect(choice(asked, byRebuild(asked, rebuilt))).toBe(0);
  });

  test('not if a size differs', () => {
    expect(decide([{ file: 'a.c' }, f('open', 28), f('helper', 48), { file: 'b.c' }, ...b, ...tail])).toBe(0);
  });

  test('not if a symbol is missing or the order differs', () => {
    expect(decide([{ file: 'a.c' }, ...a, { file: 'b.c' }, ...b])).toBe(0);
    expect(decide([{ file: 'a.c' }, ...[...a].reverse(), { file: 'b.c' }, ...b, ...tail])).toBe(0);
  });

  test('not if a global function has another size or is missing', () => {
    const listen = (size: number) => ({ name: 'listen', size, bind: GLOBAL });
    const rebuilt = [{ file: 'a.c' }, ...a, { file: 'b.c' }, ...b, ...tail];
    const asked = (size: number) => decide([...rebuilt, listen(size)], tableOf([...a, ...b, ...tail, listen(32)]));
    expect([asked(32), asked(36), decide([...rebuilt, listen(32)])]).toEqual([2, 0, 0]);
  });

  test('not if a function lies in another section, but for a section of its own', () => {
    const rebuilt = (section: string) => [
      { file: 'a.c' },
      ...a,
      { file: 'b.c' },
      f('open'),
      { ...f('helper', 48), section },
    ];
    expect([decide([...rebuilt('.text.unlikely'), ...tail]), decide([...rebuilt('.text.helper'), ...tail])]).toEqual([
      0, 2,
    ]);
  });

  test('not if it has two files of the name that fit', () => {
    expect(decide([{ file: 'b.c' }, ...a, { file: 'b.c' }, ...b, ...tail])).toBe(0);
  });

  test('but with the link order then', () => {
    const asked = question(original, target);
    const rebuilt = tableOf([{ file: 'b.c' }, ...a, { file: 'b.c' }, ...b, ...tail]);
    const linkOrder = { objects: ['x/b.o', 'y/b.o'], object: 'y/b.o' };
    expect(choice(asked, byRebuild(asked, rebuilt, linkOrder))).toBe(2);
  });
});
