/** What the author's macros can be used for wrongly. */
import type { diffMessages } from '../../src/diagnostics/diff-messages.js';
import { diffObjects } from '../../src/diff/diff-objects.js';
import { SHF, SHT, STB, STT } from '../../src/elf/constants.js';
import type { Lookup } from '../../src/lookup/lookup.js';
import { ObjectBuilder } from '../builders/elf.js';
import { R_64 } from '../builders/livepatch.js';
import type { Provocations } from './provocation.js';

type MacroCodes = 'callback-unreadable' | 'callback-unusable' | 'function-forced' | 'force-needless';

/** `toy_open`, which can be traced and returns `value`; a mark in `section` points to it, or to nothing. */
function toy(value: number, section?: { readonly name: string; readonly size: number; readonly isFilled: boolean }) {
  const builder = new ObjectBuilder();
  const fentry = builder.undefinedSymbol('__fentry__');
  const open = builder.function('toy_open', [0xe8, 0, 0, 0, 0, 0xb8, value, 0, 0, 0, 0xc3], { bind: STB.GLOBAL });
  open.section?.relocations.push({ offset: 1, type: 4, symbol: fentry, addend: -4 });
  if (section !== undefined) {
    const marks = builder.section({
      name: section.name,
      type: SHT.PROGBITS,
      flags: SHF.ALLOC | SHF.WRITE,
      content: new Uint8Array(section.size),
    });
    builder.symbol({ name: 'mark', place: marks, type: STT.OBJECT, size: section.size });
    if (section.isFilled) marks.relocations.push({ offset: 0, type: R_64, symbol: open, addend: 0 });
  }
  return builder.build('toy.o');
}

/** Nothing of the target is asked for. */
const lookup: Lookup = {
  objectName: 'toy',
  local: () => ({ kind: 'missing' }),
  global: () => ({ kind: 'missing' }),
};

/** The function changes where `value` is not 1. */
const comparing = (value: number, section: Parameters<typeof toy>[1]) => () =>
  diffObjects({ original: toy(1), patched: toy(value, section), entrySizes: {}, lookup }).warnings;

const prePatch = { name: '.kpatch.callbacks.pre_patch', size: 16 };
const force = { name: '.kpatch.force', size: 8, isFilled: true };

export const diffMacroProvocations = {
  'callback-unreadable': comparing(1, { ...prePatch, isFilled: false }),
  'callback-unusable': comparing(1, { ...prePatch, isFilled: true }),
  'function-forced': comparing(2, force),
  'force-needless': comparing(1, force),
} satisfies Pick<Provocations<typeof diffMessages>, MacroCodes>;
