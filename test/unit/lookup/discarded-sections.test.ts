/** What the link dropped, by the target's sections where they are known, else by name. */
import { describe, expect, test } from 'vitest';
import { SHF, SHT } from '../../../src/elf/constants.js';
import type { ElfObject } from '../../../src/elf/object.js';
import { discardedBy } from '../../../src/lookup/discarded-sections.js';
import { staticSymbols } from '../../../src/lookup/static-symbols.js';
import { TargetTable } from '../../../src/lookup/symbol-table.js';
import { ObjectBuilder } from '../../builders/elf.js';
import { FUNC, OBJECT, objectOf, tableOf } from '../../builders/symbols.js';

function targetWith(sections: readonly string[], functions: readonly string[] = []): TargetTable {
  const { symbols } = tableOf(functions.map((name) => ({ name })));
  return new TargetTable('target.ko', symbols, { sections: new Set(sections) });
}

function isDiscarded(original: ElfObject, table?: TargetTable): boolean {
  const isGone = discardedBy(original, table);
  return original.sections.some((section) => section.type === SHT.PROGBITS && isGone(section));
}

const inSection = (section: string, ...names: string[]) =>
  objectOf(
    'cm.c',
    (names.length > 0 ? names : ['x']).map((name) => ({ name, type: OBJECT, section })),
  );

describe('by the target’s sections', () => {
  const target = targetWith(['.text', '.text.unlikely', '.data', '.init.text', '__ksymtab', '.my.table']);

  test.each(['.text', '.text.unlikely.cm_open', '.data.state', '.init.text', '.my.table'])('%s is there', (section) => {
    expect(isDiscarded(inSection(section), target)).toBe(false);
  });

  test.each(['.discard.addressable', '.export_symbol', '.exit.text', '.my.tables', '.kasan.shadow'])(
    '%s is not',
    (section) => {
      expect(isDiscarded(inSection(section), target)).toBe(true);
    },
  );

  test('a section that the linker script renamed is there, if half of its symbols are', () => {
    const vmlinux = targetWith(['.text'], ['schedule', 'preempt_schedule']);
    expect(isDiscarded(inSection('.sched.text', 'schedule', 'inlined'), vmlinux)).toBe(false);
    expect(isDiscarded(inSection('.sched.text', 'schedule', 'inlined', 'another'), vmlinux)).toBe(true);
  });

  test('symbols of it are no evidence, those of init code are while the target has it', () => {
    const names = (section: string) =>
      staticSymbols(objectOf('cm.c', [{ name: 'setup', section }]), target).map(({ name }) => name);
    expect(names('.init.text')).toEqual(['setup']);
    expect(names('.exit.text')).toEqual([]);
  });
});

test('by name where the sections are not known', () => {
  const target = tableOf([{ name: 'cm_open' }]);
  for (const table of [undefined, target]) {
    expect(isDiscarded(inSection('.discard.addressable'), table)).toBe(true);
    expect(isDiscarded(inSection('.init.text'), table)).toBe(true);
    expect(isDiscarded(inSection('.my.table'), table)).toBe(false);
  }
});

test.each([
  ['not loaded', SHT.PROGBITS, 0],
  ['a member of a COMDAT group', SHT.PROGBITS, SHF.ALLOC | SHF.GROUP],
  ['excluded', SHT.PROGBITS, SHF.ALLOC | SHF.EXCLUDE],
])('%s, although the target has a section of the name', (_, type, flags) => {
  const builder = new ObjectBuilder();
  builder.symbol({ name: 'x', place: builder.section({ name: '.text.x', type, flags }), type: FUNC });
  expect(isDiscarded(builder.build(), targetWith(['.text'], ['x']))).toBe(true);
});
