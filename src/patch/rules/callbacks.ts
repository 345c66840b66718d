/** Rules about the callbacks that a patch names with the macros of `kpatch-macros.h` (docs/author-guide.md). */
import { diagnose } from '../../diagnostics/catalogue.js';
import type { Diagnostic } from '../../diagnostics/diagnostic.js';
import { inside, isPunctuator, mentions, partsBetweenCommas } from '../c-groups.js';
import type { Item } from '../c-outline.js';
import type { Token } from '../c-tokens.js';
import { isSwitchedOff } from '../conditions.js';
import type { SourceChange } from '../source-change.js';
import { type Doubt, placeOf, type Scene, type SourceRule } from './scene.js';

export const callbackRules: readonly SourceRule[] = [unpaired, repeated, unfit, notRepeatable];

interface Kind {
  readonly macro: string;
  /** What its function returns. */
  readonly result: 'int' | 'void';
  /** The kind that undoes it: Documentation/livepatch/callbacks.rst. */
  readonly counterpart?: string;
}

const KINDS: readonly Kind[] = [
  { macro: 'KPATCH_PRE_PATCH_CALLBACK', result: 'int', counterpart: 'KPATCH_POST_UNPATCH_CALLBACK' },
  { macro: 'KPATCH_POST_PATCH_CALLBACK', result: 'void', counterpart: 'KPATCH_PRE_UNPATCH_CALLBACK' },
  { macro: 'KPATCH_PRE_UNPATCH_CALLBACK', result: 'void' },
  { macro: 'KPATCH_POST_UNPATCH_CALLBACK', result: 'void' },
];

interface Callback {
  readonly kind: Kind;
  readonly change: SourceChange;
  /** The macro's call. */
  readonly item: Item;
}

function callbacksOf({ changes, config }: Scene): Callback[] {
  return changes.flatMap((change) =>
    change.patched.items.flatMap((item) => {
      const kind = KINDS.find(({ macro }) => macro === item.macro);
      return kind === undefined || isSwitchedOff(item.conditions, config) ? [] : [{ kind, change, item }];
    }),
  );
}

const detailsOf = ({ kind, change, item }: Callback) => ({
  ...placeOf(change, item),
  macro: kind.macro,
  functionName: item.name,
});

/** A module's callbacks may stand in any of its files, so that all files of the patch are searched for the counterpart. */
function unpaired(scene: Scene): Diagnostic[] {
  const callbacks = callbacksOf(scene);
  const given = new Set(callbacks.map(({ kind }) => kind.macro));
  return callbacks.flatMap((callback) => {
    const missing = callback.kind.counterpart;
    if (missing === undefined || given.has(missing)) return [];
    return [diagnose('callback-unpaired', { ...detailsOf(callback), missing })];
  });
}

/** Each module may have one of a kind. */
function repeated(scene: Scene): Diagnostic[] {
  const callbacks = callbacksOf(scene);
  return callbacks.flatMap((callback, at) => {
    for (const first of callbacks.slice(0, at).filter(({ kind }) => kind === callback.kind)) {
      const doubt = doubtAboutModules(first.change.path, callback.change.path, scene);
      if (doubt === undefined) continue;
      const place = placeOf(first.change, first.item);
      return [diagnose('callback-repeated', { ...doubt, ...detailsOf(callback), first: place })];
    }
    return [];
  });
}

/** `undefined` where the two files are certainly not of one module. */
function doubtAboutModules(one: string, other: string, { modules }: Scene): Doubt | undefined {
  const [owners, others] = [modules.get(one) ?? [], modules.get(other) ?? []];
  if (one === other || (owners.length === 1 && others.length === 1 && owners[0] === others[0])) return {};
  const mayShare = owners.length === 0 || others.length === 0 || owners.some((name) => others.includes(name));
  return mayShare ? { cannotTell: 'here whether both files are of one module' } : undefined;
}

function unfit(scene: Scene): Diagnostic[] {
  return callbacksOf(scene).flatMap((callback) => {
    const problem = problemOf(callback);
    return problem === undefined ? [] : [diagnose('callback-unfit', { ...detailsOf(callback), ...problem })];
  });
}

interface Problem extends Doubt {
  readonly problem: string;
}

