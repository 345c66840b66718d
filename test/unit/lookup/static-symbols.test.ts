import { describe, expect, test } from 'vitest';
import { SHF, SHT } from '../../../src/elf/constants.js';
import { functionsOf, sourceNames, staticSymbols } from '../../../src/lookup/static-symbols.js';
import { ObjectBuilder } from '../../builders/elf.js';
import { FUNC, GLOBAL, OBJECT, objectOf } from '../../builders/symbols.js';

const names = (symbols: readonly { readonly name: string }[]) => symbols.map(({ name }) => name);

test('static functions and data, in the order of the table', () => {
  const rows = [{ name: 'b' }, { name: 'state', type: OBJECT }, { name: 'shared', bind: GLOBAL }, { name: 'a' }];
  expect(names(staticSymbols(objectOf('cm.c', rows)))).toEqual(['b', 'state', 'a']);
  expect(names(functionsOf(objectOf('cm.c', rows)))).toEqual(['b', 'shared', 'a']);
});

describe('left out is what the target may lack although it is ours', () => {
  test.each([
    '.init.text',
    '.init.data',
    '.exit.text',
    '.discard.addressable',
    '.export_symbol',
    '.modinfo',
    '.comment',
  ])('in %s', (section) => {
    expect(staticSymbols(objectOf('cm.c', [{ name: 'gone', type: OBJECT, section }]))).toEqual([]);
  });

  test.each(['.text.initialise', '.data..read_mostly', '.text.unlikely.warn', '.text.exit_loop'])(
    'but not in %s',
    (section) => {
      expect(names(staticSymbols(objectOf('cm.c', [{ name: 'stays', section }])))).toEqual(['stays']);
    },
  );

  test.each([
    ['a COMDAT group', SHT.PROGBITS, SHF.ALLOC | SHF.GROUP],
    ['an excluded section', SHT.PROGBITS, SHF.ALLOC | SHF.EXCLUDE],
    ['a note', SHT.NOTE, SHF.ALLOC],
  ])('in %s', (_, type, flags) => {
    const builder = new ObjectBuilder();
    builder.symbol({ name: 'gone', place: builder.section({ name: '.text.gone', type, flags }), type: FUNC });
    expect(staticSymbols(builder.build())).toEqual([]);
  });

  test.each(['__UNIQUE_ID_license195', '__func__.3', 'send.isra.0'])('under the drifting name %s', (name) => {
    expect(staticSymbols(objectOf('cm.c', [{ name }]))).toEqual([]);
  });
});

test('sources are named without folders, each once', () => {
  expect(sourceNames(objectOf('drivers/net/cm.c', []))).toEqual(['cm.c']);
  expect(sourceNames(objectOf(undefined, []))).toEqual([]);
});
