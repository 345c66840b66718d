/**
 * The types that the patch lays out anew and that the functions of the livepatch can get to, from the debug data of both
 * sides. Types are followed from the functions on, so that nobody reads those that none of them knows.
 */
import { STT } from '../elf/constants.js';
import type { DebugTypes } from '../elf/debug-types.js';
import type { ElfSymbol } from '../elf/object.js';
import type { Comparison } from './compare.js';
import { functionRoot } from './names.js';
import type { Correlation } from './pairing.js';
import type { PreparedObject } from './prepare.js';
import { compareLayouts, type LayoutChange, type ValueChange } from './type-layout.js';

export interface TypeChange {
  /** `struct mad_agent` */
  readonly type: string;
  readonly change: LayoutChange | ValueChange;
  /** The function of the livepatch that is nearest, and the types on the way from there, this one last. */
  readonly path: readonly string[];
  /** Variables of the target, with a value of the old layout, that stay in use. */
  readonly variables: readonly string[];
  /** Functions of other objects that the source calls and that are given such a value, or a pointer to one. */
  readonly handedTo: readonly string[];
}

/** What was found of the types of an exported symbol. */
export interface ExportTypes {
  readonly changed: readonly string[];
  /** Declared only before the patch, and defined after it, as an added `#include` does. */
  readonly completed: readonly string[];
}

export interface TypeFindings {
  readonly changes: readonly TypeChange[];
  /** By symbol, of those that were asked for. */
  readonly exports: ReadonlyMap<string, ExportTypes>;
}

export interface TypeQuestion {
  readonly original: PreparedObject;
  readonly patched: PreparedObject;
  readonly correlation: Correlation;
  readonly comparison: Comparison;
  /** Changed and new functions, of the patched object. */
  readonly functions: readonly ElfSymbol[];
  /** Exported symbols whose types are asked for. */
  readonly exports: readonly string[];
}

/** `undefined` where one side has no debug data, or none that can be read. Throws nothing. */
export function findTypeChanges(question: TypeQuestion): TypeFindings | undefined {
  try {
    const { original, patched } = question;
    return new TypeSearch(question, original.debugTypes(), patched.debugTypes()).find();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return undefined;
  }
}

/** How a type was come to. */
interface Step {
  readonly offset: number;
  readonly from: Step | string;
}

type FoundChange = Pick<TypeChange, 'type' | 'change' | 'path'>;

class TypeSearch {
  constructor(
    readonly question: TypeQuestion,
    readonly original: DebugTypes,
    readonly patched: DebugTypes,
  ) {}

