/**
 * Twins of constants whose names end in the number of their line: a macro of the kernel's makes the table of methods
 * `_object_methods_UVERBS_OBJECT_SRQ222` out of `__LINE__` (include/rdma/uverbs_named_ioctl.h), and a patch that adds a line
 * above makes it `…223`. Without a twin the old table would be gone and what points to it would count as changed.
 */
import { STB, STT } from '../elf/constants.js';
import type { ElfSection, ElfSymbol } from '../elf/object.js';
import { linkSections } from './correlate.js';
import { isConstantData } from './names.js';
import type { Correlation } from './pairing.js';
import type { PreparedObject } from './prepare.js';

interface Numbered {
  readonly section: ElfSection;
  /** Decimal, as it stands at the end of the name. */
  readonly line: number;
}

/**
 * Correlates the local constants that have no twin by name. Those of one name but for the number at its end stay in the
 * order of their lines, so they are twins if there are as many of them on either side and of the same sizes; otherwise
 * nothing is decided. Only constants: a variable of another name has a state of its own.
 */
export function correlateByLine(original: PreparedObject, patched: PreparedObject, correlation: Correlation): void {
  const originals = numberedConstants(original, (symbol) => correlation.symbols.patchedOf(symbol) === undefined);
  if (originals.size === 0) return;
  const patchedOnes = numberedConstants(patched, (symbol) => correlation.symbols.originalOf(symbol) === undefined);
  for (const [stem, group] of originals) {
    const twins = patchedOnes.get(stem) ?? [];
    const isSame = ({ section }: Numbered, index: number) => twins[index]?.section.size === section.size;
    if (twins.length !== group.length || !group.every(isSame)) continue;
    for (const [index, { section }] of group.entries()) {
      const twin = twins[index];
      if (twin !== undefined) linkSections(original, patched, correlation, section, twin.section);
    }
  }
}

/** By name without the number, each group in the order of the numbers. */
function numberedConstants(
  { ownSymbol }: PreparedObject,
  isOpen: (symbol: ElfSymbol) => boolean,
): Map<string, Numbered[]> {
  const groups = new Map<string, Numbered[]>();
  for (const [section, symbol] of ownSymbol) {
    if (symbol.type !== STT.OBJECT || symbol.bind !== STB.LOCAL || !isConstantData(section) || !isOpen(symbol))
      continue;
    const [, stem, line] = /^([^.]*[^.\d])(\d+)$/.exec(symbol.name) ?? [];
    if (stem === undefined) continue;
    const numbered = { section, line: Number(line) };
    const group = groups.get(stem);
    if (group === undefined) groups.set(stem, [numbered]);
    else group.push(numbered);
  }
  for (const group of groups.values()) group.sort((one, other) => one.line - other.line);
  return groups;
}
