/** Which part of the original object became which part of the patched one. Made by correlation, read by every later pass. */
import type { ElfSection, ElfSymbol } from '../elf/object.js';

/** A one-to-one relation between things of the original and things of the patched object. */
export class Pairing<T> {
  readonly #patchedOf = new Map<T, T>();
  readonly #originalOf = new Map<T, T>();

  link(original: T, patched: T): void {
    this.unlink(original);
    const previous = this.#originalOf.get(patched);
    if (previous !== undefined) this.unlink(previous);
    this.#patchedOf.set(original, patched);
    this.#originalOf.set(patched, original);
  }

  unlink(original: T): void {
    const patched = this.#patchedOf.get(original);
    if (patched === undefined) return;
    this.#patchedOf.delete(original);
    this.#originalOf.delete(patched);
  }

  patchedOf(original: T): T | undefined {
    return this.#patchedOf.get(original);
  }

  originalOf(patched: T): T | undefined {
    return this.#originalOf.get(patched);
  }
}

export interface Correlation {
  readonly sections: Pairing<ElfSection>;
  readonly symbols: Pairing<ElfSymbol>;
}