function problemOf({ kind, change, item: { name } }: Callback): Problem | undefined {
  const isNamed = (candidate: Item) => candidate.kind === 'function' && candidate.name === name;
  const definition = change.patched.items.find(isNamed);
  if (definition === undefined) {
    return { problem: 'is not defined in this file', cannotTell: 'here whether a macro defines it' };
  }
  if (change.original.items.some(isNamed)) return { problem: 'is there without the patch too' };
  const mark = definition.head.find(({ text }) => text === '__init' || text === '__exit')?.text;
  if (mark !== undefined) return { problem: `is ${mark}` };
  const expected = `${kind.result} ${name}(patch_object *)`;
  const isRight = [hasResult(definition, kind.result), hasParameter(definition)];
  if (isRight.includes(false)) return { problem: `is not ${expected}` };
  if (!isRight.includes(undefined)) return undefined;
  return { problem: `may not be ${expected}`, cannotTell: 'here what its types mean' };
}

/** Words of a declaration that say nothing of the type of the result. */
const STORAGE = /^(static|inline|noinline|extern|__\w+|notrace)$/;
const BASIC_TYPES: ReadonlySet<string> = new Set([
  'int',
  'void',
  'long',
  'short',
  'char',
  'bool',
  'unsigned',
  'signed',
]);

/** `undefined` where a type of another name might be the expected one. */
function hasResult({ head, name }: Item, expected: string): boolean | undefined {
  const words = head
    .slice(
      0,
      head.findIndex(({ text }) => text === name),
    )
    .filter(({ text }) => !STORAGE.test(text));
  if (words.map(({ text }) => text).join(' ') === expected) return true;
  return words.every(({ kind, text }) => kind !== 'word' || BASIC_TYPES.has(text)) ? false : undefined;
}

/** As of `hasResult`. `patch_object` is `struct klp_object`. */
function hasParameter({ head, name }: Item): boolean | undefined {
  const at = head.findIndex(({ text }, place) => text === name && isPunctuator(head[place + 1], '('));
  const parameters = partsBetweenCommas(inside(head, at + 1));
  const [parameter = []] = parameters;
  if (parameters.length !== 1) return false;
  const isPointer = parameter.filter((token) => isPunctuator(token, '*')).length === 1;
  if (mentions(parameter, 'patch_object') || mentions(parameter, 'klp_object')) return isPointer;
  return parameter.every(({ kind, text }) => kind !== 'word' || BASIC_TYPES.has(text)) ? false : undefined;
}

/** What gives another result when it is done again. `x = 5` and `x |= 4` do not. */
const ACCUMULATES = /^(\+\+|--|[-+*^]=|<<=|>>=)$/;

/** A condition before it is taken for the guard. */
function notRepeatable(scene: Scene): Diagnostic[] {
  return callbacksOf(scene).flatMap((callback) => {
    const { kind, change, item } = callback;
    if (kind.counterpart === undefined) return [];
    const definition = change.patched.items.find(({ kind: of, name }) => of === 'function' && name === item.name);
    const variable = definition === undefined ? undefined : accumulated(definition, change);
    return variable === undefined ? [] : [diagnose('callback-not-repeatable', { ...detailsOf(callback), variable })];
  });
}

/** The first variable of the file that the body changes by its own value. */
function accumulated({ body }: Item, { patched }: SourceChange): string | undefined {
  const guard = body.findIndex(({ text }) => text === 'if' || text === 'switch');
  const seen = guard === -1 ? body : body.slice(0, guard);
  const isOfFile = (word: string) => patched.items.some(({ kind, name }) => kind === 'variable' && name === word);
  const at = seen.findIndex((token) => token.kind === 'punctuator' && ACCUMULATES.test(token.text));
  if (at === -1) return undefined;
  const words = [...statementAround(seen, at)].filter(({ kind, text }) => kind === 'word' && isOfFile(text));
  return words[0]?.text;
}

function statementAround(tokens: readonly Token[], at: number): readonly Token[] {
  const isEdge = (token: Token | undefined) => [';', '{', '}'].some((text) => isPunctuator(token, text));
  const start = tokens.slice(0, at).findLastIndex(isEdge);
  const end = tokens.findIndex((token, place) => place > at && isEdge(token));
  return tokens.slice(start + 1, end === -1 ? undefined : end);
}
