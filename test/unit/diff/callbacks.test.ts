/** Callbacks as records in an object; with compiled sources they are in fixtures/diff, in use in fixtures/patches. */
import { describe, expect, test } from 'vitest';
import { x86_64 } from '../../../src/arch/x86-64.js';
import { findCallbacks } from '../../../src/diff/callbacks.js';
import type { Comparison } from '../../../src/diff/compare.js';
import { type PreparedObject, prepareObject } from '../../../src/diff/prepare.js';
import { SHF, SHT } from '../../../src/elf/constants.js';
import type { ElfSection, ElfSymbol, Relocation } from '../../../src/elf/object.js';
import { ObjectBuilder } from '../../builders/elf.js';
import { R_64, R_PC32 } from '../../builders/livepatch.js';
import { findingsOf, problemsOf } from '../../provocations/check.js';
import { diffMacroProvocations } from '../../provocations/diff-macros.js';

describe('each code of the macros comes out of bad input', () => {
  test.each(Object.entries(diffMacroProvocations))('%s', async (code, run) => {
    expect(problemsOf(code, await findingsOf(run))).toEqual([]);
  });
});

/** Two new functions, and a section of two records that name them. */
function twoRecords(name = '.kpatch.callbacks.post_patch') {
  const builder = new ObjectBuilder();
  const functions = ['toy_first', 'toy_second'].map((own) => builder.function(own));
  const section = builder.section({
    name,
    type: SHT.PROGBITS,
    flags: SHF.ALLOC | SHF.WRITE,
    content: new Uint8Array(32),
  });
  // The order of relocations in a file means nothing.
  const pointers = functions.map((symbol, index) => ({ offset: index * 16, type: R_64, symbol, addend: 0 }));
  section.relocations.push(...pointers.reverse());
  const patched: PreparedObject = prepareObject(builder.build('toy.o'), x86_64);
  const comparison: Comparison = {
    entryChanges: new Map(),
    sections: new Map(patched.object.sections.map((own) => [own, 'new'])),
    symbols: new Map(patched.object.symbols.map((own) => [own, 'new'])),
  };
  return { section, functions, find: () => findCallbacks(patched, comparison) };
}

test('every record of a section is a callback', () => {
  const { section, functions, find } = twoRecords();
  expect(find()).toEqual({
    callbacks: functions.map((symbol, index) => ({ kind: 'post_patch', symbol, section, offset: index * 16 })),
    findings: [],
  });
});

test('a section of another name is none', () => {
  expect(twoRecords('.kpatch.callbacks.post_patch_all').find()).toEqual({ callbacks: [], findings: [] });
});

describe('records of another layout are refused', () => {
  const damages: Readonly<Record<string, (section: ElfSection, first: ElfSymbol) => unknown>> = {
    'a byte too few': (section) => Object.assign(section, { size: section.size - 1 }),
    'nothing in it': (section) => Object.assign(section, { size: 0, relocations: [] }),
    'a record without a function': (section) => section.relocations.pop(),
    'a pointer in the middle of a record': (section) => change(section, ({ offset }) => ({ offset: offset + 8 })),
    'a pointer into a function': (section) => change(section, () => ({ addend: 1 })),
    'a distance in place of an address': (section) => change(section, () => ({ type: R_PC32 })),
    'two pointers in one record': (section, symbol) =>
      section.relocations.push({ offset: 8, type: R_64, symbol, addend: 0 }),
  };
  test.each(Object.entries(damages))('%s', (_, damage) => {
    const { section, functions, find } = twoRecords();
    const [first] = functions;
    if (first === undefined) throw new Error('no function');
    damage(section, first);
    expect(find().findings.map(({ code }) => code)).toEqual(['callback-unreadable']);
    expect(find().callbacks).toEqual([]);
  });
});

function change(section: ElfSection, to: (relocation: Relocation) => Partial<Relocation>): void {
  for (const relocation of section.relocations) Object.assign(relocation, to(relocation));
}
