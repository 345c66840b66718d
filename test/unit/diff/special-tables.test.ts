import { describe, expect, test } from 'vitest';
import type { EntrySizes } from '../../../src/arch/arch.js';
import { x86_64 } from '../../../src/arch/x86-64.js';
import { type RebuiltTables, rebuildTables, tableEntrySizes } from '../../../src/diff/special-tables.js';
import { SHF, SHT, STB, STT } from '../../../src/elf/constants.js';
import type { ElfSection, ElfSymbol } from '../../../src/elf/object.js';
import type { Lookup } from '../../../src/lookup/lookup.js';
import {
  including,
  lookupOf,
  named,
  R_64,
  R_PC32,
  R_PC64,
  references,
  Scene,
  sectionOf,
  setStatus,
} from '../../builders/diff-scene.js';

const sizes: EntrySizes = {
  ALT_STRUCT_SIZE: 12,
  BUG_STRUCT_SIZE: 12,
  EX_STRUCT_SIZE: 12,
  JUMP_STRUCT_SIZE: 16,
  STATIC_CALL_STRUCT_SIZE: 8,
};

interface Entry {
  readonly size: number;
  /** Offset in the entry, symbol, addend. */
  readonly fields: readonly (readonly [offset: number, symbol: ElfSymbol, addend?: number])[];
}

/** A table whose n-th entry is filled with the byte n + 1. */
function table(scene: Scene, name: string, entries: readonly Entry[], flags: number = SHF.ALLOC): ElfSection {
  const content = entries.flatMap(({ size }, index) => new Array<number>(size).fill(index + 1));
  const section = scene.data(name, content, flags);
  let start = 0;
  for (const { size, fields } of entries) {
    for (const [offset, symbol, addend = 0] of fields) {
      section.relocations.push({ offset: start + offset, type: R_PC32, symbol, addend });
    }
    start += size;
  }
  return section;
}

interface Rebuilt extends RebuiltTables {
  readonly text: string[];
  readonly codes: string[];
}

function rebuild(
  scene: Scene,
  section: ElfSection,
  {
    changed,
    entrySizes = sizes,
    lookup = lookupOf({}),
  }: { changed: readonly ElfSymbol[]; entrySizes?: EntrySizes; lookup?: Lookup },
): Rebuilt {
  const prepared = scene.prepared();
  const inclusion = including(prepared, ...changed);
  const result = rebuildTables({ patched: prepared, inclusion, entrySizes, lookup });
  const rebuilt = result.tables.get(section);
  const text = rebuilt === undefined ? [] : [Buffer.from(rebuilt.content).toString('hex'), ...references(rebuilt)];
  expect(inclusion.sections.has(section)).toBe((rebuilt?.content.length ?? 0) > 0);
  return { ...result, text, codes: result.findings.map(({ code }) => code) };
}

