import { describe, expect, test } from 'vitest';
import { STB } from '../../../src/elf/constants.js';
import type { ElfSymbol } from '../../../src/elf/object.js';
import { replacedFunctions } from '../../../src/livepatch/function-table.js';
import type { Lookup } from '../../../src/lookup/lookup.js';
import { diffOfScene, lookupOf, Scene } from '../../builders/diff-scene.js';

function replacing(changed: (scene: Scene) => readonly ElfSymbol[], lookup: Lookup) {
  const scene = new Scene();
  const changedFunctions = changed(scene);
  const statuses = new Map(changedFunctions.map((symbol) => [symbol, 'changed' as const]));
  const diff = diffOfScene(scene, { statuses, changedFunctions });
  const { functions, open } = replacedFunctions(diff, lookup);
  return { functions, open: open.map(({ symbol, answer }) => `${symbol} ${answer.kind}`), changedFunctions };
}

describe('replaced functions', () => {
  test('carry what the target says of the original', () => {
    const lookup = lookupOf({ locals: { show: { object: 'toy', sympos: 2 } } });
    const { functions, changedFunctions } = replacing((scene) => [scene.function('show', [0x90])], lookup);
    expect(functions).toEqual([
      {
        name: 'show',
        object: 'toy',
        replacement: changedFunctions[0],
        originalSize: 24,
        replacementSize: 7,
        originalAddress: 0x40n,
        sympos: 2,
      },
    ]);
  });

  test('are asked for as what they are', () => {
    const lookup = lookupOf({ locals: { show: { object: 'toy', sympos: 3 } }, globals: { open: { object: 'toy' } } });
    const { functions } = replacing(
      (scene) => [scene.function('show'), scene.function('open', [], STB.GLOBAL), scene.function('weak', [], STB.WEAK)],
      { ...lookup, global: (name) => lookup.global(name === 'weak' ? 'open' : name) },
    );
    expect(functions.map(({ name, sympos }) => [name, sympos])).toEqual([
      ['show', 3],
      ['open', 0],
      ['open', 0],
    ]);
  });

  test('have the target’s name', () => {
    const lookup = lookupOf({ locals: { 'show.isra.1': { object: 'toy' } } });
    const { functions } = replacing((scene) => [scene.function('show.isra.0')], {
      ...lookup,
      local: (_, type) => lookup.local('show.isra.1', type),
    });
    expect(functions.map(({ name, replacement }) => [name, replacement.name])).toEqual([
      ['show.isra.1', 'show.isra.0'],
    ]);
  });

  test('are local from now on, found or not', () => {
    const { changedFunctions, functions, open } = replacing(
      (scene) => [scene.function('open', [], STB.GLOBAL), scene.function('gone', [], STB.WEAK)],
      lookupOf({ globals: { open: { object: 'toy' } } }),
    );
    expect(changedFunctions.map(({ bind }) => bind)).toEqual([STB.LOCAL, STB.LOCAL]);
    expect(functions.map(({ name }) => name)).toEqual(['open']);
    expect(open).toEqual(['gone missing']);
  });

  test('stay open where the target has several', () => {
    const lookup: Lookup = { ...lookupOf({}), local: () => ({ kind: 'ambiguous', candidates: [] }) };
    expect(replacing((scene) => [scene.function('show')], lookup).open).toEqual(['show ambiguous']);
  });

  test('belong to the object that was asked, wherever a symbol of that name is exported', () => {
    const lookup = lookupOf({ globals: { open: { object: 'helper', isExported: true } } });
    expect(replacing((scene) => [scene.function('open', [], STB.GLOBAL)], lookup).open).toEqual(['open missing']);
  });

  test('none where nothing changed', () => {
    expect(replacing(() => [], lookupOf({}))).toEqual({ functions: [], open: [], changedFunctions: [] });
  });
});
