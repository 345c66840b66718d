/**
 * Texts that the target has and cannot name: NL_SET_ERR_MSG makes a static `__msg` of each, so that one kernel has forty that
 * are called `__msg.4`. They are constant, and nobody asks where they lie, so that a copy in the livepatch says the same.
 */
import { STB, STT } from '../elf/constants.js';
import type { ElfSection, ElfSymbol } from '../elf/object.js';
import type { Lookup } from '../lookup/lookup.js';
import type { Comparison } from './compare.js';
import { isConstantData } from './names.js';
import type { PreparedObject } from './prepare.js';

/**
 * Marks as new, in the comparison, the texts that changed functions refer to and of which the lookup cannot say which one of
 * several they are. One that it finds is left to the target, as everything is that did not change.
 */
export function copyUnnamedTexts(patched: PreparedObject, comparison: Comparison, lookup: Lookup): void {
  for (const user of patched.object.sections) {
    const own = patched.ownSymbol.get(user);
    if (own?.type !== STT.FUNC || comparison.sections.get(user) === 'same') continue;
    for (const { symbol } of user.relocations) {
      const { section } = symbol;
      if (section === undefined || comparison.symbols.get(symbol) !== 'same' || !isText(symbol, section)) continue;
      if (lookup.local(symbol.name, symbol.type).kind !== 'ambiguous') continue;
      comparison.symbols.set(symbol, 'new');
      comparison.sections.set(section, 'new');
    }
  }
}

/** A static local, in a section of its own, that is nothing but one text. */
function isText({ name, type, bind, value, size }: ElfSymbol, section: ElfSection): boolean {
  const { content, relocations } = section;
  const isLocal = type === STT.OBJECT && bind === STB.LOCAL && /\.\d+$/.test(name);
  if (!isLocal || !isConstantData(section) || value !== 0 || size !== content.length) return false;
  return relocations.length === 0 && content.indexOf(0) === content.length - 1;
}
