/** Who refers to a function within a module as it runs; modules keep their relocations. */
import { STT } from '../elf/constants.js';
import { groupBy } from '../elf/grouped.js';
import type { ElfImage } from '../elf/image.js';
import type { ElfSection, ElfSymbol } from '../elf/object.js';
import { readElf } from '../elf/read.js';
import { countBelow } from '../elf/sorted.js';
import { isLeftOut } from './discarded-sections.js';

/**
 * By name of the wanted symbol, the functions and variables that refer to it, without itself, and without what runs only
 * while the module is loaded or unloaded. Throws `elf-*` for a module that cannot be read whole.
 */
export function callersInModule({ bytes, fileName }: ElfImage, wanted: ReadonlySet<string>): Map<string, string[]> {
  const { sections, symbols } = readElf(bytes, fileName);
  const callers = new Map<string, Set<string>>();
  const owners = ownersIn(symbols);
  for (const section of sections) {
    if (isLeftOut(section) || /^\.(init|exit)\b/.test(section.name)) continue;
    for (const { symbol, offset } of section.relocations) {
      if (!wanted.has(symbol.name)) continue;
      const owner = ownerAt(owners.get(section) ?? [], offset);
      if (owner === undefined || owner.name === symbol.name) continue;
      callers.set(symbol.name, (callers.get(symbol.name) ?? new Set<string>()).add(owner.name));
    }
  }
  return new Map([...callers].map(([name, found]) => [name, [...found].sort()]));
}

function ownersIn(symbols: readonly ElfSymbol[]): Map<ElfSection | undefined, ElfSymbol[]> {
  const owners = symbols.filter(({ type, section }) => {
    return section !== undefined && (type === STT.FUNC || type === STT.OBJECT);
  });
  return groupBy(
    owners.sort((one, other) => one.value - other.value),
    ({ section }) => section,
  );
}

/** The last one that begins at or before the place, and does not end before it. */
function ownerAt(owners: readonly ElfSymbol[], offset: number): ElfSymbol | undefined {
  const owner = owners[countBelow(owners, ({ value }) => value <= offset) - 1];
  return owner !== undefined && offset < owner.value + owner.size ? owner : undefined;
}
