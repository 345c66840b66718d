/**
 * Numbers of the ELF specification (gABI, chapters "Object Files" and "Sections") and of the Linux kernel's
 * `include/uapi/linux/elf.h`, under their own names without the prefix: `SHT.PROGBITS`. For everyone who looks at
 * sections and symbols; relocation types belong to the CPUs in `arch/`.
 */

/** `e_type` */
export const ET = { NONE: 0, REL: 1, EXEC: 2, DYN: 3, CORE: 4 } as const;

/** `e_machine` of the architectures that can be livepatched. */
export const EM = { PPC64: 21, S390: 22, X86_64: 62, AARCH64: 183, LOONGARCH: 258 } as const;

/** `sh_type` */
export const SHT = {
  NULL: 0,
  PROGBITS: 1,
  SYMTAB: 2,
  STRTAB: 3,
  RELA: 4,
  HASH: 5,
  DYNAMIC: 6,
  NOTE: 7,
  NOBITS: 8,
  REL: 9,
  DYNSYM: 11,
  INIT_ARRAY: 14,
  FINI_ARRAY: 15,
  PREINIT_ARRAY: 16,
  GROUP: 17,
  SYMTAB_SHNDX: 18,
  RELR: 19,
  /** Symbol indices for identical code folding; a hint that clang leaves for lld. */
  LLVM_ADDRSIG: 0x6fff4c03,
} as const;

/** `sh_flags` */
export const SHF = {
  WRITE: 0x1,
  ALLOC: 0x2,
  EXECINSTR: 0x4,
  MERGE: 0x10,
  STRINGS: 0x20,
  INFO_LINK: 0x40,
  LINK_ORDER: 0x80,
  OS_NONCONFORMING: 0x100,
  GROUP: 0x200,
  TLS: 0x400,
  COMPRESSED: 0x800,
  /** A relocation table that the kernel's livepatch core applies (`Documentation/livepatch/module-elf-format.rst`). */
  RELA_LIVEPATCH: 0x0010_0000,
  GNU_RETAIN: 0x0020_0000,
  EXCLUDE: 0x8000_0000,
} as const;

/** `st_shndx` values that are not section indices. */
export const SHN = {
  UNDEF: 0,
  LORESERVE: 0xff00,
  /** A symbol that the kernel's livepatch core resolves (`Documentation/livepatch/module-elf-format.rst`). */
  LIVEPATCH: 0xff20,
  ABS: 0xfff1,
  COMMON: 0xfff2,
  XINDEX: 0xffff,
} as const;

/** Upper half of `st_info` */
export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2, GNU_UNIQUE: 10 } as const;

/** Lower half of `st_info` */
export const STT = {
  NOTYPE: 0,
  OBJECT: 1,
  FUNC: 2,
  SECTION: 3,
  FILE: 4,
  COMMON: 5,
  TLS: 6,
  GNU_IFUNC: 10,
} as const;

/** Flag word of a section group: of several groups with the same signature the linker keeps one. */
export const GRP_COMDAT = 1;
