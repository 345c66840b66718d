import { describe, expect, test } from 'vitest';
import { checkMembership, describeForeignObject, describeForeignSource } from '../../../src/lookup/membership.js';
import { type FileRow, GLOBAL, objectOf, type Row, tableOf } from '../../builders/symbols.js';

const cm = objectOf('cm.c', [
  { name: 'cm_open' },
  { name: 'cm_close' },
  { name: 'cm_listen', bind: GLOBAL },
  { name: 'cm_send', bind: GLOBAL },
  { name: 'cm_init', section: '.init.text' },
]);

function isMember(rows: readonly (Row | FileRow)[]): boolean {
  return checkMembership(cm, tableOf(rows)).isMember;
}

describe('membership', () => {
  const all = [
    { name: 'cm_open' },
    { name: 'cm_close' },
    { name: 'cm_listen', bind: GLOBAL },
    { name: 'cm_send', bind: GLOBAL },
  ];

  test('file and functions are there', () => {
    expect(isMember([{ file: 'cm.c' }, ...all])).toBe(true);
  });
  test('a stripped target needs a quarter of the functions', () => {
    expect(isMember(all.slice(0, 1))).toBe(true);
    expect(isMember([{ name: 'mad_open' }])).toBe(false);
  });
  test('an eighth is too little', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => ({ name }));
    const original = objectOf('cm.c', names);
    expect(checkMembership(original, tableOf(names.slice(0, 1))).isMember).toBe(false);
    expect(checkMembership(original, tableOf(names.slice(0, 2))).isMember).toBe(true);
  });
  test('under another file name it needs half', () => {
    expect(isMember([{ file: 'renamed.c' }, ...all.slice(0, 2)])).toBe(true);
    expect(isMember([{ file: 'renamed.c' }, ...all.slice(0, 1)])).toBe(false);
  });
  test('a call of the function is not the function', () => {
    expect(isMember(all.map(({ name }) => ({ name, bind: GLOBAL, section: 'undefined' })))).toBe(false);
  });
  test('another file of the same name is not the object', () => {
    expect(isMember([{ file: 'cm.c' }, { name: 'something_else' }])).toBe(false);
  });
  test('an object without functions is judged by its file name', () => {
    const data = objectOf('tables.c', []);
    expect(checkMembership(data, tableOf([{ file: 'tables.c' }])).isMember).toBe(true);
    expect(checkMembership(data, tableOf([{ file: 'cm.c' }])).isMember).toBe(false);
  });
});

describe('the finding', () => {
  const dummy = tableOf(
    [{ file: 'ib_mad_dummy.c' }, { name: 'dummy_init' }, { file: 'ib_mad.mod.c' }],
    '/lib/ib_mad.ko',
  );

  test('tells what the target was linked from and where the object belongs', () => {
    const finding = describeForeignObject(cm, dummy, {
      object: 'core/cm.o',
      objectName: 'ib_mad',
      linkedInto: ['ib_cm'],
    });
    expect(finding).toMatchObject({
      code: 'object-not-in-target',
      what: 'core/cm.o is not part of ib_mad.ko (its files are ib_mad_dummy.c, ib_mad.mod.c)',
      why:
        '/lib/ib_mad.ko has 0 of the 4 functions of core/cm.o. It is a placeholder, or another module that is called ib_mad ' +
        'too. A livepatch with functions of core/cm.o would find none of them in it.',
      fix: 'core/cm.o is linked into ib_cm: pass that module with --module FILE.ko.',
      details: ['only in core/cm.o: cm_open, cm_close, cm_listen, cm_send', 'only in the target: dummy_init'],
    });
  });

  test('the placeholder of the right module', () => {
    const origin = { object: 'cm.o', objectName: 'ib_mad', linkedInto: ['ib_mad'], chosenBy: 'installed' };
    const finding = describeForeignObject(cm, dummy, { ...origin, foundIn: ['/x/real.ko'] });
    expect(finding?.why).toMatch(/^\/lib\/ib_mad\.ko \(installed\) has 0 of/);
    expect(finding?.fix).toBe(
      'The tree links cm.o into ib_mad: pass the ib_mad that runs with --module FILE.ko. A source of that name is in /x/real.ko.',
    );
  });

  test.each([
    [
      'stripped',
      [{ name: 'dummy' }],
      'ib_cm.ko, which names no source files',
      'It is a placeholder, or another module',
    ],
    [
      'another file of the name',
      [{ file: 'cm.c' }, { name: 'dummy' }],
      'ib_cm.ko (its file is cm.c)',
      'Its cm.c is another file of that name.',
    ],
    [
      'another version',
      [{ file: 'a.c' }, { name: 'cm_open' }],
      'ib_cm.ko (its file is a.c)',
      'It was built from another version of the source',
    ],
  ])('the likely cause: %s', (_, rows, what, why) => {
    const finding = describeForeignObject(cm, tableOf(rows, 'ib_cm.ko'), { object: 'cm.o', objectName: 'ib_cm' });
    expect(finding?.what).toBe(`cm.o is not part of ${what}`);
    expect(finding?.why).toContain(why);
    expect(finding?.fix).toBe('Pass the ib_cm that runs with --module FILE.ko.');
  });

  test('no finding for a member', () => {
    expect(
      describeForeignObject(cm, tableOf([{ name: 'cm_open' }]), { object: 'cm.o', objectName: 'ib_cm' }),
    ).toBeUndefined();
  });
});

describe('a source that the target was not linked from', () => {
  const text = [
    'static const struct ops ops = { .run = run };',
    'static noinline unsigned int cm_open(void (*done)(int),',
    '\t\t\t\t     int a)',
    '{',
    '\tif (a) {',
    '\t\tcall(a);',
    '\t}',
    '\treturn 0;',
    '}',
    'struct cm *cm_find(int id) { return NULL; }',
    'int declared(int a);',
  ].join('\n');
  const origin = { object: 'cm.o', objectName: 'ib_mad', linkedInto: ['ib_mad'] };
  const find = (rows: readonly (Row | FileRow)[], source = text) =>
    describeForeignSource('core/cm.c', source, tableOf(rows, '/x/ib_mad.ko'), origin);

  test('neither its name nor one of its functions is there', () => {
    const finding = find([{ file: 'dummy.c' }, { name: 'dummy' }, { name: 'run' }, { name: 'call' }]);
    expect(finding?.what).toBe('cm.o is not part of ib_mad.ko (its file is dummy.c)');
    expect(finding?.details).toEqual(['only in cm.o: cm_open, cm_find', 'only in the target: dummy, run, call']);
  });

  test.each([
    ['its name is there', [{ file: 'cm.c' }], text],
    ['a function is there', [{ file: 'renamed.c' }, { name: 'cm_find' }], text],
    ['the target names no sources', [{ name: 'dummy' }], text],
    ['it defines no function', [{ file: 'dummy.c' }], 'static int limit = 3;\n'],
  ])('nothing is said where %s', (_, rows, source) => {
    expect(find(rows, source)).toBeUndefined();
  });
});
