import { describe, expect, test } from 'vitest';
import { checkMembership, describeForeignObject } from '../../../src/lookup/membership.js';
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
      what: 'core/cm.o is not part of ib_mad (/lib/ib_mad.ko)',
      why: expect.stringContaining(
        'The target was linked from ib_mad_dummy.c, ib_mad.mod.c. It has 0 of the 4 functions of the object.',
      ),
      fix: expect.stringContaining('core/cm.o is linked into ib_cm: give that module with --module FILE.ko.'),
      details: ['not in the target: cm_open, cm_close, cm_listen, cm_send'],
    });
  });

  test('the placeholder of the right module', () => {
    const finding = describeForeignObject(cm, dummy, { object: 'cm.o', objectName: 'ib_mad', linkedInto: ['ib_mad'] });
    expect(finding?.fix).toContain('Give the ib_mad that runs with --module FILE.ko.');
  });

  test('no finding for a member', () => {
    expect(
      describeForeignObject(cm, tableOf([{ name: 'cm_open' }]), { object: 'cm.o', objectName: 'ib_cm' }),
    ).toBeUndefined();
  });
});
