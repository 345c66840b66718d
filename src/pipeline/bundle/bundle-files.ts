/** The files of a bundle while it is put together: each is made anonymous on its way in. */
import type { Anonymiser } from './anonymise.js';

export class BundleFiles {
  readonly files = new Map<string, Buffer>();

  constructor(readonly anonymiser: Anonymiser) {}

  /** An object or a module. Returns the path in the bundle. */
  binary(path: string, bytes: Uint8Array): string {
    return this.#add(path, this.anonymiser.bytes(bytes));
  }

  /** A source or a patch. Bytes that are not UTF-8 stay as they are. */
  source(path: string, bytes: Uint8Array): string {
    return this.#add(path, Buffer.from(this.anonymiser.source(Buffer.from(bytes).toString('latin1')), 'latin1'));
  }

  /** Whatever programs and people wrote. */
  text(path: string, text: string): string {
    return this.#add(path, Buffer.from(this.anonymiser.text(text)));
  }

  #add(wanted: string, bytes: Buffer): string {
    const path = wanted
      .split('/')
      .filter((part) => part !== '' && part !== '.' && part !== '..')
      .join('/');
    this.files.set(path, bytes);
    return path;
  }
}
