/**
 * A read-only view of any ELF64 file, linked or not, for the lookup of symbols: a `.ko` as it is installed, a vmlinux
 * with 130,000 symbols. Relocations are not read; for those see `readElf`.
 */
import { contentOf, readHeaders } from './headers.js';
import type { ElfFormat } from './object.js';
import { findSymbolTable, type SymbolTable } from './symbol-table.js';

export interface ElfImage {
  readonly fileName: string;
  readonly format: ElfFormat;
  /** `ET_*` */
  readonly type: number;
  /** In file order, without the null section. */
  readonly sections: readonly ImageSection[];
  /** In table order, without the null symbol; file and section symbols included. Empty if the file was stripped. */
  readonly symbols: readonly ImageSymbol[];
  /** The whole file, for who has to know its relocations too. */
  readonly bytes: Uint8Array;
}

export interface ImageSection {
  /** Section index in the file, from 1. */
  readonly index: number;
  readonly name: string;
  /** `SHT_*` */
  readonly type: number;
  /** `SHF_*` */
  readonly flags: number;
  /** Where a linked image runs; 0 in an object. */
  readonly address: bigint;
  /** In bytes, in memory. */
  readonly size: number;
  /** The section's bytes in the file, as a view; empty for `.bss` and its like. */
  content(): Uint8Array;
}

export interface ImageSymbol {
  readonly name: string;
  /** An address in a linked image, an offset in bytes from the section's start in an object. */
  readonly value: bigint;
  /** In bytes. */
  readonly size: number;
  /** `STB_*` */
  readonly bind: number;
  /** `STT_*` */
  readonly type: number;
  /** `st_other` */
  readonly other: number;
  readonly section: ImageSection | 'undefined' | 'absolute' | 'common' | 'reserved';
}

/**
 * The view of `bytes`; `fileName` is for messages. Throws `elf-not-elf`, `elf-class-unsupported`, `elf-truncated` or
 * `elf-malformed`.
 */
export function readImage(bytes: Uint8Array, fileName: string): ElfImage {
  const file = readHeaders(bytes, fileName);
  const sections = file.headers.slice(1).map(
    (header): ImageSection => ({
      index: header.index,
      name: header.name,
      type: header.type,
      flags: header.flags,
      address: header.address,
      size: header.size,
      content: () => contentOf(file, header),
    }),
  );
  const table = findSymbolTable(file);
  const symbols = table === undefined ? [] : readSymbols(table, sections);
  return { fileName, format: file.format, type: file.type, sections, symbols, bytes };
}

function readSymbols(table: SymbolTable, sections: readonly ImageSection[]): ImageSymbol[] {
  const symbols: ImageSymbol[] = [];
  for (let index = 1; index < table.count; index += 1) {
    symbols.push({
      name: table.name(index),
      value: table.address(index),
      size: table.size(index),
      bind: table.bind(index),
      type: table.type(index),
      other: table.other(index),
      section: sectionOf(table, index, sections),
    });
  }
  return symbols;
}

function sectionOf(table: SymbolTable, index: number, sections: readonly ImageSection[]): ImageSymbol['section'] {
  const place = table.place(index);
  // Livepatch symbols wait for the kernel to resolve them: to a lookup they are as good as any reserved place.
  if (place === 'livepatch') return 'reserved';
  if (typeof place === 'string') return place;
  return sections[place - 1] ?? table.malformedPlace(index, 'the index of a section', `${place}`);
}
