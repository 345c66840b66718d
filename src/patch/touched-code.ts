/**
 * What a patch touches in the sources, as the comparison of objects wants to know it: is a function expected to change, can
 * a type have changed?
 */
import type { Item } from './c-outline.js';
import { compareAll, type SourceChange, type SourceTexts } from './source-change.js';

export interface TouchedCode {
  /** Functions that the patch changes, adds or takes away; of `SYSCALL_DEFINE1(mad, …)` the argument. */
  readonly functions: ReadonlySet<string>;
  /** Those of them that a header defines. */
  readonly headerFunctions: ReadonlySet<string>;
  /**
   * Functions of the touched files that name one of them, directly or by way of others of these files: what was inlined and
   * folded to a constant leaves no other trace (`timeout_ms(18)`).
   */
  readonly users: ReadonlySet<string>;
  /** Something else than functions differs too: macros, types, includes, data. Any function may change with it. */
  readonly touchesMore: boolean;
  /** A type may have become another one. */
  readonly mayChangeTypes: boolean;
}

/**
 * `texts` are those of all files that the patches touch, by path in the tree; `compared` what `compareAll` makes of them.
 * Throws nothing.
 */
export function touchedCode(texts: ReadonlyMap<string, SourceTexts>, compared = compareAll(texts)): TouchedCode {
  const changes = compared.map((change) => ({ change, isHeader: change.path.endsWith('.h') }));
  const functions = changes.flatMap(({ change }) => functionsIn(change));
  const headerFunctions = changes.filter(({ isHeader }) => isHeader).flatMap(({ change }) => functionsIn(change));
  const rest = changes.flatMap(({ change }) => [...itemsIn(change)].filter(({ kind }) => kind !== 'function'));
  const hasDirectives = changes.some(({ change }) => {
    return change.addedDirectives.length > 0 || change.removedDirectives.length > 0;
  });
  // Of another language, or one that decides how the others are compiled.
  const hasOthers = [...texts.keys()].some((file) => !/\.[ch]$/.test(file));
  const isHarmless = ({ kind, macro = '' }: Item) => kind === 'variable' || /^(EXPORT|MODULE|KPATCH)_/.test(macro);
  return {
    functions: new Set(functions),
    headerFunctions: new Set(headerFunctions),
    users: usersOf(functions, compared),
    touchesMore: rest.length > 0 || hasDirectives || hasOthers,
    mayChangeTypes: hasDirectives || hasOthers || rest.some((item) => !isHarmless(item)),
  };
}

function itemsIn({ changed, added, removed }: SourceChange): Item[] {
  return [...changed.map(({ patched }) => patched), ...added, ...removed];
}

function functionsIn(change: SourceChange): string[] {
  return itemsIn(change)
    .filter(({ kind }) => kind === 'function')
    .map(({ name }) => name);
}

function usersOf(functions: readonly string[], changes: readonly SourceChange[]): Set<string> {
  const items = changes.flatMap(({ original, patched }) => [...original.items, ...patched.items]);
  const bodies = items
    .filter(({ kind }) => kind === 'function')
    .map(({ name, body }) => ({ name, words: new Set(body.map(({ text }) => text)) }));
  const reached = new Set(functions);
  // Each round adds the functions that name what was reached so far, until no more are added.
  for (let size = 0; size !== reached.size; ) {
    size = reached.size;
    for (const { name, words } of bodies) {
      if ([...reached].some((one) => words.has(one))) reached.add(name);
    }
  }
  return reached;
}
