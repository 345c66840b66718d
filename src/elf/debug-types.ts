/**
 * The types of a C source as values, and which functions and variables mention them, from the debug data of its object.
 * Types are named by the offset of their entry, and read when they are asked for: an object of the kernel knows thousands
 * of which a function needs few.
 */
import { DW_AT, DW_TAG } from './debug-constants.js';
import { DebugEntries, type DebugEntry } from './debug-entries.js';
import type { ElfObject, ElfSection } from './object.js';

export type DebugType =
  | {
      readonly kind: 'record';
      readonly keyword: 'struct' | 'union';
      readonly name: string | undefined;
      /** In bytes. */
      readonly size: number | undefined;
      /** Declared, not defined: `struct mad;`. */
      readonly isIncomplete: boolean;
      readonly members: readonly DebugMember[];
    }
  | {
      readonly kind: 'enum';
      readonly name: string | undefined;
      readonly size: number | undefined;
      readonly isIncomplete: boolean;
      readonly values: ReadonlyMap<string, number>;
    }
  /** `count` is that of all dimensions together; `undefined` for a flexible array. */
  | { readonly kind: 'array'; readonly element: number | undefined; readonly count: number | undefined }
  | { readonly kind: 'pointer'; readonly size: number; readonly target: number | undefined }
  /** A typedef, or `const` and the like, which have no name. */
  | { readonly kind: 'alias'; readonly name: string | undefined; readonly target: number | undefined }
  /** Its result and its parameters. */
  | { readonly kind: 'function'; readonly mentions: readonly number[] }
  | { readonly kind: 'other'; readonly size: number | undefined };

export interface DebugMember {
  /** `undefined` for `struct { … };` within a struct. */
  readonly name: string | undefined;
  readonly type: number | undefined;
  /** Bits from the start of the record. */
  readonly start: number;
  /** Of a bit-field, in bits. */
  readonly width: number | undefined;
}

/** What a function is made of: the types of its parameters and variables, and the functions that it holds inlined. */
export interface FunctionFacts {
  readonly types: ReadonlySet<number>;
  readonly inlined: ReadonlySet<string>;
}

export interface StaticVariable {
  readonly name: string;
  readonly type: number;
  readonly section: ElfSection;
  /** Bytes from the start of the section. */
  readonly offset: number;
}

/** Chains of types are short; a crafted file may go in circles. */
const DEEPEST = 64;

export class DebugTypes {
  /** The definitions of the whole source, `struct mad`, `enum mad_state`, `mad_t` for a typedef of a struct without name. */
  readonly definitions: ReadonlyMap<string, number>;
  /** What is declared only. */
  readonly declarations: ReadonlySet<string>;
  readonly #entries: DebugEntries;
  readonly #isLittle: boolean;
  readonly #functions = new Map<string, number[]>();
  readonly #variables = new Map<string, number[]>();
  readonly #keys = new Map<number, string>();
  readonly #types = new Map<number, DebugType>();

