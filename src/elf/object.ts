/**
 * A relocatable ELF object as values: sections, symbols and relocations that refer to each other directly instead of
 * by index. Reading and writing translate between this and the file; nothing here knows about kernels or about what a
 * pass of the diff thinks of a section.
 */

export type ByteOrder = 'little' | 'big';

/** What the file header says and must stay when the object is written again. */
export interface ElfFormat {
  readonly byteOrder: ByteOrder;
  /** `e_machine`, for example 62 for x86-64. */
  readonly machine: number;
  /** `e_flags`: on ppc64le the ABI version, on loongarch64 the float ABI. */
  readonly flags: number;
  readonly osAbi: number;
  readonly abiVersion: number;
}

export class ElfObject {
  constructor(
    /** Where the bytes came from, for messages. */
    readonly fileName: string,
    readonly format: ElfFormat,
    /** In file order; without the null section, and without symbol, string and relocation tables. */
    readonly sections: ElfSection[],
    /** In table order, without the null symbol; section and file symbols included. */
    readonly symbols: ElfSymbol[],
  ) {}
}

/** Where a symbol is defined, if not in a section. */
export type SpecialPlace = 'undefined' | 'absolute' | 'common' | 'livepatch';

export interface SectionInit {
  name: string;
  type: number;
  flags?: number;
  alignment?: number;
  entrySize?: number;
  content?: Uint8Array;
  size?: number;
}

export class ElfSection {
  name: string;
  /** `SHT_*` */
  type: number;
  /** `SHF_*` */
  flags: number;
  alignment: number;
  entrySize: number;
  /** Empty for a section that takes no space in the file (`.bss`). */
  content: Uint8Array;
  /** In bytes; equals `content.length` except for `.bss` and its like. */
  size: number;
  /** Entries of `.rela<name>`, in file order. */
  relocations: Relocation[] = [];
  /** Further tables for the same section: `.klp.rela.vmlinux..text` and its like. */
  extraRelocationTables: RelocationTable[] = [];
  /** The section that this one must stay with (`SHF_LINK_ORDER`), for example the text of `__patchable_function_entries`. */
  linkedTo: ElfSection | undefined;
  /** The group (COMDAT or not) that a `SHT_GROUP` section describes; its `content` is empty, the writer makes it. */
  group: SectionGroup | undefined;

  constructor(init: SectionInit) {
    this.name = init.name;
    this.type = init.type;
    this.flags = init.flags ?? 0;
    this.alignment = init.alignment ?? 1;
    this.entrySize = init.entrySize ?? 0;
    this.content = init.content ?? new Uint8Array(0);
    this.size = init.size ?? this.content.length;
  }
}

/**
 * Has the relocations made when somebody asks for them first. Debug data has several times as many as all code, and few
 * who read an object want them.
 */
export function deferRelocations(section: ElfSection, make: () => Relocation[]): void {
  const put = (value: Relocation[]) => {
    Object.defineProperty(section, 'relocations', { value, writable: true, enumerable: true, configurable: true });
    return value;
  };
  // A property of the section like any other, so that comparing two sections compares these too.
  const access = { get: () => put(make()), set: put, enumerable: true, configurable: true };
  Object.defineProperty(section, 'relocations', access);
}

export interface SectionGroup {
  /** `GRP_COMDAT` and others */
  readonly flags: number;
  readonly signature: ElfSymbol;
  readonly members: ElfSection[];
}

export interface RelocationTable {
  readonly name: string;
  /** `SHF_*` of the table itself; `SHF_RELA_LIVEPATCH` lives here. */
  readonly flags: number;
  readonly relocations: Relocation[];
}

export interface SymbolInit {
  name: string;
  place: ElfSection | SpecialPlace;
  value?: number;
  size?: number;
  bind?: number;
  type?: number;
  other?: number;
}

export class ElfSymbol {
  name: string;
  /** Offset in its section in bytes; alignment for common symbols. */
  value: number;
  /** In bytes. */
  size: number;
  /** `STB_*` */
  bind: number;
  /** `STT_*` */
  type: number;
  /** `st_other`: visibility, and on ppc64le the distance to the local entry point. */
  other: number;
  place: ElfSection | SpecialPlace;

  constructor(init: SymbolInit) {
    this.name = init.name;
    this.place = init.place;
    this.value = init.value ?? 0;
    this.size = init.size ?? 0;
    this.bind = init.bind ?? 0;
    this.type = init.type ?? 0;
    this.other = init.other ?? 0;
  }

  /** The section that defines the symbol, if one does. */
  get section(): ElfSection | undefined {
    return typeof this.place === 'string' ? undefined : this.place;
  }
}

/**
 * What a relocation without symbol (index 0) refers to, for example R_PPC64_TOC, R_LARCH_RELAX and R_X86_64_NONE. One
 * frozen value for all objects; never an element of `ElfObject.symbols`.
 */
export const noSymbol: ElfSymbol = Object.freeze(new ElfSymbol({ name: '', place: 'undefined' }));

export interface Relocation {
  /** Bytes from the start of the section that is relocated. */
  offset: number;
  /** `R_*` of the machine. */
  type: number;
  /** `noSymbol` where the entry names none. */
  symbol: ElfSymbol;
  addend: number;
}
