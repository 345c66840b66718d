/**
 * What the makefiles of a tree say of an object: built, part of a library, switched off, not listed. Read from their text by
 * kbuild's rules (Documentation/kbuild/makefiles.rst), for findings before anything is built. What text cannot tell, a
 * shell call or a variable of the environment, is told as unknown.
 */
import path from 'node:path';
import type { KernelConfig } from '../kernel/config.js';
import type { Makefile } from './tree-files.js';

export type ObjectState =
  | { readonly kind: 'built' }
  /** In `lib-y` only: the linker takes it from `lib.a`, and only if somebody needs it. */
  | { readonly kind: 'library'; readonly file: string }
  /** The list that has it is off: `obj-$(CONFIG_MAD)`. */
  | { readonly kind: 'off'; readonly file: string; readonly list: string }
  /** No list has it. `isCertain`: all of the makefiles was understood. */
  | { readonly kind: 'unlisted'; readonly isCertain: boolean }
  /** A list has it of which one cannot tell whether it is on. */
  | { readonly kind: 'unknown'; readonly file: string; readonly list: string };

/** `y` and `m` are on, empty is off, `?` cannot be told. */
type Switch = 'y' | 'm' | '' | '?';

interface Entry {
  /** `obj`, `lib`, or what a module or object is made of: `ib_mad`. */
  readonly list: string;
  readonly isOn: Switch;
  /** As written: `obj-$(CONFIG_MAD)`. */
  readonly written: string;
  readonly words: readonly string[];
}

interface Listing extends Entry {
  readonly file: string;
  readonly folder: string;
}

interface Lists {
  readonly file: string;
  readonly entries: readonly Entry[];
  readonly isUnderstood: boolean;
}

export class ObjectLists {
  /** By folder, `.` for the top of the tree. */
  readonly #byFolder = new Map<string, Lists[]>();
  /** By path in the tree, of objects and, ending in a slash, of folders. */
  readonly #listing = new Map<string, Listing[]>();
  readonly #texts: readonly string[];
  readonly #setSomewhere = new Map<string, boolean>();

  constructor(
    makefiles: readonly Makefile[],
    readonly config: KernelConfig,
    /** Variables that make is given: `CONFIG_MAD=m`. */
    readonly given: readonly string[],
  ) {
    this.#texts = makefiles.map(({ text }) => text);
    for (const makefile of chosen(makefiles)) {
      const folder = path.posix.dirname(makefile.file);
      const lists = this.#read(makefile);
      this.#byFolder.set(folder, [...(this.#byFolder.get(folder) ?? []), lists]);
      for (const entry of lists.entries) this.#note(entry, makefile.file, folder);
    }
  }

