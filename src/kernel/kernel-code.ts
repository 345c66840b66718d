/**
 * The code of the kernel itself, as its file holds it: linked, at its addresses, and without what the kernel patches into it
 * when it starts. It is some 20 MB, and an object's functions and texts are a few pages of it, so that only the pages are
 * read that somebody asks for.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { SHF, SHT } from '../elf/constants.js';
import type { ElfImage } from '../elf/image.js';
import { type CodePiece, type CodePlace, longestHeader, packCode, readCodeHeader } from './packed-code.js';

const pageSize = 4096;

/** Up to `length` bytes from `offset` on; fewer where there are no more, none where they cannot be read. */
type Read = (offset: number, length: number) => Uint8Array;

export class KernelCode {
  /** By address. */
  readonly #pages = new Map<bigint, Uint8Array>();

  private constructor(
    /** `e_machine` */
    readonly machine: number,
    readonly places: readonly CodePlace[],
    private readonly read: Read,
  ) {}

  /** What `packCode` wrote into `file`; `undefined` where it is not there, or is something else. */
  static open(file: string): KernelCode | undefined {
    return KernelCode.#over((offset, length) => readStretch(file, offset, length));
  }

  /** What `packCode` gave; `undefined` for anything else. */
  static unpack(bytes: Uint8Array): KernelCode | undefined {
    return KernelCode.#over((offset, length) => bytes.subarray(offset, offset + length));
  }

  static #over(read: Read): KernelCode | undefined {
    const header = readCodeHeader(read(0, longestHeader));
    return header && new KernelCode(header.machine, header.places, read);
  }

  /**
   * `length` bytes from `address` on, or as many as there are up to the end of the piece; `undefined` where they are in none,
   * or the file has gone meanwhile.
   */
  bytes(address: bigint, length: number): Uint8Array | undefined {
    const place = this.places.find((one) => address >= one.address && address < one.address + BigInt(one.size));
    if (place === undefined) return undefined;
    const start = Number(address - place.address);
    const end = Math.min(start + length, place.size);
    const first = start - (start % pageSize);
    const pages: Uint8Array[] = [];
    for (let at = first; at < end; at += pageSize) pages.push(this.#page(place, at));
    const found = Buffer.concat(pages).subarray(start - first, end - first);
    return found.length === end - start ? found : undefined;
  }

  /** The pages that were asked for, packed: enough to answer the same questions once more. */
  packPagesRead(): Uint8Array {
    const pages = [...this.#pages].map(([address, content]) => ({ address, content }));
    pages.sort((a, b) => (a.address < b.address ? -1 : 1));
    return packCode(this.machine, joined(pages));
  }

  #page(place: CodePlace, start: number): Uint8Array {
    const address = place.address + BigInt(start);
    const page = this.#pages.get(address) ?? this.read(place.offset + start, Math.min(pageSize, place.size - start));
    this.#pages.set(address, page);
    return page;
  }
}

/**
 * What a comparison of code wants of a kernel's ELF file: all that can be executed, and the read-only data with the texts that
 * code refers to. Empty for a file without code, as debug data alone are. Throws `elf-*`.
 */
export function codeOfImage(image: ElfImage): CodePiece[] {
  const pieces = image.sections
    .filter(({ name, flags }) => (flags & SHF.EXECINSTR) !== 0 || name === '.rodata')
    .filter(({ type, size }) => type === SHT.PROGBITS && size > 0)
    .map(({ address, content }) => ({ address, content: content() }));
  return pieces;
}

/** Neighbours in one piece, so that what lies across their border is found. */
function joined(pieces: readonly CodePiece[]): CodePiece[] {
  const runs: { readonly address: bigint; readonly contents: Uint8Array[]; end: bigint }[] = [];
  for (const { address, content } of pieces) {
    const last = runs.at(-1);
    const end = address + BigInt(content.length);
    if (last?.end === address) {
      last.contents.push(content);
      last.end = end;
    } else runs.push({ address, contents: [content], end });
  }
  return runs.map(({ address, contents }) => ({ address, content: Buffer.concat(contents) }));
}

function readStretch(file: string, offset: number, length: number): Uint8Array {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset));
  } catch {
    return new Uint8Array(0);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
