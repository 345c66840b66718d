import { describe, expect, test } from 'vitest';
import type { Status } from '../../../src/diff/compare.js';
import type { ObjectDiff } from '../../../src/diff/diff-objects.js';
import { SHF, STB, STT } from '../../../src/elf/constants.js';
import { type ElfSection, type ElfSymbol, noSymbol, type SymbolInit } from '../../../src/elf/object.js';
import type { KlpRelocation } from '../../../src/livepatch/livepatch.js';
import { splitRelocations } from '../../../src/livepatch/relocations.js';
import type { Lookup } from '../../../src/lookup/lookup.js';
import {
  diffOfScene,
  lookupOf,
  R_32S,
  R_64,
  R_PC32,
  R_PLT32,
  references,
  Scene,
  sectionOf,
} from '../../builders/diff-scene.js';

interface Marks {
  readonly statuses?: readonly (readonly [ElfSymbol, Status])[];
  readonly split?: readonly ElfSymbol[];
  readonly tables?: readonly ElfSection[];
  readonly ownEntries?: readonly ElfSymbol[];
}

function diffOf(scene: Scene, { statuses = [], split = [], tables = [], ownEntries = [] }: Marks = {}): ObjectDiff {
  return diffOfScene(scene, {
    statuses: new Map(statuses),
    splitFunctions: new Set(split),
    tableSections: new Set(tables),
    ownEntries: new Set(ownEntries),
  });
}

/** `toy` with one reference of `type` to `target`. */
function referring(target: Partial<SymbolInit> & { name: string }, type = R_PLT32) {
  const scene = new Scene();
  const toy = scene.builder.function('toy', new Array(16).fill(0x90));
  const symbol = scene.builder.symbol({ place: 'undefined', bind: STB.GLOBAL, ...target });
  sectionOf(toy).relocations.push({ offset: 4, type, symbol, addend: -4 });
  return { scene, section: sectionOf(toy), symbol };
}

function split(target: Partial<SymbolInit> & { name: string }, lookup: Lookup) {
  const { scene, section, symbol } = referring(target);
  const diff = diffOf(scene);
  const result = splitRelocations(diff, lookup);
  return {
    ordinary: references(section),
    late: result.relocations,
    open: result.open.map((question) => question.symbol),
    isKept: diff.object.symbols.includes(symbol),
  };
}

const describeLate = (late: readonly KlpRelocation[]) =>
  late.map(
    ({ object, isExternal, symbol }) => `${symbol.object}.${symbol.name},${symbol.sympos} with ${object} ${isExternal}`,
  );

