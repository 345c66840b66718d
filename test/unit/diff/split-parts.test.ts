import { describe, expect, test } from 'vitest';
import type { Comparison, Status } from '../../../src/diff/compare.js';
import { returnOf, takeReturningParts } from '../../../src/diff/split-parts.js';
import type { ElfSymbol } from '../../../src/elf/object.js';
import { CALL, R_PC32, RET, Scene, sectionOf } from '../../builders/diff-scene.js';

/** `toy` with a `toy.cold` that jumps back into it, or ends by itself; and what the comparison said of them. */
function split({ returns, parent, traced = false }: { returns: boolean; parent: Status; traced?: boolean }) {
  const scene = new Scene();
  const toy = scene.builder.function('toy', new Array(16).fill(0x90));
  const part = scene.builder.function('toy.cold', traced ? [...CALL, RET] : [0xe9, 0, 0, 0, 0]);
  if (traced) {
    const fentry = scene.undefinedSymbol('__fentry__');
    sectionOf(part).relocations.push({ offset: 1, type: 4, symbol: fentry, addend: -4 });
  }
  if (returns) sectionOf(part).relocations.push({ offset: 1, type: R_PC32, symbol: toy, addend: 4 });
  const comparison: Comparison = {
    entryChanges: new Map(),
    sections: new Map([
      [sectionOf(toy), parent],
      [sectionOf(part), 'same'],
    ]),
    symbols: new Map<ElfSymbol, Status>([
      [toy, parent],
      [part, 'same'],
    ]),
  };
  takeReturningParts(scene.prepared(), comparison);
  return { status: comparison.symbols.get(part), section: comparison.sections.get(sectionOf(part)), part, toy };
}

describe('a part split off from a function', () => {
  test('goes along where it jumps back into what changed', () => {
    const { status, section, part, toy } = split({ returns: true, parent: 'changed' });
    expect({ status, section }).toEqual({ status: 'changed', section: 'changed' });
    expect(returnOf(part, toy)).toBe(1);
  });

  test.each([
    ['never comes back', { returns: false, parent: 'changed' as const }],
    ['belongs to an unchanged function', { returns: true, parent: 'same' as const }],
    ['is called like any function', { returns: true, parent: 'changed' as const, traced: true }],
  ])('stays where it %s', (_, part) => {
    const { status, section } = split(part);
    expect({ status, section }).toEqual({ status: 'same', section: 'same' });
  });
});
