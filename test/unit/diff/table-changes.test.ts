/** Functions whose code is the same and whose table entries are not. */
import { describe, expect, test } from 'vitest';
import { type Correlation, Pairing } from '../../../src/diff/pairing.js';
import { functionsWithChangedEntries } from '../../../src/diff/table-changes.js';
import { SHF } from '../../../src/elf/constants.js';
import type { ElfSymbol } from '../../../src/elf/object.js';
import { R_PC32, Scene, sectionOf } from '../../builders/diff-scene.js';

const entrySizes = { BUG_STRUCT_SIZE: 12, EX_STRUCT_SIZE: 12, JUMP_STRUCT_SIZE: 16, ALT_STRUCT_SIZE: 12 };

interface Row {
  readonly bytes: readonly number[];
  /** Offset in the entry, name, addend; `toy` is the function. */
  readonly fields: readonly (readonly [offset: number, name: string, addend?: number])[];
}

function objectWith(table: string, rows: readonly Row[]) {
  const scene = new Scene();
  const toy = scene.function('toy');
  const symbolOf = (name: string): ElfSymbol => (name === 'toy' ? toy : scene.undefinedSymbol(name));
  const section = scene.data(
    table,
    rows.flatMap(({ bytes }) => bytes),
    SHF.ALLOC,
  );
  let start = 0;
  for (const { bytes, fields } of rows) {
    for (const [offset, name, addend = 0] of fields) {
      section.relocations.push({ offset: start + offset, type: R_PC32, symbol: symbolOf(name), addend });
    }
    start += bytes.length;
  }
  return { prepared: scene.prepared(), toy: sectionOf(toy) };
}

function isChanged(table: string, before: readonly Row[], after: readonly Row[]): boolean {
  const [original, patched] = [objectWith(table, before), objectWith(table, after)];
  const correlation: Correlation = { sections: new Pairing(), symbols: new Pairing() };
  correlation.sections.link(original.toy, patched.toy);
  const changed = functionsWithChangedEntries(
    { original: original.prepared, patched: patched.prepared, correlation },
    entrySizes,
    (_, one, __, other) => one.symbol.name === other.symbol.name && one.addend === other.addend,
  );
  return changed.has(patched.toy);
}

const bug = (line: number, flags: number): Row => ({
  bytes: [0, 0, 0, 0, 0, 0, 0, 0, line, 0, flags, 0],
  fields: [
    [0, 'toy', 5],
    [4, 'file'],
  ],
});
const jump = (key: string, addend = 0): Row => ({
  bytes: new Array(16).fill(0),
  fields: [
    [0, 'toy', 5],
    [4, 'toy', 9],
    [8, key, addend],
  ],
});
const fixup = (kind: number): Row => ({
  bytes: [0, 0, 0, 0, 0, 0, 0, 0, kind, 0, 0, 0],
  fields: [
    [0, 'toy', 5],
    [4, 'toy', 9],
  ],
});

describe('a function changes with its entries', () => {
  test.each<readonly [boolean, string, string, readonly Row[], readonly Row[]]>([
    [false, 'the same entries', '__bug_table', [bug(1, 1)], [bug(1, 1)]],
    [false, 'a line that moved', '__bug_table', [bug(1, 1)], [bug(7, 1)]],
    [true, 'WARN became WARN_ONCE', '__bug_table', [bug(1, 1)], [bug(1, 3)]],
    [false, 'the same key', '__jump_table', [jump('key', 8)], [jump('key', 8)]],
    [true, 'another key', '__jump_table', [jump('key')], [jump('other')]],
    [true, 'the other half of a key', '__jump_table', [jump('key')], [jump('key', 1)]],
    [true, 'the second of two keys', '__jump_table', [jump('a'), jump('b')], [jump('a'), jump('c')]],
    [true, 'another way to go on', '__ex_table', [fixup(1)], [fixup(2)]],
    [false, 'a number of entries that its code does not explain', '__jump_table', [jump('a')], [jump('a'), jump('b')]],
    [false, 'a table of no known size', '.parainstructions', [fixup(1)], [fixup(2)]],
    [false, 'messages, whose lines move', '.printk_index', [fixup(1)], [fixup(2)]],
  ])('%s: %s', (expected, _, table, before, after) => {
    expect(isChanged(table, before, after)).toBe(expected);
  });

  test('nothing is learnt where the size of an entry is not that of this table', () => {
    const half = (line: number): Row => ({ bytes: [0, 0, 0, 0, line, 0], fields: [[0, 'toy', 5]] });
    expect(isChanged('__bug_table', [half(1), half(1)], [half(2), half(2)])).toBe(false);
    const odd: Row = {
      bytes: new Array(20).fill(1),
      fields: [
        [0, 'toy'],
        [14, 'file'],
      ],
    };
    expect(isChanged('__bug_table', [odd], [{ ...odd, bytes: new Array(20).fill(2) }])).toBe(false);
  });
});