describe('who resolves a reference', () => {
  test('what vmlinux exports: ordinary loading', () => {
    const lookup = lookupOf({ globals: { _printk: { object: 'vmlinux', isExported: true } } });
    const { ordinary, late, isKept } = split({ name: '_printk' }, lookup);
    expect(ordinary).toEqual(['4 _printk-4']);
    expect(late).toEqual([]);
    expect(isKept).toBe(true);
  });

  test('what vmlinux does not export: the livepatch loader', () => {
    const lookup = lookupOf({ globals: { hidden: { object: 'vmlinux' } } }, 'vmlinux');
    const { ordinary, late, isKept } = split({ name: 'hidden' }, lookup);
    expect(ordinary).toEqual([]);
    expect(describeLate(late)).toEqual(['vmlinux.hidden,0 with vmlinux false']);
    expect(isKept).toBe(false);
  });

  test('what another module exports: the livepatch loader, since that module may come later', () => {
    const lookup = lookupOf({ globals: { helper: { object: 'helper', isExported: true } } });
    expect(describeLate(split({ name: 'helper' }, lookup).late)).toEqual(['helper.helper,0 with toy true']);
  });

  test('what the module exports itself: the livepatch loader', () => {
    const lookup = lookupOf({ globals: { toy_open: { object: 'toy', isExported: true } } });
    expect(describeLate(split({ name: 'toy_open' }, lookup).late)).toEqual(['toy.toy_open,0 with toy true']);
  });

  test('what is global in the module: the livepatch loader', () => {
    const lookup = lookupOf({ globals: { toy_open: { object: 'toy' } } });
    expect(describeLate(split({ name: 'toy_open' }, lookup).late)).toEqual(['toy.toy_open,0 with toy false']);
  });

  test('a static symbol: the livepatch loader, with its position, even if its name is exported too', () => {
    const lookup = lookupOf({ locals: { show: { object: 'toy', sympos: 2, isExported: true } } });
    const { late } = split({ name: 'show', bind: STB.LOCAL, type: STT.FUNC }, lookup);
    expect(describeLate(late)).toEqual(['toy.show,2 with toy true']);
  });

  test('an exported symbol of vmlinux for a vmlinux object is not external', () => {
    const lookup = lookupOf({ locals: { show: { object: 'vmlinux', isExported: true } } }, 'vmlinux');
    expect(split({ name: 'show', bind: STB.LOCAL, type: STT.FUNC }, lookup).late[0]?.isExternal).toBe(false);
  });

  test('an exported symbol of a module that the livepatch imports: as in any module', () => {
    const { scene, section } = referring({ name: 'mad_key' });
    const lookup = lookupOf({ globals: { mad_key: { object: 'mad_keys', isExported: true } } });
    const isImported = (module: string) => module === 'mad_keys';
    expect(splitRelocations(diffOf(scene), lookup, isImported).relocations).toEqual([]);
    expect(references(section)).toEqual(['4 mad_key-4']);
  });

  test('a hidden symbol of such a module: the livepatch loader', () => {
    const { scene } = referring({ name: 'mad_key' });
    const lookup = lookupOf({ globals: { mad_key: { object: 'mad_keys' } } });
    expect(describeLate(splitRelocations(diffOf(scene), lookup, () => true).relocations)).toEqual([
      'mad_keys.mad_key,0 with toy false',
    ]);
  });

  test('an exported function of vmlinux that is entered past its beginning: the livepatch loader', () => {
    const { scene, symbol } = referring({ name: '_printk' });
    const lookup = lookupOf({ globals: { _printk: { object: 'vmlinux', isExported: true } } });
    const { relocations } = splitRelocations(diffOf(scene, { ownEntries: [symbol] }), lookup);
    expect(describeLate(relocations)).toEqual(['vmlinux._printk,0 with vmlinux false']);
  });

  test('a hidden symbol of vmlinux, for a module: with vmlinux, which is there when the livepatch is loaded', () => {
    const lookup = lookupOf({ globals: { hidden: { object: 'vmlinux' } } });
    expect(describeLate(split({ name: 'hidden' }, lookup).late)).toEqual(['vmlinux.hidden,0 with vmlinux false']);
  });

  test('a global symbol that nobody has: another object of the livepatch', () => {
    const { ordinary, late, open, isKept } = split({ name: 'brought' }, lookupOf({}));
    expect({ ordinary, late, open, isKept }).toEqual({ ordinary: ['4 brought-4'], late: [], open: [], isKept: true });
  });

  test('a weak symbol that nobody has: likewise', () => {
    expect(split({ name: 'brought', bind: STB.WEAK }, lookupOf({})).open).toEqual([]);
  });

  test('a static symbol that the target lacks stays open', () => {
    const { open, ordinary } = split({ name: 'show', bind: STB.LOCAL, type: STT.FUNC }, lookupOf({}));
    expect({ open, ordinary }).toEqual({ open: ['show'], ordinary: ['4 show-4'] });
  });

  test('an ambiguous symbol stays open, global or not', () => {
    const ambiguous = () => ({ kind: 'ambiguous', candidates: [] }) as const;
    const lookup: Lookup = { objectName: 'toy', local: ambiguous, global: ambiguous };
    expect(split({ name: 'show', bind: STB.LOCAL, type: STT.FUNC }, lookup).open).toEqual(['show']);
    expect(split({ name: 'show' }, lookup).open).toEqual(['show']);
  });
});

test('a static symbol is asked for by its type, data where it has none', () => {
  const asked: [string, number][] = [];
  const lookup: Lookup = {
    ...lookupOf({}),
    local: (name, type) => {
      asked.push([name, type]);
      return { kind: 'missing' };
    },
  };
  split({ name: 'show', bind: STB.LOCAL, type: STT.FUNC }, lookup);
  split({ name: 'level', bind: STB.LOCAL, type: STT.OBJECT }, lookup);
  split({ name: 'label', bind: STB.LOCAL, type: STT.NOTYPE }, lookup);
  expect(asked).toEqual([
    ['show', STT.FUNC],
    ['level', STT.OBJECT],
    ['label', STT.OBJECT],
  ]);
});

test('a livepatch relocation carries over place, type, addend, kind of symbol and address', () => {
  const { scene, section } = referring({ name: 'show', bind: STB.LOCAL, type: STT.FUNC }, R_PC32);
  const { relocations } = splitRelocations(diffOf(scene), lookupOf({ locals: { show: { object: 'toy', sympos: 1 } } }));
  expect(relocations).toEqual([
    {
      section,
      offset: 4,
      type: R_PC32,
      addend: -4,
      isExternal: false,
      object: 'toy',
      symbol: { name: 'show', object: 'toy', sympos: 1, bind: STB.LOCAL, type: STT.FUNC, address: 0x40n },
      target: { name: 'show', object: 'toy', sympos: 1, size: 24, address: 0x40n },
    },
  ]);
});

test('the name is the target’s, where that differs', () => {
  const { scene } = referring({ name: 'show.isra.0', bind: STB.LOCAL, type: STT.FUNC });
  const lookup: Lookup = {
    ...lookupOf({}),
    local: () => lookupOf({ locals: { 'show.isra.1': { object: 'toy' } } }).local('show.isra.1', STT.FUNC),
  };
  expect(splitRelocations(diffOf(scene), lookup).relocations[0]?.symbol.name).toBe('show.isra.1');
});