describe('entries', () => {
  test('of changed functions move together', () => {
    const scene = new Scene();
    const [first, second, third] = ['first', 'second', 'third'].map((name) => scene.function(name)) as [
      ElfSymbol,
      ElfSymbol,
      ElfSymbol,
    ];
    const bugs = table(scene, '__bug_table', [
      { size: 12, fields: [[0, first, 5]] },
      { size: 12, fields: [[0, second, 6]] },
      { size: 12, fields: [[0, first, 7]] },
      { size: 12, fields: [[0, third, 8]] },
    ]);
    const { text } = rebuild(scene, bugs, { changed: [first, third] });
    expect(text).toEqual([
      '01'.repeat(12) + '03'.repeat(12) + '04'.repeat(12),
      '0 first+5',
      '12 first+7',
      '24 third+8',
    ]);
  });

  test('of the section symbol of a changed function are its own', () => {
    const scene = new Scene();
    const toy = scene.function('toy');
    const symbol = named(
      scene.builder.symbols.filter(({ type, section }) => type === STT.SECTION && section === toy.section),
      '',
    );
    const bugs = table(scene, '__bug_table', [{ size: 12, fields: [[0, symbol, 3]] }]);
    expect(rebuild(scene, bugs, { changed: [toy] }).text).toEqual(['01'.repeat(12), '0 toy+3']);
  });

  test('of other functions only leave no table', () => {
    const scene = new Scene();
    const [toy, other] = [scene.function('toy'), scene.function('other')];
    const bugs = table(scene, '__bug_table', [{ size: 12, fields: [[0, other]] }]);
    const { text, tables } = rebuild(scene, bugs, { changed: [toy] });
    expect(tables.get(bugs)?.content.length).toBe(0);
    expect(text).toEqual(['']);
  });

  test('belong to a function by any of their fields', () => {
    const scene = new Scene();
    const [toy, other] = [scene.function('toy'), scene.function('other')];
    const fixups = table(scene, '__ex_table', [
      {
        size: 12,
        fields: [
          [0, other],
          [4, toy, 9],
        ],
      },
    ]);
    expect(rebuild(scene, fixups, { changed: [toy] }).text).toEqual(['01'.repeat(12), '0 other+0', '4 toy+9']);
  });

  test('that refer to code without a function are left out', () => {
    const scene = new Scene();
    const toy = scene.function('toy');
    const label = scene.builder.symbol({ name: 'label', place: sectionOf(toy) });
    const bugs = table(scene, '__bug_table', [{ size: 12, fields: [[0, label]] }]);
    expect(rebuild(scene, bugs, { changed: [toy] }).text).toEqual(['']);
  });

  test('at odd offsets keep them', () => {
    const scene = new Scene();
    const [toy, other] = [scene.function('toy'), scene.function('other')];
    const bugs = table(scene, '__bug_table', [
      {
        size: 12,
        fields: [
          [1, other],
          [7, other],
        ],
      },
      {
        size: 12,
        fields: [
          [3, toy],
          [11, toy, 1],
        ],
      },
    ]);
    expect(rebuild(scene, bugs, { changed: [toy] }).text).toEqual(['02'.repeat(12), '3 toy+0', '11 toy+1']);
  });

  test('without padding at the end of the table are entries too', () => {
    const scene = new Scene();
    const [toy, other] = [scene.function('toy'), scene.function('other')];
    const bugs = table(scene, '__bug_table', [
      { size: 12, fields: [[0, other]] },
      { size: 10, fields: [[0, toy]] },
    ]);
    expect(rebuild(scene, bugs, { changed: [toy] }).text).toEqual(['02'.repeat(10), '0 toy+0']);
  });

  test('behind the end of the table are none', () => {
    const scene = new Scene();
    const toy = scene.function('toy');
    const bugs = table(scene, '__bug_table', [{ size: 12, fields: [[0, toy]] }]);
    bugs.relocations.push({ offset: 1000, type: R_PC32, symbol: toy, addend: 0 });
    expect(rebuild(scene, bugs, { changed: [toy] }).text).toEqual(['01'.repeat(12), '0 toy+0']);
  });

  test('bring along what they refer to', () => {
    const scene = new Scene();
    const toy = scene.function('toy');
    const file = scene.strings('.rodata.toy.str1.1', 'toy.c');
    const symbol = scene.builder.sectionSymbol(file);
    const bugs = table(scene, '__bug_table', [
      {
        size: 12,
        fields: [
          [0, toy],
          [4, symbol],
        ],
      },
    ]);
    const prepared = scene.prepared();
    const inclusion = including(prepared, toy);
    expect(inclusion.sections.has(file)).toBe(false);
    rebuildTables({ patched: prepared, inclusion, entrySizes: sizes, lookup: lookupOf({}) });
    expect(inclusion.sections.has(file)).toBe(true);
    expect(inclusion.sections.has(bugs)).toBe(true);
  });

  test('of two sections of one name stay in their sections', () => {
    const scene = new Scene();
    const [toy, other] = [scene.function('toy'), scene.function('other')];
    const first = table(scene, '__bug_table', [{ size: 12, fields: [[0, toy, 1]] }]);
    const second = table(scene, '__bug_table', [
      { size: 12, fields: [[0, other]] },
      { size: 12, fields: [[0, toy, 2]] },
    ]);
    const { tables } = rebuild(scene, first, { changed: [toy] });
    expect(references(tables.get(first) ?? { relocations: [] })).toEqual(['0 toy+1']);
    expect(references(tables.get(second) ?? { relocations: [] })).toEqual(['0 toy+2']);
  });
});

