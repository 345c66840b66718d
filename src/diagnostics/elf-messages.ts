/** Wording of the findings of `elf`: what happened, why, what to do. */
import type { Wording } from './diagnostic.js';

/** A place in an ELF file: bytes from the start of a section or of another named part. */
interface ElfPlace {
  file: string;
  /** Section name, or a part such as `ELF header`. */
  place: string;
  offset: number;
  expected: string;
  have: string;
}

function located({ file, place, offset, expected, have }: ElfPlace): string {
  return `${file}: ${place}+0x${offset.toString(16)}: expected ${expected}, have ${have}`;
}

export const elfMessages = {
  'elf-not-elf': (details: { file: string; found: string }) => ({
    what: `${details.file} is not an ELF file: it is ${details.found}`,
    why: 'Only object files, kernel modules and kernel images in ELF format can be read.',
    fix: 'Check the path. A compressed file must be unpacked first.',
  }),
  'elf-class-unsupported': (details: { file: string; found: string }) => ({
    what: `${details.file} is not a 64-bit ELF file: its class is ${details.found}`,
    why: 'Linux livepatches 64-bit kernels only.',
    fix: 'Choose the file of a 64-bit kernel, and check that the compiler builds for it.',
  }),
  'elf-not-relocatable': (details: { file: string; found: string }) => ({
    what: `${details.file} is not a relocatable object: it is ${details.found}`,
    why: 'Sections and relocations can be compared only before the file is linked.',
    fix: 'Give the object (.o) or the module (.ko), not a linked program, library or vmlinux.',
  }),
  'elf-rel-table': (details: { file: string; section: string }) => ({
    what: `${details.file}: ${details.section} is a relocation table without addends (SHT_REL)`,
    why: 'All 64-bit kernels use tables with addends (SHT_RELA), and the kernel refuses the others.',
    fix: 'Build the object with the compiler and assembler of the target kernel.',
  }),
  'elf-truncated': (details: ElfPlace) => ({
    what: located(details),
    why: 'The file ends before the data that its headers promise. The writing of it was probably interrupted.',
    fix: 'Build or copy the file again.',
  }),
  'elf-malformed': (details: ElfPlace) => ({
    what: located(details),
    why: 'The file contradicts the ELF specification, so nothing that is read from it can be trusted.',
    fix: 'Build or copy the file again. If it comes straight from the compiler, report it with the file.',
  }),
} satisfies Record<string, (details: never) => Wording>;