  #note(entry: Entry, file: string, folder: string): void {
    for (const word of entry.words.filter((candidate) => candidate !== '')) {
      // Also from beside: `../shared.o`.
      const meant = path.posix.join(folder, word);
      const known = this.#listing.get(meant);
      if (known === undefined) this.#listing.set(meant, [{ ...entry, file, folder }]);
      else known.push({ ...entry, file, folder });
    }
  }

  /** `object` is a path in the tree, `core/mad.o`. Throws nothing. */
  stateOf(object: string): ObjectState {
    const states = this.#statesOf(object, new Set());
    const best = pick(states);
    const folders = foldersAbove(object);
    if (best !== undefined) return best.kind === 'built' ? (this.#folderOff(object) ?? best) : best;
    const read = folders.flatMap((folder) => this.#byFolder.get(folder) ?? []);
    return { kind: 'unlisted', isCertain: read.length > 0 && read.every(({ isUnderstood }) => isUnderstood) };
  }

  /** `asked` holds the composites on the way. */
  #statesOf(meant: string, asked: Set<string>): ObjectState[] {
    if (asked.has(meant)) return [];
    asked.add(meant);
    return (this.#listing.get(meant) ?? []).flatMap(({ list, isOn, written, file, folder }): ObjectState[] => {
      if (isOn === '') return [{ kind: 'off', file, list: written }];
      if (isOn === '?') return [{ kind: 'unknown', file, list: written }];
      if (list === 'obj') return [{ kind: 'built' }];
      if (list === 'lib') return [{ kind: 'library', file }];
      return this.#statesOf(path.posix.join(folder, `${list}.o`), asked);
    });
  }

  /** The folder of the object, or one above it, is listed only in lists that are off. */
  #folderOff(object: string): ObjectState | undefined {
    const isListedAtHome = (this.#listing.get(object) ?? []).every(
      ({ folder }) => folder === path.posix.dirname(object),
    );
    if (!isListedAtHome) return undefined;
    for (const folder of foldersAbove(object)) {
      const best = folder === '.' ? undefined : pick(this.#statesOf(`${folder}/`, new Set()));
      if (best !== undefined && best.kind !== 'built') return best;
    }
    return undefined;
  }

  #read({ file, text }: Makefile): Lists {
    const entries: Entry[] = [];
    const variables = new Map<string, string | undefined>();
    let isUnderstood = !OWN_RULE.test(text);
    const conditions: Branch[] = [];
    const expand = (value: string) => expandAll(value, (name) => this.#valueOf(name, variables));
    for (const line of text.replaceAll(/\\\n\s*/g, ' ').split('\n')) {
      const directive = /^\s*(ifeq|ifneq|ifdef|ifndef|else|endif|-?include|define|endef)\b\s*(.*)$/.exec(line);
      if (directive !== null) {
        const [, name = '', rest = ''] = directive;
        if (/^-?include$|^define$/.test(name)) isUnderstood = false;
        else follow(conditions, name, rest, expand);
        continue;
      }
      const [, name = '', operator = '', value = ''] = assignment.exec(line) ?? [];
      const truth = conditions.some(({ isTaken }) => isTaken === false)
        ? false
        : conditions.every(({ isTaken }) => isTaken === true) || undefined;
      if (name === '' || truth === false) continue;
      const expanded = expand(value);
      const written = name.trim();
      const entry = listName.exec(written);
      if (entry === null) {
        variables.set(written, truth && operator !== '+' ? expanded : undefined);
        continue;
      }
      if (expanded === undefined) isUnderstood = false;
      const isOn = truth === undefined ? '?' : switchOf(entry[2] === 'objs' ? 'y' : expand(entry[2] ?? ''));
      entries.push({ list: entry[1] ?? '', isOn, written, words: (expanded ?? value).split(/\s+/) });
    }
    return { file, entries, isUnderstood };
  }

  /** `undefined` where text does not tell. What a makefile hands to another make counts as not told. */
  #valueOf(name: string, variables: ReadonlyMap<string, string | undefined>): string | undefined {
    const own = this.given.findLast((argument) => argument.startsWith(`${name}=`));
    if (own !== undefined) return own.slice(name.length + 1);
    if (variables.has(name)) return variables.get(name);
    const standing = SET_BY_KBUILD[name];
    if (standing !== undefined) return standing;
    if (!name.startsWith('CONFIG_') || !this.config.mentions(name)) return undefined;
    return this.#isSetSomewhere(name) ? undefined : (this.config.value(name) ?? '');
  }

  #isSetSomewhere(name: string): boolean {
    const known = this.#setSomewhere.get(name);
    if (known !== undefined) return known;
    const assigns = new RegExp(`\\b${name}\\s*[:+?]?=`);
    const isSet = this.#texts.some((text) => text.includes(name) && assigns.test(text));
    this.#setSomewhere.set(name, isSet);
    return isSet;
  }
}

/** Makefiles of modules ask these for whether kbuild reads them, `ifneq ($(KERNELRELEASE),)`, and where they are. */
const SET_BY_KBUILD: Readonly<Record<string, string>> = {
  KERNELRELEASE: 'set',
  KBUILD_EXTMOD: '.',
  M: '.',
  src: '.',
  obj: '.',
};