describe('the size of an entry', () => {
  const scene = () => {
    const made = new Scene();
    const toy = made.function('toy');
    // The last entry names no code, so that the table tells nothing.
    const entries = [0, 0, 0, 4].map((offset): Entry => ({ size: 12, fields: [[offset, toy]] }));
    return { made, toy, bugs: table(made, '__bug_table', entries) };
  };

  test('unknown: the table is not touched and the setting is named', () => {
    const { made, toy, bugs } = scene();
    const { tables, findings } = rebuild(made, bugs, { changed: [toy], entrySizes: {} });
    expect(tables.size).toBe(0);
    expect(findings.map(({ code }) => code)).toEqual(['entry-size-unknown']);
    expect(findings[0]?.fix).toContain('BUG_STRUCT_SIZE');
  });

  test.each([0, -4])('%i is unknown', (size) => {
    const { made, toy, bugs } = scene();
    expect(rebuild(made, bugs, { changed: [toy], entrySizes: { BUG_STRUCT_SIZE: size } }).codes).toEqual([
      'entry-size-unknown',
    ]);
  });

  test('does not matter for a table without references', () => {
    const { made, toy, bugs } = scene();
    bugs.relocations = [];
    const prepared = made.prepared();
    const result = rebuildTables({
      patched: prepared,
      inclusion: including(prepared, toy),
      entrySizes: {},
      lookup: lookupOf({}),
    });
    expect(result.findings).toEqual([]);
  });

  test('by section name', () => {
    const known = tableEntrySizes(x86_64, { BUG_STRUCT_SIZE: 12 });
    expect(known.get('__bug_table')).toBe(12);
    expect(known.get('.smp_locks')).toBe(4);
    expect(known.has('__jump_table')).toBe(false);
  });
});

describe('jump labels', () => {
  /** An entry of `toy` with `key`. */
  function jump(key: (scene: Scene) => ElfSymbol, lookup: Lookup = lookupOf({}), fields = 3) {
    const scene = new Scene();
    const toy = scene.function('toy', [0x90, 0x90]);
    const symbol = key(scene);
    const all = [
      [0, toy, 6],
      [4, toy, 7],
      [8, symbol, 8],
    ] as const;
    const jumps = table(scene, '__jump_table', [{ size: 16, fields: all.slice(0, fields) }]);
    return rebuild(scene, jumps, { changed: [toy], lookup });
  }
  const global = (name: string) => (scene: Scene) => scene.undefinedSymbol(name);
  const keyOf = (object: string) => lookupOf({ globals: { key: { object }, __tracepoint_toy: { object } } });

  test('with a key in vmlinux stay', () => {
    expect(jump(global('key'), keyOf('vmlinux')).text).toHaveLength(4);
  });

  test('with a key in a module are refused, with the place', () => {
    const { findings, text } = jump(global('key'), keyOf('toy'));
    expect(findings.map(({ code, what }) => [code, what])).toEqual([
      ['static-branch-in-module', 'toy+0x6 uses the static key key of module toy'],
    ]);
    expect(text).toEqual(['']);
  });

  test('of a tracepoint in a module are dropped with a warning', () => {
    const { findings, text } = jump(global('__tracepoint_toy'), keyOf('other'));
    expect(findings.map(({ code, severity }) => [code, severity])).toEqual([['tracepoint-dropped', 'warning']]);
    expect(text).toEqual(['']);
  });

  test('of a tracepoint in vmlinux stay', () => {
    expect(jump(global('__tracepoint_toy'), keyOf('vmlinux')).codes).toEqual([]);
  });

  test('with a key that nobody has yet stay: another object of the livepatch may bring it', () => {
    const { codes, text } = jump(global('key'));
    expect(codes).toEqual([]);
    expect(text).toHaveLength(4);
  });

  test('with a static key of the module are refused', () => {
    const key = (scene: Scene) => scene.object('key', scene.data('.data.key', new Array(16).fill(0)), 0, 16);
    const { codes } = jump(key, lookupOf({ locals: { key: { object: 'toy' } } }));
    expect(codes).toEqual(['static-branch-in-module']);
  });

  test('with a key of several candidates are in the first one’s module', () => {
    const ambiguous: Lookup = {
      ...lookupOf({}),
      global: () => ({
        kind: 'ambiguous',
        candidates: [{ name: 'key', object: 'other', sympos: 1, size: 8, address: 0n }],
      }),
    };
    expect(jump(global('key'), ambiguous).findings[0]?.what).toContain('of module other');
  });

  test('with a key that comes along stay', () => {
    const scene = new Scene();
    const toy = scene.function('toy', [0x90]);
    const key = scene.object('descriptor.1', scene.data('__dyndbg', new Array(24).fill(0)), 0, 24);
    const jumps = table(scene, '__jump_table', [
      {
        size: 16,
        fields: [
          [0, toy, 5],
          [4, toy, 6],
          [8, key, 8],
        ],
      },
    ]);
    const prepared = scene.prepared();
    const inclusion = including(prepared, toy);
    setStatus(inclusion.comparison, key, 'new');
    const lookup = lookupOf({ locals: { 'descriptor.1': { object: 'toy' } } });
    const { tables, findings } = rebuildTables({ patched: prepared, inclusion, entrySizes: sizes, lookup });
    expect(findings).toEqual([]);
    expect(references(tables.get(jumps) ?? { relocations: [] })).toHaveLength(3);
  });

  test.each([1, 2])('with %i of three references are malformed', (fields) => {
    expect(jump(global('key'), keyOf('vmlinux'), fields).codes).toEqual(['table-malformed']);
  });

  test('of a function behind padding are placed from its start', () => {
    const scene = new Scene();
    const section = scene.builder.section({
      name: '.text.toy',
      type: SHT.PROGBITS,
      flags: SHF.ALLOC | SHF.EXECINSTR,
      content: Uint8Array.from([...new Array(16).fill(0x90), 0x90, 0x90, 0xc3]),
    });
    const sectionSymbol = scene.builder.sectionSymbol(section);
    const toy = scene.builder.symbol({
      name: 'toy',
      place: section,
      value: 16,
      size: 3,
      bind: STB.GLOBAL,
      type: STT.FUNC,
    });
    const key = scene.undefinedSymbol('key');
    const jumps = table(scene, '__jump_table', [
      {
        size: 16,
        fields: [
          [0, sectionSymbol, 17],
          [4, sectionSymbol, 18],
          [8, key],
        ],
      },
    ]);
    const { findings } = rebuild(scene, jumps, { changed: [toy], lookup: keyOf('toy') });
    expect(findings[0]?.what).toContain('toy+0x1 uses');
  });
});

