/** What the rules of this folder look at, and the questions that several of them ask. */
import type { Diagnostic } from '../../diagnostics/diagnostic.js';
import type { KernelConfig } from '../../kernel/config.js';
import type { Item, Outline } from '../c-outline.js';
import { textOf } from '../c-tokens.js';
import { isSwitchedOff, isSwitchedOn, tokensInSight } from '../conditions.js';
import type { ChangedItem, SourceChange } from '../source-change.js';

export interface Scene {
  /** Paths in the tree of all files that the patch touches. */
  readonly files: readonly string[];
  /** The C files and headers among them. */
  readonly changes: readonly SourceChange[];
  /** The functions and data that the patch changes for this kernel. */
  readonly functions: readonly ChangedFunction[];
  readonly variables: readonly ChangedThing[];
  readonly config: KernelConfig;
  /** By file, the modules that may link it, where the makefiles tell. */
  readonly modules: ReadonlyMap<string, readonly string[]>;
}

/** A rule: what the patch breaks of it. Throws nothing. */
export type SourceRule = (scene: Scene) => Diagnostic[];

export interface ChangedThing {
  readonly change: SourceChange;
  /** Both sides as this kernel's compiler sees them. */
  readonly original: Item;
  readonly patched: Item;
  readonly place: Place;
  /** Said where only the preprocessor knows whether it is compiled at all. */
  readonly doubt: Doubt;
}

export interface ChangedFunction extends ChangedThing {
  /** What every finding about it names. */
  readonly place: Place & { readonly functionName: string };
}

export interface Place {
  readonly file: string;
  readonly line: number;
}

/** For the details of a finding: without `cannotTell` it is certain. */
export interface Doubt {
  readonly cannotTell?: string;
}

export function sceneOf(
  files: readonly string[],
  changes: readonly SourceChange[],
  config: KernelConfig,
  modules: Scene['modules'],
): Scene {
  const things = changes.flatMap((change) => change.changed.flatMap((pair) => changedThing(change, pair, config)));
  return {
    files,
    changes,
    functions: things
      .filter(({ patched }) => patched.kind === 'function')
      .map((thing) => ({ ...thing, place: { ...thing.place, functionName: thing.patched.name } })),
    variables: things.filter(({ patched }) => patched.kind === 'variable'),
    config,
    modules,
  };
}

/** Nothing where the change is out of this kernel's sight. */
function changedThing(change: SourceChange, pair: ChangedItem, config: KernelConfig): ChangedThing[] {
  if (isSwitchedOff(pair.patched.conditions, config)) return [];
  const [original, patched] = [inSight(pair.original, config), inSight(pair.patched, config)];
  if (textOf(original.tokens) === textOf(patched.tokens)) return [];
  return [{ change, original, patched, place: placeOf(change, patched), doubt: doubtAbout(change, patched, config) }];
}

function inSight(item: Item, config: KernelConfig): Item {
  const [tokens, head, body] = [item.tokens, item.head, item.body].map((part) => tokensInSight(part, config));
  return { ...item, tokens: tokens ?? [], head: head ?? [], body: body ?? [] };
}

function doubtAbout({ patched: outline }: SourceChange, { conditions }: Item, config: KernelConfig): Doubt {
  const open = conditions.find((text) => !isSwitchedOn([text], config) && !isGuard(text, outline));
  return open === undefined ? {} : { cannotTell: `whether this kernel has it: it is under ${open}` };
}

/** `#ifndef MAD_H` around a header that then defines it. */
function isGuard(condition: string, { directives }: Outline): boolean {
  const name = /^#if(?:ndef | !defined ?\(? ?)(\w+)/.exec(condition)?.[1];
  return name !== undefined && directives.some(({ text }) => text.split(' ')[1] === name);
}

/** Names of object-like and function-like macros that the patch defines otherwise, or only now. */
export function changedMacros(changes: readonly SourceChange[]): Set<string> {
  const directives = changes.flatMap(({ addedDirectives, removedDirectives }) => [
    ...addedDirectives,
    ...removedDirectives,
  ]);
  return new Set(directives.flatMap(({ text }) => /^#define (\w+)/.exec(text)?.[1] ?? []));
}

export function placeOf(change: SourceChange, { line }: { readonly line: number }): Place {
  return { file: change.path, line };
}
