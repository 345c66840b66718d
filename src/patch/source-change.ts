/**
 * What a patch does to a C file, item by item: which functions and data it changes, adds and takes away. Compared are
 * tokens, so that comments, line breaks and moved code are no changes.
 */
import { type Directive, type Item, type Outline, outlineOf } from './c-outline.js';
import { textOf } from './c-tokens.js';

export interface ChangedItem {
  readonly original: Item;
  readonly patched: Item;
}

export interface SourceChange {
  /** Path in the tree. */
  readonly path: string;
  readonly original: Outline;
  readonly patched: Outline;
  readonly changed: readonly ChangedItem[];
  readonly added: readonly Item[];
  readonly removed: readonly Item[];
  /** Directives outside of functions and data that only one side has: `#include "mad_rmpp.h"`. */
  readonly addedDirectives: readonly Directive[];
  readonly removedDirectives: readonly Directive[];
}

/** Every item of the patched file that the patch changes or adds. */
export function touchedItems({ changed, added }: SourceChange): Item[] {
  return [...changed.map(({ patched }) => patched), ...added];
}

/** `undefined` for a side on which the file is not there. */
export interface SourceTexts {
  readonly original: string | undefined;
  readonly patched: string | undefined;
}

/** Throws nothing. */
export function compareSources(path: string, texts: SourceTexts): SourceChange {
  const original = outlineOf(texts.original ?? '');
  const patched = outlineOf(texts.patched ?? '');
  const before = byIdentity(original.items);
  const after = byIdentity(patched.items);
  const changed = [...after].flatMap(([key, item]): ChangedItem[] => {
    const old = before.get(key);
    return old === undefined || textOf(old.tokens) === textOf(item.tokens) ? [] : [{ original: old, patched: item }];
  });
  return {
    path,
    original,
    patched,
    changed,
    added: [...after].flatMap(([key, item]) => (before.has(key) ? [] : [item])),
    removed: [...before].flatMap(([key, item]) => (after.has(key) ? [] : [item])),
    addedDirectives: missingFrom(original, patched),
    removedDirectives: missingFrom(patched, original),
  };
}

/** The C files and headers among the files that the patches touch, compared. Throws nothing. */
export function compareAll(texts: ReadonlyMap<string, SourceTexts>): SourceChange[] {
  return [...texts].filter(([file]) => /\.[ch]$/.test(file)).map(([file, sides]) => compareSources(file, sides));
}

/** By kind and name; the second `show` of a file, under another `#ifdef`, is the twin of the other side's second. */
function byIdentity(items: readonly Item[]): Map<string, Item> {
  const counts = new Map<string, number>();
  const byKey = new Map<string, Item>();
  for (const item of items) {
    // What has no name of its own can only be recognised by what it says.
    const name = item.name === '' ? textOf(item.tokens) : item.name;
    const key = `${item.kind} ${item.macro ?? ''} ${name}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    byKey.set(`${key} ${count}`, item);
  }
  return byKey;
}

function missingFrom(base: Outline, other: Outline): Directive[] {
  const known = new Set(base.directives.map(({ text }) => text));
  return other.directives.filter(({ text }) => !known.has(text));
}