  /** Throws RangeError where there are no debug data, or they cannot be read; so does every method. */
  constructor(object: Pick<ElfObject, 'sections' | 'format'>) {
    this.#entries = new DebugEntries(object);
    this.#isLittle = object.format.byteOrder === 'little';
    const definitions = new Map<string, number>();
    const declarations = new Set<string>();
    for (const entry of this.#topLevel()) {
      const key = this.#indexEntry(entry);
      if (key === undefined) continue;
      if (this.#entries.has(entry, DW_AT.declaration)) declarations.add(key);
      else if (!definitions.has(key)) {
        definitions.set(
          key,
          entry.tag === DW_TAG.typedef ? (this.#entries.number(entry, DW_AT.type) ?? entry.offset) : entry.offset,
        );
      }
    }
    for (const [key, offset] of definitions) this.#keys.set(offset, key);
    this.definitions = definitions;
    this.declarations = declarations;
  }

  /** The name in `definitions` of the type at `offset`; none for what is defined within a function. */
  keyOf(offset: number): string | undefined {
    return this.#keys.get(offset);
  }

  type(offset: number): DebugType {
    let type = this.#types.get(offset);
    if (type === undefined) {
      type = this.#readType(this.#entries.at(offset));
      this.#types.set(offset, type);
    }
    return type;
  }

  /** In bytes; `undefined` for what has none, or does not tell. */
  sizeOf(offset: number | undefined, depth = 0): number | undefined {
    if (offset === undefined || depth > DEEPEST) return undefined;
    const type = this.type(offset);
    if (type.kind === 'alias') return this.sizeOf(type.target, depth + 1);
    if (type.kind === 'function') return undefined;
    if (type.kind !== 'array') return type.size;
    const size = this.sizeOf(type.element, depth + 1);
    return size === undefined || type.count === undefined ? undefined : size * type.count;
  }

  /** Of all functions of that name; empty where there is none. */
  functionFacts(name: string): FunctionFacts {
    const types = new Set<number>();
    const inlined = new Set<string>();
    const seen = new Set<number>();
    const pending = [...(this.#functions.get(name) ?? [])];
    for (let offset = pending.pop(); offset !== undefined; offset = pending.pop()) {
      if (seen.has(offset)) continue;
      seen.add(offset);
      const entry = this.#entries.at(offset);
      const within = [entry, ...this.#below(entry)];
      for (const one of within) {
        const { tag } = one;
        const type = this.#entries.number(one, DW_AT.type);
        if (type !== undefined) types.add(type);
        if (tag !== DW_TAG.inlined_subroutine && tag !== DW_TAG.subprogram) continue;
        const origin = this.#entries.number(one, DW_AT.abstract_origin);
        if (origin === undefined) continue;
        // Parameters and variables are described once for all copies.
        pending.push(origin);
        const callee = tag === DW_TAG.inlined_subroutine ? this.#nameOf(this.#entries.at(origin)) : undefined;
        if (callee !== undefined) inlined.add(callee);
      }
    }
    return { types, inlined };
  }

  /** Types of the parameters and results of all functions of that name, declared ones too. */
  signatureOf(name: string): number[] {
    return (this.#functions.get(name) ?? []).flatMap((offset) => this.#mentionedBy(this.#entries.at(offset)));
  }

  /** Types of the variables of that name outside of functions, declared ones too. */
  variableTypes(name: string): number[] {
    const entries = (this.#variables.get(name) ?? []).map((offset) => this.#described(this.#entries.at(offset)));
    return entries.flatMap((entry) => this.#entries.number(entry, DW_AT.type) ?? []);
  }

  /** Those that stand in memory for good, within functions too. */
  staticVariables(): StaticVariable[] {
    const variables: StaticVariable[] = [];
    for (const top of this.#topLevel()) {
      if (top.tag !== DW_TAG.variable && top.tag !== DW_TAG.subprogram) continue;
      for (const entry of [top, ...this.#below(top)]) {
        const place = entry.tag === DW_TAG.variable ? this.#entries.place(entry, DW_AT.location) : undefined;
        if (place === undefined) continue;
        const type = this.#entries.number(this.#described(entry), DW_AT.type);
        const name = this.#nameOf(entry);
        if (name !== undefined && type !== undefined) variables.push({ name, type, ...place });
      }
    }
    return variables;
  }

  *#topLevel(): Generator<DebugEntry> {
    for (const { first } of this.#entries.units) yield* this.#entries.children(this.#entries.at(first));
  }

  *#below(entry: DebugEntry): Generator<DebugEntry> {
    for (const { entry: below } of this.#entries.descendants(entry)) yield below;
  }

  /** Notes a function or variable; hands back the name of a type. */
  #indexEntry(entry: DebugEntry): string | undefined {
    const { tag, offset } = entry;
    if (tag === DW_TAG.subprogram || tag === DW_TAG.variable) {
      const byName = tag === DW_TAG.subprogram ? this.#functions : this.#variables;
      const name = this.#nameOf(entry);
      if (name === undefined) return undefined;
      const others = byName.get(name);
      if (others === undefined) byName.set(name, [offset]);
      else others.push(offset);
      return undefined;
    }
    const name = this.#entries.text(entry, DW_AT.name);
    if (name === undefined) return undefined;
    if (tag === DW_TAG.structure_type) return `struct ${name}`;
    if (tag === DW_TAG.union_type) return `union ${name}`;
    if (tag === DW_TAG.enumeration_type) return `enum ${name}`;
    return tag === DW_TAG.typedef && this.#isOfNameless(entry) ? name : undefined;
  }

  #isOfNameless(typedef: DebugEntry): boolean {
    const target = this.#entries.number(typedef, DW_AT.type);
    if (target === undefined) return false;
    const entry = this.#entries.at(target);
    return recordOrEnum.has(entry.tag) && !this.#entries.has(entry, DW_AT.name);
  }

  #nameOf(entry: DebugEntry): string | undefined {
    return this.#entries.text(entry, DW_AT.name) ?? this.#entries.text(this.#described(entry), DW_AT.name);
  }

  /** What the entry is a copy or the definition of, itself otherwise. */
  #described(entry: DebugEntry, depth = 0): DebugEntry {
    const origin =
      this.#entries.number(entry, DW_AT.abstract_origin) ?? this.#entries.number(entry, DW_AT.specification);
    return origin === undefined || depth > DEEPEST ? entry : this.#described(this.#entries.at(origin), depth + 1);
  }

  #readType(entry: DebugEntry): DebugType {
    const { tag } = entry;
    const name = this.#entries.text(entry, DW_AT.name);
    const size = this.#entries.number(entry, DW_AT.byte_size);
    const target = this.#entries.number(entry, DW_AT.type);
    const isIncomplete = this.#entries.has(entry, DW_AT.declaration);
    if (tag === DW_TAG.structure_type || tag === DW_TAG.union_type) {
      const keyword = tag === DW_TAG.union_type ? 'union' : 'struct';
      return { kind: 'record', keyword, name, size, isIncomplete, members: this.#membersOf(entry) };
    }
    if (tag === DW_TAG.enumeration_type)
      return { kind: 'enum', name, size, isIncomplete, values: this.#valuesOf(entry) };
    if (tag === DW_TAG.array_type) return { kind: 'array', element: target, count: this.#countOf(entry) };
    if (tag === DW_TAG.pointer_type) return { kind: 'pointer', size: size ?? entry.unit.addressSize, target };
    if (tag === DW_TAG.subroutine_type) return { kind: 'function', mentions: this.#mentionedBy(entry) };
    if (aliases.has(tag)) return { kind: 'alias', name: tag === DW_TAG.typedef ? name : undefined, target };
    return { kind: 'other', size };
  }

  #membersOf(record: DebugEntry): DebugMember[] {
    const members = [...this.#entries.children(record)].filter(({ tag }) => tag === DW_TAG.member);
    return members.map((member) => {
      const width = this.#entries.number(member, DW_AT.bit_size);
      return {
        name: this.#entries.text(member, DW_AT.name),
        type: this.#entries.number(member, DW_AT.type),
        start: this.#startOf(member, width),
        width,
      };
    });
  }

  /**
   * In bits. A bit-field tells it directly since DWARF 4; before, by how far its upper end is from that of the number that
   * holds it (`DW_AT_bit_offset`, DWARF 3, section 5.6.6).
   */
  #startOf(member: DebugEntry, width: number | undefined): number {
    const direct = this.#entries.number(member, DW_AT.data_bit_offset);
    if (direct !== undefined) return direct;
    const start = 8 * (this.#entries.number(member, DW_AT.data_member_location) ?? 0);
    const fromTop = this.#entries.number(member, DW_AT.bit_offset);
    if (width === undefined || fromTop === undefined) return start;
    const holder =
      this.#entries.number(member, DW_AT.byte_size) ?? this.sizeOf(this.#entries.number(member, DW_AT.type)) ?? 0;
    return this.#isLittle ? start + 8 * holder - fromTop - width : start + fromTop;
  }

  #valuesOf(entry: DebugEntry): Map<string, number> {
    const values = new Map<string, number>();
    for (const enumerator of this.#entries.children(entry)) {
      const [name, value] = [
        this.#entries.text(enumerator, DW_AT.name),
        this.#entries.number(enumerator, DW_AT.const_value),
      ];
      if (name !== undefined && value !== undefined) values.set(name, value);
    }
    return values;
  }

  #countOf(array: DebugEntry): number | undefined {
    let count = 1;
    for (const range of this.#entries.children(array)) {
      if (range.tag !== DW_TAG.subrange_type) continue;
      const last = this.#entries.number(range, DW_AT.upper_bound);
      const own = this.#entries.number(range, DW_AT.count) ?? (last === undefined ? undefined : last + 1);
      if (own === undefined) return undefined;
      count *= own;
    }
    return count;
  }

  #mentionedBy(entry: DebugEntry): number[] {
    const parameters = [...this.#entries.children(entry)].filter(({ tag }) => tag === DW_TAG.formal_parameter);
    return [entry, ...parameters].flatMap((one) => this.#entries.number(this.#described(one), DW_AT.type) ?? []);
  }
}

const recordOrEnum: ReadonlySet<number> = new Set([DW_TAG.structure_type, DW_TAG.union_type, DW_TAG.enumeration_type]);

const aliases: ReadonlySet<number> = new Set([
  DW_TAG.typedef,
  DW_TAG.const_type,
  DW_TAG.volatile_type,
  DW_TAG.restrict_type,
  DW_TAG.atomic_type,
]);
