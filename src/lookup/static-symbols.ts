/**
 * Which local symbols of the original object say something about where the target has it: the evidence for finding its
 * file block, its surroundings and its membership. Decided by what the link does with their sections.
 */
import { SHF, SHT, STB, STT } from '../elf/constants.js';
import type { ElfObject, ElfSection, ElfSymbol } from '../elf/object.js';
import { isDrifting } from './drifting-names.js';
import { isFunctionOrObject } from './symbol-table.js';

/**
 * Static functions and data in the order of the object's table, without those that never reach the link or the running
 * object (see `mayVanish`) and without names whose numbers drift.
 */
export function staticSymbols(original: ElfObject): ElfSymbol[] {
  return original.symbols.filter((symbol) => symbol.bind === STB.LOCAL && isEvidence(symbol));
}

/** The object's functions, static or not, by the same rule. */
export function functionsOf(original: ElfObject): ElfSymbol[] {
  return original.symbols.filter((symbol) => symbol.type === STT.FUNC && isEvidence(symbol));
}

/** Names of the sources that the object was compiled from, without folders: `cm.c`. None for assembly. */
export function sourceNames(original: ElfObject): string[] {
  const names = original.symbols.filter(({ type }) => type === STT.FILE).map(({ name }) => baseName(name));
  return [...new Set(names)].filter((name) => name !== '');
}

/** gcc writes base names into file symbols, clang what stood on its command line. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function isEvidence(symbol: ElfSymbol): boolean {
  const { section } = symbol;
  if (section === undefined || symbol.name === '' || !isFunctionOrObject(symbol)) return false;
  return !mayVanish(section) && !isDrifting(symbol.name);
}

/**
 * The link may drop the section or the kernel frees it: sections that are not loaded; that the kernel's linker scripts
 * discard (`.discard.addressable`, `.export_symbol`; `.exit.text` in vmlinux: include/asm-generic/vmlinux.lds.h and
 * scripts/module.lds.S); init code and data; members of a COMDAT group, of which one object's copy survives.
 */
function mayVanish({ flags, type, name }: ElfSection): boolean {
  if ((flags & SHF.ALLOC) === 0 || (flags & (SHF.EXCLUDE | SHF.GROUP)) !== 0 || type === SHT.NOTE) return true;
  return /^\.(?:discard|init|exit|export_symbol|modinfo)\b/.test(name);
}