describe('static calls', () => {
  function call(name: string, lookup: Lookup, fields = 2) {
    const scene = new Scene();
    const toy = scene.function('toy', [0x90]);
    const all = [
      [0, toy, 5],
      [4, scene.undefinedSymbol(name)],
    ] as const;
    const calls = table(scene, '.static_call_sites', [{ size: 8, fields: all.slice(0, fields) }]);
    return rebuild(scene, calls, { changed: [toy], lookup });
  }
  const at = (name: string, object: string) => lookupOf({ globals: { [name]: { object } } });

  test('with a key in vmlinux stay', () => {
    expect(call('__SCK__toy', at('__SCK__toy', 'vmlinux')).text).toEqual(['01'.repeat(8), '0 toy+5', '4 __SCK__toy+0']);
  });

  test('with a key in a module are refused, with the place', () => {
    const { findings } = call('__SCK__toy', at('__SCK__toy', 'toy'));
    expect(findings.map(({ code, what }) => [code, what.slice(0, 7)])).toEqual([['static-call-in-module', 'toy+0x5']]);
  });

  test('of tracepoints in a module go through the trampoline', () => {
    const { codes, text } = call('__SCK__tp_func_toy', at('__SCK__tp_func_toy', 'toy'));
    expect(codes).toEqual([]);
    expect(text).toEqual(['']);
  });

  test('with one reference are malformed', () => {
    expect(call('__SCK__toy', at('__SCK__toy', 'vmlinux'), 1).codes).toEqual(['table-malformed']);
  });
});

describe('alternatives', () => {
  function alternatives(belongTo: 'toy' | 'other') {
    const scene = new Scene();
    const [toy, other] = [scene.function('toy'), scene.function('other')];
    const replacement = scene.data('.altinstr_replacement', [0x90], SHF.ALLOC | SHF.EXECINSTR);
    const symbol = scene.builder.sectionSymbol(replacement);
    const owner = belongTo === 'toy' ? toy : other;
    table(scene, '.altinstructions', [
      {
        size: 12,
        fields: [
          [0, owner],
          [4, symbol],
        ],
      },
    ]);
    const prepared = scene.prepared();
    const inclusion = including(prepared, toy);
    rebuildTables({ patched: prepared, inclusion, entrySizes: sizes, lookup: lookupOf({}) });
    return inclusion.sections.has(replacement);
  }

  test('of an included function bring their replacements', () => {
    expect(alternatives('toy')).toBe(true);
  });

  test('of others do not', () => {
    expect(alternatives('other')).toBe(false);
  });
});

test('a table with references of 8 bytes is split alike', () => {
  const scene = new Scene();
  const toy = scene.function('toy');
  const section = scene.data('.smp_locks', new Array(8).fill(0), SHF.ALLOC);
  section.relocations = [
    { offset: 0, type: R_PC64, symbol: toy, addend: 1 },
    { offset: 4, type: R_64, symbol: toy, addend: 2 },
  ];
  expect(rebuild(scene, section, { changed: [toy] }).text).toEqual(['00'.repeat(8), '0 toy+1', '4 toy+2']);
});
