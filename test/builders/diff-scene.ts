/** Small objects for the passes of the diff: functions as gcc begins them, and a lookup that answers from a table. */
import { x86_64 } from '../../src/arch/x86-64.js';
import type { Comparison, Status } from '../../src/diff/compare.js';
import type { ObjectDiff } from '../../src/diff/diff-objects.js';
import { Inclusion } from '../../src/diff/include.js';
import { type PreparedObject, prepareObject } from '../../src/diff/prepare.js';
import { SHF, SHT, STB, STT } from '../../src/elf/constants.js';
import type { ElfSection, ElfSymbol, Relocation } from '../../src/elf/object.js';
import type { Lookup, LookupAnswer } from '../../src/lookup/lookup.js';
import { ObjectBuilder } from './elf.js';

export const R_NONE = 0;
export const R_64 = 1;
export const R_PC32 = 2;
export const R_PLT32 = 4;
export const R_32S = 11;
export const R_PC64 = 24;

export const CALL = [0xe8, 0, 0, 0, 0] as const;
export const RET = 0xc3;

/** Adds to the builder what comes up in every object. */
export class Scene {
  readonly builder = new ObjectBuilder();
  readonly #undefined = new Map<string, ElfSymbol>();

  undefinedSymbol(name: string): ElfSymbol {
    const symbol = this.#undefined.get(name) ?? this.builder.undefinedSymbol(name);
    this.#undefined.set(name, symbol);
    return symbol;
  }

  /** A traced function in its own section: the call of `__fentry__`, then `body`, then `ret`. */
  function(name: string, body: readonly number[] = [], bind: number = STB.LOCAL): ElfSymbol {
    const symbol = this.builder.function(name, [...CALL, ...body, RET], { bind });
    const section = sectionOf(symbol);
    section.relocations.push({ offset: 1, type: R_PLT32, symbol: this.undefinedSymbol('__fentry__'), addend: -4 });
    this.builder.sectionSymbol(section);
    return symbol;
  }

  /** A section with data, without a symbol. */
  data(name: string, content: readonly number[] | Uint8Array, flags: number = SHF.ALLOC | SHF.WRITE): ElfSection {
    return this.builder.section({ name, type: SHT.PROGBITS, flags, content: Uint8Array.from(content) });
  }

  object(name: string, place: ElfSection, value = 0, size = 4, bind: number = STB.LOCAL): ElfSymbol {
    return this.builder.symbol({ name, place, value, size, bind, type: STT.OBJECT });
  }

  strings(name: string, ...texts: readonly string[]): ElfSection {
    const flags = SHF.ALLOC | SHF.MERGE | SHF.STRINGS;
    const content = Buffer.from(texts.map((text) => `${text}\0`).join(''));
    return this.builder.section({ name, type: SHT.PROGBITS, flags, entrySize: 1, content });
  }

  prepared(fileName = 'scene.o'): PreparedObject {
    return prepareObject(this.builder.build(fileName), x86_64);
  }
}

export function sectionOf(symbol: ElfSymbol): ElfSection {
  if (symbol.section === undefined) throw new Error(`${symbol.name} has no section`);
  return symbol.section;
}

export function named<T extends { readonly name: string }>(things: readonly T[], name: string): T {
  const found = things.find((thing) => thing.name === name);
  if (found === undefined) throw new Error(`nothing is named ${name}`);
  return found;
}

/** `symbol+addend` of each relocation, by offset. */
export function references(section: { readonly relocations: readonly Relocation[] }): string[] {
  return section.relocations.map(
    ({ offset, symbol, addend }) => `${offset} ${symbol.name}${addend < 0 ? '' : '+'}${addend}`,
  );
}

/** An inclusion with these functions and all sections of theirs; everything else is the same as in the original. */
export function including(prepared: PreparedObject, ...functions: readonly ElfSymbol[]): Inclusion {
  const comparison: Comparison = { sections: new Map(), symbols: new Map(), entryChanges: new Map() };
  for (const section of prepared.object.sections) comparison.sections.set(section, 'same');
  for (const symbol of prepared.object.symbols) comparison.symbols.set(symbol, 'same');
  for (const symbol of functions) setStatus(comparison, symbol, 'changed');
  const inclusion = new Inclusion(prepared, comparison);
  for (const symbol of functions) inclusion.addSymbol(symbol);
  return inclusion;
}

export function setStatus(comparison: Comparison, symbol: ElfSymbol, status: Status): void {
  comparison.symbols.set(symbol, status);
  if (symbol.section !== undefined) comparison.sections.set(symbol.section, status);
}

export interface Known {
  readonly object: string;
  readonly isExported?: boolean;
  readonly sympos?: number;
}

/** Answers for module `toy` from tables by name; names that are in neither are missing. */
export function lookupOf(
  {
    locals = {},
    globals = {},
  }: { locals?: Readonly<Record<string, Known>>; globals?: Readonly<Record<string, Known>> },
  objectName = 'toy',
): Lookup {
  const answer = (name: string, known: Known | undefined): LookupAnswer => {
    if (known === undefined) return { kind: 'missing' };
    const { object, isExported = false, sympos = 0 } = known;
    const symbol = { name, object, sympos, size: 24, address: 0x40n };
    return { kind: 'found', symbol, isExported, level: 1, evidence: 'the table says so' };
  };
  return {
    objectName,
    local: (name) => answer(name, locals[name]),
    global: (name) => answer(name, globals[name]),
  };
}

/** A diff of the scene's object in which nothing changed but what `parts` say. */
export function diffOfScene(scene: Scene, parts: Partial<ObjectDiff> = {}): ObjectDiff {
  return {
    arch: x86_64,
    object: scene.builder.build('toy.o'),
    statuses: new Map(),
    changedFunctions: [],
    newlyCallable: new Set(),
    newFunctions: [],
    newData: [],
    reasons: new Map(),
    callbacks: [],
    splitFunctions: new Set(),
    tableSections: new Set(),
    ownEntries: new Set(),
    ...parts,
  };
}
