import { describe, expect, test } from 'vitest';
import { STB, STT } from '../../../src/elf/constants.js';
import { scopeGlobals, unscopeGlobals } from '../../../src/livepatch/module-scopes.js';
import { ObjectBuilder } from '../../builders/elf.js';

/** An object with global functions `defined`, a local one `local`, and references to `wanted`. */
function objectOf({ defined = [], wanted = [], local = [] }: Record<string, string[]>) {
  const builder = new ObjectBuilder();
  for (const name of local) builder.function(name, [0xc3], { bind: STB.LOCAL });
  for (const name of defined) builder.function(name, [0xc3], { bind: STB.GLOBAL });
  for (const name of wanted) builder.undefinedSymbol(name);
  return builder.build();
}

const functionNames = (object: ReturnType<typeof objectOf>) =>
  object.symbols.filter(({ type, place }) => type === STT.FUNC || place === 'undefined').map(({ name }) => name);

describe('scopeGlobals', () => {
  test('a name that two modules define becomes two, and references follow within their module', () => {
    const left = objectOf({ defined: ['helper', 'only_left'] });
    const leftUser = objectOf({ wanted: ['helper', '_printk'] });
    const right = objectOf({ defined: ['helper'], wanted: ['only_left'] });
    scopeGlobals([
      { module: 'left', object: left },
      { module: 'left', object: leftUser },
      { module: 'right', object: right },
    ]);
    expect(functionNames(left)).toEqual(['kptool_scope_0_helper', 'only_left']);
    expect(functionNames(leftUser)).toEqual(['kptool_scope_0_helper', '_printk']);
    expect(functionNames(right)).toEqual(['kptool_scope_1_helper', 'only_left']);
  });

  test('two objects of one module keep their names, so that a clash within a module stays one', () => {
    const objects = [objectOf({ defined: ['helper'] }), objectOf({ defined: ['helper'] })];
    scopeGlobals(objects.map((object) => ({ module: 'left', object })));
    expect(objects.map(functionNames)).toEqual([['helper'], ['helper']]);
  });

  test('local symbols clash with nothing', () => {
    const left = objectOf({ local: ['helper'] });
    const right = objectOf({ defined: ['helper'] });
    scopeGlobals([
      { module: 'left', object: left },
      { module: 'right', object: right },
    ]);
    expect([functionNames(left), functionNames(right)]).toEqual([['helper'], ['helper']]);
  });

  test('a third module’s reference to what two others define stays open', () => {
    const user = objectOf({ wanted: ['helper'] });
    scopeGlobals([
      { module: 'left', object: objectOf({ defined: ['helper'] }) },
      { module: 'right', object: objectOf({ defined: ['helper'] }) },
      { module: 'third', object: user },
    ]);
    expect(functionNames(user)).toEqual(['helper']);
  });
});

test('unscopeGlobals gives the names back and makes the symbols local', () => {
  const linked = objectOf({ defined: ['kptool_scope_0_helper', 'kptool_scope_1_helper', 'other'] });
  unscopeGlobals(linked);
  expect(linked.symbols.filter(({ type }) => type === STT.FUNC).map(({ name, bind }) => [name, bind])).toEqual([
    ['helper', STB.LOCAL],
    ['helper', STB.LOCAL],
    ['other', STB.GLOBAL],
  ]);
});