const assignment = /^\s*(?:export\s+|override\s+)?([\w.$(){}+ -]+?)\s*([:+?]?)=\s*(.*)$/;
/** `obj-y`, `ib_mad-$(CONFIG_MAD)`, `ib_mad-objs`; not `ccflags-y`. */
const listName = /^(?!\w*flags|subdir|targets|extra|always|hostprogs|clean|header)([\w-]+)-(y|m|objs|\$[({].*)$/;

/** A target of the tree's own, which may put objects together: `$(obj)/parts.a: $(obj)/mad.o`. */
const OWN_RULE = /^(?!\.PHONY)[^\t\n=]*[./$][^\t\n=]*:(?!=)/m;

interface Branch {
  readonly isTaken: boolean | undefined;
  /** Some branch before was taken, or may have been. */
  readonly wasTaken: boolean | undefined;
}

function follow(conditions: Branch[], name: string, rest: string, expand: (text: string) => string | undefined): void {
  const last = conditions.at(-1);
  if (name === 'endif') conditions.pop();
  else if (name !== 'else') {
    const isTaken = truthOf(name, rest, expand);
    conditions.push({ isTaken, wasTaken: isTaken });
  } else if (last !== undefined) {
    const [, next, condition = ''] = /^(ifn?eq|ifn?def)\b\s*(.*)$/.exec(rest) ?? [];
    const own = next === undefined ? true : truthOf(next, condition, expand);
    const isTaken = last.wasTaken === true ? false : last.wasTaken === undefined && own !== false ? undefined : own;
    conditions[conditions.length - 1] = { isTaken, wasTaken: last.wasTaken === true ? true : isTaken };
  }
}

function truthOf(name: string, rest: string, expand: (text: string) => string | undefined): boolean | undefined {
  if (name.endsWith('def')) {
    const value = expand(`$(${rest.trim()})`);
    return value === undefined ? undefined : (value !== '') === (name === 'ifdef');
  }
  const [, one, other] =
    /^\(\s*(.*?)\s*,\s*(.*?)\s*\)\s*$/.exec(rest) ?? /^["'](.*?)["']\s*["'](.*?)["']\s*$/.exec(rest) ?? [];
  const [left, right] = [expand(one ?? ''), expand(other ?? '')];
  if (one === undefined || left === undefined || right === undefined) return undefined;
  return (left.trim() === right.trim()) === (name === 'ifeq');
}

/** The text with its variables replaced; `undefined` where one of them, or a function of make, is not known. */
function expandAll(text: string, lookUp: (name: string) => string | undefined): string | undefined {
  let result = text;
  for (let depth = 0; depth < 8; depth += 1) {
    let isKnown = true;
    result = result.replaceAll(/\$[({]([\w.-]+)[)}]/g, (_, name: string) => {
      const value = lookUp(name);
      if (value === undefined) isKnown = false;
      return value ?? '';
    });
    if (!isKnown || /\$[({][\w-]+\s/.test(result)) return undefined;
    if (!result.includes('$')) return result;
  }
  return undefined;
}

function switchOf(value: string | undefined): Switch {
  if (value === undefined) return '?';
  if (value === 'y' || value === 'm') return value;
  return value === '' || value === 'n' ? '' : '?';
}

/** The likeliest: built, else perhaps built, else in a library, else off. */
function pick(states: readonly ObjectState[]): ObjectState | undefined {
  const order = ['built', 'unknown', 'library', 'off'];
  return order.map((kind) => states.find((state) => state.kind === kind)).find((state) => state !== undefined);
}

/** kbuild reads Kbuild where there is one, and Makefile else (scripts/Makefile.build); the other may be for people. */
function chosen(makefiles: readonly Makefile[]): Makefile[] {
  const isThere = new Set(makefiles.map(({ file }) => file));
  return makefiles.filter(({ file }) => {
    const name = path.posix.basename(file);
    if (name === 'Kbuild') return true;
    return name === 'Makefile' && !isThere.has(path.posix.join(path.posix.dirname(file), 'Kbuild'));
  });
}

/** `core`, `.` for `core/mad.o`. */
function foldersAbove(file: string): string[] {
  const folder = path.posix.dirname(file);
  return folder === '.' ? ['.'] : [folder, ...foldersAbove(folder)];
}
