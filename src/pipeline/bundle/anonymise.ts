/**
 * Takes out of a bundle what says who and where somebody is: home, user, machine, and every path that is neither the
 * distribution's nor in the work folder. The same text always becomes the same, so that what is worded anew from parts of
 * it reads as before.
 */

export interface Private {
  /** Absolute folders, and what stands for each: `/home/ann/ib_mad` becomes `<tree>`. */
  readonly places: readonly (readonly [folder: string, label: string])[];
  /** Names of the user and of the machine, which are taken out where they stand as words. */
  readonly names: readonly (readonly [name: string, label: string])[];
  /** Words that are meant otherwise wherever they stand: a user may be called as the driver is. */
  readonly words: readonly string[];
}

/** Folders whose content comes with the system and is the same for everybody. */
const distribution =
  /^\/(?:usr\/(?:bin|sbin|lib|lib32|lib64|libexec|include|share|src\/linux[^/]*)|bin|sbin|lib|lib32|lib64|boot|dev|proc|sys)(?:\/|$)/;

/** A path of two names or more, where one may begin: at a blank, a quote, `=`, `:`, or behind `-I`. */
const absolutePath = /(?<=^|[\s"'`=:,;([]|-[A-Z]|-isystem)\/[^\s"'`=:,;()[\]<>|&]+\/[^\s"'`=:,;()[\]<>|&]+/gm;

export class Anonymiser {
  readonly #places: readonly { readonly folder: string; readonly label: string; readonly pattern: RegExp }[];
  readonly #names: readonly { readonly pattern: RegExp; readonly label: string }[];

  constructor({ places, names, words }: Private) {
    const known = new Map(places.filter(([folder]) => folder.startsWith('/') && folder.length > 1));
    this.#places = [...known]
      .sort(([a], [b]) => b.length - a.length || (a < b ? -1 : 1))
      .map(([folder, label]) => ({ folder, label, pattern: new RegExp(`${quoted(folder)}(?![\\w.+-])`, 'g') }));
    this.#names = names
      .filter(([name]) => isTelling(name) && !words.includes(name))
      .map(([name, label]) => ({ label, pattern: new RegExp(`(?<![\\w.-])${quoted(name)}(?![\\w-])`, 'g') }));
  }

  /** For what people and programs of this machine wrote: messages, logs, commands, settings. */
  text(text: string): string {
    const placed = this.source(text).replaceAll(absolutePath, (path) =>
      distribution.test(path) ? path : `<path>/${path.slice(path.lastIndexOf('/') + 1)}`,
    );
    return this.#names.reduce((known, { pattern, label }) => known.replaceAll(pattern, label), placed);
  }

  /** For sources and patches, in which a word or a path may mean anything: only what is known to be a place here. */
  source(text: string): string {
    return this.#places.reduce((known, { pattern, label }) => known.replaceAll(pattern, label), text);
  }

  /** For objects: a place becomes `/xxx` of the same length, so that nothing moves. */
  bytes(bytes: Uint8Array): Buffer {
    const copy = Buffer.from(bytes);
    for (const { folder } of this.#places) {
      if (distribution.test(folder)) continue;
      const wanted = Buffer.from(folder);
      for (let at = copy.indexOf(wanted); at !== -1; at = copy.indexOf(wanted, at + wanted.length)) {
        const next = String.fromCharCode(copy[at + wanted.length] ?? 0);
        if (!/[\w.+-]/.test(next)) copy.fill('x', at + 1, at + wanted.length);
      }
    }
    return copy;
  }

  /** Every text in a value that consists of texts, numbers, lists and records. */
  value<Value>(value: Value): Value {
    return this.#within(value) as Value;
  }

  #within(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((entry) => this.#within(entry));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, this.#within(entry)]));
  }
}

/** `root` and its like are the same everywhere, and a letter or two would be found in the middle of anything. */
function isTelling(name: string): boolean {
  return name.length > 2 && !['root', 'nobody', 'user', 'localhost'].includes(name);
}

const quoted = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