test('a symbol is looked up once, and kept while an ordinary relocation needs it', () => {
  const scene = new Scene();
  const toy = scene.builder.function('toy', new Array(16).fill(0x90));
  const [hidden, exported, unasked] = ['hidden', '_printk', 'unused'].map((name) => scene.undefinedSymbol(name)) as [
    ElfSymbol,
    ElfSymbol,
    ElfSymbol,
  ];
  const place = (offset: number, symbol: ElfSymbol) => ({ offset, type: R_PLT32, symbol, addend: -4 });
  sectionOf(toy).relocations = [place(0, hidden), place(4, exported), place(8, hidden)];
  const asked: string[] = [];
  const known = lookupOf({
    globals: { hidden: { object: 'toy' }, _printk: { object: 'vmlinux', isExported: true } },
  });
  const lookup: Lookup = {
    ...known,
    global: (name) => {
      asked.push(name);
      return known.global(name);
    },
  };
  const diff = diffOf(scene);
  const { relocations } = splitRelocations(diff, lookup);
  expect(relocations.map(({ offset }) => offset)).toEqual([0, 8]);
  expect(asked).toEqual(['hidden', '_printk']);
  expect(diff.object.symbols).toEqual([toy, exported, unasked]);
});

test('a relocation without a symbol is left alone', () => {
  const scene = new Scene();
  const toy = scene.builder.function('toy', [0x90]);
  sectionOf(toy).relocations = [{ offset: 0, type: 0, symbol: noSymbol, addend: 0 }];
  const { relocations, open } = splitRelocations(diffOf(scene), lookupOf({}));
  expect([relocations, open, sectionOf(toy).relocations.length]).toEqual([[], [], 1]);
});

describe('the address of a function that the livepatch brings', () => {
  interface Case {
    readonly name?: string;
    readonly status?: Status;
    readonly type?: number;
    readonly addend?: number;
    readonly symbolType?: number;
    readonly isPart?: boolean;
  }

  /** Whether `use` refers to the original after all. */
  function meansOriginal({
    name = 'toy_step',
    status = 'changed',
    type = R_32S,
    addend = 0,
    symbolType = STT.FUNC,
    isPart = false,
  }: Case): boolean {
    const scene = new Scene();
    const symbol = scene.builder.function(name, [0xc3], { bind: STB.LOCAL, type: symbolType });
    const use = scene.builder.function('use', new Array(8).fill(0x90));
    sectionOf(use).relocations.push({ offset: 3, type, symbol, addend });
    const diff = diffOf(scene, { statuses: [[symbol, status]], split: isPart ? [symbol] : [] });
    const lookup = lookupOf({ locals: { [name]: { object: 'toy', sympos: 1 } } });
    const { relocations } = splitRelocations(diff, lookup);
    expect(relocations.length + sectionOf(use).relocations.length).toBe(1);
    expect(diff.object.symbols).toContain(symbol);
    return relocations.length === 1;
  }

  test('stored: that of the original, which outlives the livepatch', () => {
    expect(meansOriginal({})).toBe(true);
  });

  test.each<readonly [string, Case]>([
    ['called', { type: R_PLT32 }],
    ['in a table of the livepatch', { type: R_64 }],
    ['of a new function', { status: 'new' }],
    ['of a part of another function', { isPart: true }],
    ['of a clone', { name: 'toy_step.isra.0' }],
    ['of a place inside', { addend: 8 }],
    ['of data', { symbolType: STT.OBJECT }],
  ])('%s: that of the new one', (_, init) => {
    expect(meansOriginal(init)).toBe(false);
  });

  test('an exported original is relocated late all the same', () => {
    const scene = new Scene();
    const symbol = scene.builder.function('toy_step', [0xc3]);
    const use = scene.builder.function('use', new Array(8).fill(0x90));
    sectionOf(use).relocations.push({ offset: 3, type: R_32S, symbol, addend: 0 });
    const lookup = lookupOf({ globals: { toy_step: { object: 'vmlinux', isExported: true } } }, 'vmlinux');
    const { relocations } = splitRelocations(diffOf(scene, { statuses: [[symbol, 'changed']] }), lookup);
    expect(describeLate(relocations)).toEqual(['vmlinux.toy_step,0 with vmlinux false']);
  });
});

describe('tables that the kernel reads while it loads the livepatch', () => {
  function tableNeeding(objectName: string) {
    const scene = new Scene();
    const table = scene.data('__bug_table', new Array(12).fill(0), SHF.ALLOC);
    const symbol = scene.builder.symbol({ name: 'level', place: 'undefined', type: STT.OBJECT });
    table.relocations = [{ offset: 4, type: R_PC32, symbol, addend: 0 }];
    const lookup = lookupOf({ locals: { level: { object: objectName } } }, objectName);
    return splitRelocations(diffOf(scene, { tables: [table] }), lookup).tooLate.map(({ section, symbol: needed }) => [
      section.name,
      needed.name,
    ]);
  }

  test('cannot wait for a module', () => {
    expect(tableNeeding('toy')).toEqual([['__bug_table', 'level']]);
  });

  test('get symbols of vmlinux in time', () => {
    expect(tableNeeding('vmlinux')).toEqual([]);
  });
});
