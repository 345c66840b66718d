import { describe, expect, test } from 'vitest';
import type { ElfObject } from '../../../src/elf/object.js';
import { type LinkOrder, resolveFile } from '../../../src/lookup/resolve-file.js';
import type { TargetTable } from '../../../src/lookup/symbol-table.js';
import { GLOBAL, OBJECT, objectOf, tableOf } from '../../builders/symbols.js';

const cm = objectOf('cm.c', [
  { name: 'open', size: 32 },
  { name: 'helper', size: 48 },
  { name: 'close', size: 16 },
  { name: 'state', type: OBJECT, size: 8 },
  { name: 'cm_listen', bind: GLOBAL },
]);

/** Orders of the chosen blocks. */
function chosen(original: ElfObject, table: TargetTable, linkOrder?: LinkOrder): number[] {
  return resolveFile(original, table, linkOrder).blocks.map(({ order }) => order);
}

test('the block of the source name', () => {
  const table = tableOf([
    { file: 'mad.c' },
    { name: 'helper' },
    { file: 'cm.c' },
    { name: 'open' },
    { name: 'helper' },
    { name: 'close' },
  ]);
  expect(resolveFile(cm, table)).toMatchObject({
    blocks: [{ order: 1 }],
    evidence: 'cm.c, 3 of 3 static functions found there',
  });
});

describe('the score is no all or nothing', () => {
  test('a function that gcc inlined in the target may be absent', () => {
    expect(chosen(cm, tableOf([{ file: 'cm.c' }, { name: 'open' }, { name: 'helper' }]))).toEqual([0]);
  });

  test('what the block has besides, such as assembly, does not matter', () => {
    const table = tableOf([
      { file: 'cm.c' },
      { name: 'open' },
      { name: 'helper' },
      { name: 'close' },
      { name: 'asm_local' },
    ]);
    expect(chosen(cm, table)).toEqual([0]);
  });

  test('symbols of discarded, init and unloaded sections are not missed', () => {
    const original = objectOf('cm.c', [
      { name: 'helper' },
      { name: 'setup', section: '.init.text' },
      { name: 'teardown', section: '.exit.text' },
      { name: '__addressable_setup', type: OBJECT, section: '.discard.addressable' },
      { name: '__export_symbol_f', type: OBJECT, section: '.export_symbol' },
      { name: 'producer', type: OBJECT, section: '.comment' },
      { name: '__UNIQUE_ID_license195', type: OBJECT },
      { name: '_entry.7', type: OBJECT },
    ]);
    expect(chosen(original, tableOf([{ file: 'cm.c' }, { name: 'helper' }]))).toEqual([0]);
  });

  test('but less than half is another file of that name', () => {
    const resolution = resolveFile(cm, tableOf([{ file: 'cm.c' }, { name: 'open' }]));
    expect(resolution).toMatchObject({ blocks: [], evidence: 'no cm.c of the target has half of its static symbols' });
  });

  test('data alone does not make the half', () => {
    expect(chosen(cm, tableOf([{ file: 'cm.c' }, { name: 'state', type: OBJECT }]))).toEqual([]);
  });
});

describe('several blocks of the name', () => {
  test('the one with more of the symbols', () => {
    const table = tableOf([
      { file: 'cm.c' },
      { name: 'open' },
      { name: 'close' },
      { file: 'cm.c' },
      { name: 'open' },
      { name: 'helper' },
      { name: 'close' },
    ]);
    expect(chosen(cm, table)).toEqual([1]);
  });

  const twin = [
    { file: 'cm.c' },
    { name: 'open', size: 32 },
    { name: 'helper', size: 48 },
    { name: 'close', size: 16 },
    { file: 'cm.c' },
    { name: 'open', size: 32 },
    { name: 'helper', size: 52 },
    { name: 'close', size: 16 },
  ];

  test('of equal names the one with all sizes', () => {
    expect(chosen(cm, tableOf(twin))).toEqual([0]);
  });

  test('of equal names and sizes the one without further functions', () => {
    const further = [
      { file: 'cm.c' },
      { name: 'open', size: 32 },
      { name: 'helper', size: 48 },
      { name: 'close', size: 16 },
    ];
    const table = tableOf([...further, { name: 'extra', size: 16 }, ...further, { name: '__pfx_open' }]);
    expect(chosen(cm, table)).toEqual([1]);
  });

  test('both, where nothing tells them apart', () => {
    const resolution = resolveFile(cm, tableOf([...twin.slice(4), ...twin.slice(4)]));
    expect(resolution.blocks).toHaveLength(2);
    expect(resolution.evidence).toBe('2 files named cm.c fit equally well, 3 of 3 static functions found there');
  });

  test('the link order tells them apart', () => {
    const table = tableOf([...twin.slice(4), ...twin.slice(4)]);
    const objects = ['a/cm.o', 'mad.o', 'b/cm.o'];
    expect(chosen(cm, table, { objects, object: 'b/cm.o' })).toEqual([1]);
    expect(chosen(cm, table, { objects, object: 'a/cm.o' })).toEqual([0]);
  });

  test('a link order that does not fit the blocks proves nothing', () => {
    const table = tableOf([...twin.slice(4), ...twin.slice(4)]);
    expect(chosen(cm, table, { objects: ['cm.o', 'mad.o'], object: 'cm.o' })).toHaveLength(2);
    expect(chosen(cm, table, { objects: ['a/cm.o', 'b/cm.o'], object: 'c/cm.o' })).toHaveLength(2);
  });

  test('nor does one whose other objects stand in another order than the target’s files', () => {
    const table = tableOf([...twin.slice(4), { file: 'mad.c' }, ...twin.slice(4), { file: 'ib_cm.mod.c' }]);
    const asked = (...objects: string[]) => chosen(cm, table, { objects, object: 'b/cm.o' });
    expect(asked('a/cm.o', 'mad.o', 'asm.o', 'b/cm.o')).toEqual([2]);
    expect(asked('mad.o', 'a/cm.o', 'b/cm.o')).toHaveLength(2);
  });
});

test('folders in file symbols, as clang writes them, do not matter', () => {
  expect(
    chosen(objectOf('drivers/cm.c', [{ name: 'helper' }]), tableOf([{ file: 'net/cm.c' }, { name: 'helper' }])),
  ).toEqual([0]);
});

test('an object without a source name, and a target without FILE symbols, have no block', () => {
  expect(
    resolveFile(objectOf(undefined, [{ name: 'helper' }]), tableOf([{ file: 'cm.c' }, { name: 'helper' }])).evidence,
  ).toBe('the object names no source file');
  expect(resolveFile(cm, tableOf([{ name: 'helper' }])).evidence).toBe('the target has no FILE symbols');
  expect(resolveFile(cm, tableOf([{ file: 'mad.c' }, { name: 'helper' }])).evidence).toBe(
    'the target has no file cm.c',
  );
});