  find(): TypeFindings {
    const starts = this.question.functions.flatMap((symbol) => this.#mentioned(symbol));
    const found = this.#follow(starts).changes;
    const keys = new Set(found.map(({ type }) => type));
    const variables = keys.size === 0 ? new Map<string, string[]>() : this.#variablesOf(keys);
    const outside = keys.size === 0 ? new Map<string, string[]>() : this.#handedOut(keys);
    const changes = found.map((change) => ({
      ...change,
      variables: variables.get(change.type) ?? [],
      handedTo: outside.get(change.type) ?? [],
    }));
    const exports = new Map(this.question.exports.map((name) => [name, this.#exportTypes(name)]));
    return { changes, exports };
  }

  /** By the function's own description, and by the variables outside of it that it refers to. */
  #mentioned({ name, section }: ElfSymbol): Step[] {
    const variables = new Set(section?.relocations.map(({ symbol }) => symbol.name));
    const types = [
      ...this.patched.functionFacts(functionRoot(name)).types,
      ...[...variables].flatMap((variable) => this.patched.variableTypes(variable)),
    ];
    return types.map((offset) => ({ offset, from: functionRoot(name) }));
  }

  #exportTypes(name: string): ExportTypes {
    const types = [...this.patched.signatureOf(name), ...this.patched.variableTypes(name)];
    const starts = types.map((offset) => ({ offset, from: name }));
    const { changes, completed } = this.#follow(starts);
    return { changed: changes.map(({ type }) => type), completed };
  }

  /** Breadth first, so that the way to each type is a short one. */
  #follow(starts: readonly Step[]): { readonly changes: FoundChange[]; readonly completed: string[] } {
    const changes: FoundChange[] = [];
    const completed: string[] = [];
    const seen = new Set<number>();
    const queue: Step[] = [];
    const visit = (step: Step) => {
      if (seen.has(step.offset)) return;
      seen.add(step.offset);
      queue.push(step);
    };
    for (const step of starts) visit(step);
    for (const step of queue) {
      const key = this.patched.keyOf(step.offset);
      const twin = key === undefined ? undefined : this.original.definitions.get(key);
      if (key !== undefined && twin !== undefined) {
        const change = compareLayouts(
          { types: this.original, offset: twin },
          { types: this.patched, offset: step.offset },
        );
        if (change !== undefined) changes.push({ type: key, change, path: this.#pathTo(step) });
      } else if (key !== undefined && this.original.declarations.has(key)) completed.push(key);
      for (const offset of mentionedBy(this.patched, step.offset)) visit({ offset, from: step });
    }
    return { changes, completed };
  }

  #pathTo(step: Step): string[] {
    const names: string[] = [];
    let at: Step | string = step;
    for (; typeof at !== 'string'; at = at.from) {
      const key = this.patched.keyOf(at.offset);
      if (key !== undefined) names.unshift(key);
    }
    return [at, ...names];
  }

  /** By type, the variables of the original object that hold a value of it and that the livepatch shares with the target. */
  #variablesOf(keys: ReadonlySet<string>): Map<string, string[]> {
    const { original, correlation, comparison } = this.question;
    const held = new HeldTypes(this.original, keys);
    const byType = new Map<string, string[]>();
    for (const { name, type, section, offset } of this.original.staticVariables()) {
      const symbol = original.symbolsIn.get(section)?.find((one) => one.type === STT.OBJECT && one.value === offset);
      const twin = symbol && correlation.symbols.patchedOf(symbol);
      if (symbol === undefined || twin === undefined || comparison.symbols.get(twin) === 'new') continue;
      // What has another size has been refused for that.
      if (symbol.size !== twin.size) continue;
      for (const key of held.of(type)) byType.set(key, [...(byType.get(key) ?? []), name]);
    }
    return byType;
  }

  #handedOut(keys: ReadonlySet<string>): Map<string, string[]> {
    const byType = new Map<string, string[]>();
    for (const { name, type, place } of this.question.original.object.symbols) {
      if (place !== 'undefined' || type !== STT.NOTYPE || name === '') continue;
      const pointed = this.original.signatureOf(name).flatMap((offset) => behindPointers(this.original, offset) ?? []);
      for (const key of new Set(pointed)) {
        if (keys.has(key)) byType.set(key, [...(byType.get(key) ?? []), name]);
      }
    }
    return byType;
  }
}

/** Which of the wanted types a value of another type holds within. */
class HeldTypes {
  readonly #known = new Map<number, ReadonlySet<string>>();

  constructor(
    readonly types: DebugTypes,
    readonly wanted: ReadonlySet<string>,
  ) {}

  of(offset: number, depth = 0): ReadonlySet<string> {
    const known = this.#known.get(offset);
    if (known !== undefined) return known;
    // No type holds itself, but a crafted file may say so.
    this.#known.set(offset, new Set());
    if (depth > deepest) return new Set();
    const held = new Set<string>();
    const key = this.types.keyOf(offset);
    if (key !== undefined && this.wanted.has(key)) held.add(key);
    for (const inner of heldBy(this.types, offset)) for (const found of this.of(inner, depth + 1)) held.add(found);
    this.#known.set(offset, held);
    return held;
  }
}

const deepest = 64;

function isKnown(offset: number | undefined): offset is number {
  return offset !== undefined;
}

function heldBy(types: DebugTypes, offset: number): number[] {
  const type = types.type(offset);
  if (type.kind === 'record') return type.members.map((member) => member.type).filter(isKnown);
  if (type.kind === 'array') return [type.element].filter(isKnown);
  return type.kind === 'alias' ? [type.target].filter(isKnown) : [];
}

function mentionedBy(types: DebugTypes, offset: number): readonly number[] {
  const type = types.type(offset);
  if (type.kind === 'function') return type.mentions;
  return type.kind === 'pointer' ? [type.target].filter(isKnown) : heldBy(types, offset);
}

/** The named type that a parameter is, or points to. */
function behindPointers(types: DebugTypes, offset: number, depth = 0): string | undefined {
  const key = types.keyOf(offset);
  const type = types.type(offset);
  if (key !== undefined || depth > deepest) return key;
  const inner = type.kind === 'pointer' || type.kind === 'alias' ? type.target : undefined;
  return inner === undefined ? undefined : behindPointers(types, inner, depth + 1);
}
