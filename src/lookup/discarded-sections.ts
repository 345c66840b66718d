/**
 * Which sections of the original object the target does not have, because the link dropped them. For whoever takes the
 * object's symbols as evidence: what was dropped says nothing about where the rest is.
 */
import { SHF, SHT } from '../elf/constants.js';
import type { ElfObject, ElfSection, ElfSymbol } from '../elf/object.js';
import type { TargetTable } from './symbol-table.js';

/**
 * Whether the target lacks a section for a reason that lies in the section. Flags speak first: what is not loaded, is
 * excluded, or is a member of a COMDAT group, of which one object's copy survives. Then what the link did, where the
 * target's sections are known; else what the kernel's linker scripts are known to do.
 */
export function discardedBy(original: ElfObject, table: TargetTable | undefined): (section: ElfSection) => boolean {
  const sections = table?.sections;
  const isGone =
    table === undefined || sections === undefined
      ? isDiscardedByName
      : remembering(
          (section: ElfSection) => !hasCounterpart(section.name, sections) && !isFound(section, original, table),
        );
  return (section) => isNeverKept(section) || isGone(section);
}

function isNeverKept({ flags, type }: ElfSection): boolean {
  return (flags & SHF.ALLOC) === 0 || (flags & (SHF.EXCLUDE | SHF.GROUP)) !== 0 || type === SHT.NOTE;
}

/** Nothing that runs has the section (`.exitcall.exit` of vmlinux: EXIT_CALL of include/asm-generic/vmlinux.lds.h), or only the module loader reads it. */
export function isLeftOut({ flags, type, name }: ElfSection): boolean {
  if ((flags & SHF.ALLOC) === 0 || (flags & SHF.EXCLUDE) !== 0 || type === SHT.NOTE) return true;
  return /^\.(?:discard|exitcall|export_symbol|modinfo)\b/.test(name);
}

/**
 * The target has the section, or one that it is merged into: `.text.unlikely` or `.text` for `.text.unlikely.cm_open`. Nothing
 * of the kind for `.discard.addressable` and `.export_symbol`.
 */
function hasCounterpart(name: string, sections: ReadonlySet<string>): boolean {
  for (let end = name.length; end > 0; end = name.lastIndexOf('.', end - 1)) {
    if (sections.has(name.slice(0, end))) return true;
  }
  return false;
}

/**
 * The linker script gave the section another name: `.sched.text` is part of `.text` of vmlinux, `___ksymtab+cm_listen`
 * of `__ksymtab`. Half of its symbols must be there; a namesake of some other object may always be.
 */
function isFound(section: ElfSection, original: ElfObject, table: TargetTable): boolean {
  const symbols = original.symbols.filter((symbol) => symbol.section === section && isNamed(symbol, section));
  const found = symbols.filter(({ name }) => table.named(name).some(({ place }) => typeof place !== 'string'));
  return found.length > 0 && found.length * 2 >= symbols.length;
}

function isNamed({ name }: ElfSymbol, section: ElfSection): boolean {
  return name !== '' && name !== section.name;
}

/**
 * For tables that do not tell the target's sections: what the kernel discards (`.discard.addressable`, `.export_symbol`;
 * `.exit.text` in vmlinux: include/asm-generic/vmlinux.lds.h and scripts/module.lds.S), and init code and data, which a
 * running object has no longer.
 */
function isDiscardedByName({ name }: ElfSection): boolean {
  return /^\.(?:discard|init|exit|export_symbol|modinfo)\b/.test(name);
}

function remembering(decide: (section: ElfSection) => boolean): (section: ElfSection) => boolean {
  const known = new Map<ElfSection, boolean>();
  return (section) => {
    const decided = known.get(section) ?? decide(section);
    known.set(section, decided);
    return decided;
  };
}
