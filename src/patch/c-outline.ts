/**
 * What stands at the top level of a C file: functions with their extents, variables with their initial values, macros
 * that are called there. For the rules that judge a patch by its source, before anything is compiled. No preprocessor is
 * run, so that macros are seen as they are written and both sides of an `#ifdef` are there.
 */
import { endOfGroup, isPunctuator, topLevel } from './c-groups.js';
import { type Token, tokenize } from './c-tokens.js';

export type ItemKind =
  /** With a body: also what a macro defines, `SYSCALL_DEFINE1(name, …) { }`. */
  | 'function'
  | 'variable'
  /** A macro called at the top level without a body: `EXPORT_SYMBOL(name);`, `DEFINE_MUTEX(lock);`. */
  | 'macro-call'
  /** Types, prototypes, typedefs, `extern` declarations: what makes neither code nor data. */
  | 'declaration';

export interface Item {
  readonly kind: ItemKind;
  /** Of the function, variable, type or macro's first argument; empty where there is none. */
  readonly name: string;
  /** The macro that stands for the definition: `SYSCALL_DEFINE1`, `EXPORT_SYMBOL_GPL`. */
  readonly macro: string | undefined;
  /** First and last line. */
  readonly line: number;
  readonly lastLine: number;
  /** All of it in order, directives within it too. */
  readonly tokens: readonly Token[];
  /** The tokens before the body or the initial value: attributes and types. */
  readonly head: readonly Token[];
  /** Body without its braces, or the initial value; empty where there is none. */
  readonly body: readonly Token[];
  /** The `#if` lines that are open around it, outermost first: `#ifdef CONFIG_PM`, `#else of #ifdef CONFIG_PM`. */
  readonly conditions: readonly string[];
}

/** An `#include`, `#define` or the like outside of items. Conditions are no directives of their own. */
export interface Directive {
  readonly text: string;
  readonly line: number;
  /** As of an item. */
  readonly conditions: readonly string[];
}

export interface Outline {
  readonly items: readonly Item[];
  readonly directives: readonly Directive[];
}

/** Throws nothing: what does not make sense as C becomes a declaration, or is left out. */
export function outlineOf(source: string): Outline {
  const reader = new OutlineReader();
  for (const token of tokenize(source)) reader.read(token);
  return reader.finish();
}

/** Where the reader is within the item that it collects. */
interface State {
  /** Grows while the item is read. */
  readonly tokens: Token[];
  /** How many braces, and parentheses or brackets, are open. */
  readonly braces: number;
  readonly groups: number;
  /** Number of the token that opened the body of a function. */
  readonly bodyAt: number | undefined;
}

const betweenItems = (): State => ({ tokens: [], braces: 0, groups: 0, bodyAt: undefined });

interface OpenCondition {
  readonly text: string;
  /** Where the reader was before the `#if`. */
  readonly before: State;
  readonly wasInItem: boolean;
  /** Where it was at the end of the first branch that does not end as it began. */
  readonly unbalanced: State | undefined;
}

/**
 * Reads tokens in order. Where the branches of an `#if` open the same brace twice, as in
 *
 *     #ifdef CONFIG_SMP
 *     static int show(int cpu) {
 *     #else
 *     static int show(void) {
 *     #endif
 *
 * each branch is read as if it stood alone, and after the `#endif` the first one counts.
 */
class OutlineReader {
  readonly #items: Item[] = [];
  readonly #directives: Directive[] = [];
  readonly #conditions: OpenCondition[] = [];
  #state = betweenItems();

  read(token: Token): void {
    if (token.kind === 'directive') this.#readDirective(token);
    else this.#readToken(token);
  }

  finish(): Outline {
    this.#end();
    return { items: this.#items, directives: this.#directives };
  }

  #readDirective(token: Token): void {
    const name = /^#(\w+)/.exec(token.text)?.[1] ?? '';
    const open = this.#conditions.at(-1);
    const isInItem = this.#isInItem();
    if (name.startsWith('if')) {
      const before = { ...this.#state };
      this.#conditions.push({ text: token.text, before, wasInItem: isInItem, unbalanced: undefined });
    } else if (name.startsWith('el') && open !== undefined) {
      const text = name === 'else' ? `#else of ${open.text}` : token.text;
      this.#conditions[this.#conditions.length - 1] = { ...this.#endBranch(open), text };
      this.#state = open.wasInItem ? open.before : betweenItems();
    } else if (name === 'endif' && open !== undefined) {
      this.#conditions.pop();
      this.#state = this.#endBranch(open).unbalanced ?? this.#state;
    } else if (!isInItem) {
      this.#directives.push({ text: token.text, line: token.line, conditions: this.#openConditions() });
    }
    if (this.#isInItem()) this.#state.tokens.push(token);
  }

  #endBranch(open: OpenCondition): OpenCondition {
    const { braces, groups } = this.#state;
    const { before, wasInItem, unbalanced } = open;
    const isBalanced = braces === before.braces && groups === before.groups && this.#isInItem() === wasInItem;
    return { ...open, unbalanced: unbalanced ?? (isBalanced ? undefined : this.#state) };
  }

  #readToken(token: Token): void {
    if (isMacroCallWithoutSemicolon(this.#state, token)) this.#end();
    this.#state = advance(this.#state, token);
    if (isAtEnd(this.#state, token)) this.#end();
  }

  #end(): void {
    const item = itemOf(this.#state, this.#openConditions());
    if (item !== undefined) this.#items.push(item);
    this.#state = betweenItems();
  }

  #openConditions(): string[] {
    return this.#conditions.map(({ text }) => text);
  }

  #isInItem(): boolean {
    return this.#state.tokens.length > 0;
  }
}

function advance({ tokens, braces, groups, bodyAt }: State, token: Token): State {
  const isTop = braces === 0 && groups === 0;
  const opensBody = isTop && bodyAt === undefined && isPunctuator(token, '{') && isFunctionHead(tokens);
  const at = tokens.push(token) - 1;
  return {
    tokens,
    braces: Math.max(0, braces + stepOf(token, '{', '}')),
    groups: Math.max(0, groups + stepOf(token, '(', ')') + stepOf(token, '[', ']')),
    bodyAt: opensBody ? at : bodyAt,
  };
}

function stepOf(token: Token, opening: string, closing: string): number {
  if (isPunctuator(token, opening)) return 1;
  return isPunctuator(token, closing) ? -1 : 0;
}

/** Parentheses that a body leaves open are forgotten with it, so that one broken function does not swallow the rest. */
function isAtEnd({ braces, groups, bodyAt }: State, token: Token): boolean {
  if (braces > 0) return false;
  if (isPunctuator(token, '}')) return bodyAt !== undefined;
  return isPunctuator(token, ';') && groups === 0;
}

/** `EXPORT_SYMBOL(name)` on a line of its own: what comes on the next line is not part of it. */
function isMacroCallWithoutSemicolon({ tokens, braces, groups, bodyAt }: State, token: Token): boolean {
  const [first, second] = tokens;
  const last = tokens.at(-1);
  if (first === undefined || second === undefined || last === undefined) return false;
  if (braces > 0 || groups > 0 || bodyAt !== undefined || token.kind !== 'word') return false;
  if (!isPunctuator(last, ')') || token.line === last.lastLine || !isPunctuator(second, '(')) return false;
  return isMacroName(first.text) && endOfGroup(tokens, 1) === tokens.length - 1;
}

/** By the kernel's habit: capitals, or one of the few that register something and are written small. */
function isMacroName(word: string): boolean {
  return /^_*[A-Z][A-Z0-9_]+$/.test(word) || /^(module_\w+|\w+_initcall(_sync)?)$/.test(word);
}

function itemOf({ tokens, bodyAt }: State, conditions: readonly string[]): Item | undefined {
  const code = tokens.filter(({ kind }) => kind !== 'directive');
  const [first] = code;
  const last = tokens.at(-1);
  if (first === undefined || last === undefined || isPunctuator(first, ';')) return undefined;
  const place = { line: first.line, lastLine: last.lastLine, tokens: [...tokens], conditions };
  if (bodyAt !== undefined) {
    const head = tokens.slice(0, bodyAt);
    const body = tokens.slice(bodyAt + 1, -1);
    return { kind: 'function', ...definedBy(head), ...place, head, body };
  }
  const assignment = topLevel(code).find((at) => isPunctuator(code[at], '='));
  const end = assignment ?? code.length;
  const head = code.slice(0, end);
  const body = code.slice(end + 1, -1);
  return { ...classify(head, assignment !== undefined), ...place, head, body };
}

/** Which kind of item has no function body, by what stands before its initial value. */
function classify(head: readonly Token[], hasValue: boolean): Pick<Item, 'kind' | 'name' | 'macro'> {
  const [call] = callsInHead(head);
  const words = head.filter(({ kind }) => kind === 'word').map(({ text }) => text);
  const isExtern = words[0] === 'extern' || words[0] === 'typedef';
  const isBareCall = call !== undefined && head.slice(0, call.at).every(({ text }) => storage.has(text));
  if (!hasValue && isBareCall) return { kind: 'macro-call', name: firstArgument(head, call.at), macro: call.name };
  const pointer = pointerName(head);
  if (call !== undefined && !hasValue) return { kind: 'declaration', name: call.name, macro: undefined };
  const name = pointer ?? declaredName(head);
  if (hasValue) return { kind: 'variable', name, macro: isBareCall ? call.name : undefined };
  const isVariable = !isExtern && (pointer !== undefined || isDeclarator(head));
  return { kind: isVariable ? 'variable' : 'declaration', name, macro: undefined };
}

/** `struct mad { … } pool;` and `int count;` declare a variable, `struct mad { … };` and `struct mad;` do not. */
function isDeclarator(head: readonly Token[]): boolean {
  const words = topLevel(head)
    .map((at) => head[at])
    .filter((token) => token?.kind === 'word' && !isAttribute(token.text));
  const brace = head.findLastIndex((token) => isPunctuator(token, '}'));
  // Some attributes of types are known by their underscores only: `} __randomize_layout;`.
  if (brace !== -1) return head.slice(brace).some(({ kind, text }) => kind === 'word' && !text.startsWith('__'));
  const isTagged = words.some((token) => tags.has(token?.text ?? ''));
  return words.filter((token) => !storage.has(token?.text ?? '')).length > (isTagged ? 2 : 1);
}

/** `mad` of `struct mad { … } __packed;`. */
function taggedName(head: readonly Token[]): string | undefined {
  const brace = head.findIndex((token) => isPunctuator(token, '{'));
  const isTagged = tags.has(head[brace - 2]?.text ?? '') && !isDeclarator(head);
  return isTagged ? head[brace - 1]?.text : undefined;
}

/** The last word outside of brackets; of `DEFINE_PER_CPU(int, count)` the last one within. */
function declaredName(head: readonly Token[]): string {
  const tag = taggedName(head);
  if (tag !== undefined) return tag;
  const places = topLevel(head);
  const firstComma = places.find((at) => isPunctuator(head[at], ','));
  const last = places.findLast((at) => {
    const token = head[at];
    return token?.kind === 'word' && !isAttribute(token.text) && at < (firstComma ?? head.length);
  });
  if (last === undefined) return '';
  if (!isPunctuator(head[last + 1], '(')) return head[last]?.text ?? '';
  const inside = head.slice(last + 1, endOfGroup(head, last + 1));
  return inside.findLast(({ kind }) => kind === 'word')?.text ?? '';
}

/** `hook` of `static void (*hook)(void)`. */
function pointerName(head: readonly Token[]): string | undefined {
  const at = topLevel(head).find((place) => isPunctuator(head[place], '(') && isPunctuator(head[place + 1], '*'));
  if (at === undefined) return undefined;
  return head.slice(at, endOfGroup(head, at)).find(({ kind }) => kind === 'word')?.text;
}

function isFunctionHead(tokens: readonly Token[]): boolean {
  const head = tokens.filter(({ kind }) => kind !== 'directive');
  return callsInHead(head).length > 0 && !topLevel(head).some((at) => isPunctuator(head[at], '='));
}

/**
 * Name of what a head defines. In `static int __must_check send(struct mad *mad) __must_hold(&lock)` it is `send`: the
 * first word before a parenthesis that is no attribute, and does not look like one where another does not.
 */
function definedBy(head: readonly Token[]): Pick<Item, 'name' | 'macro'> {
  const code = head.filter(({ kind }) => kind !== 'directive');
  const calls = callsInHead(code);
  const call = calls.find(({ name }) => !name.startsWith('__')) ?? calls[0];
  if (call === undefined) return { name: '', macro: undefined };
  const isMacro = isMacroName(call.name);
  return isMacro ? { name: firstArgument(code, call.at), macro: call.name } : { name: call.name, macro: undefined };
}

interface HeadCall {
  readonly name: string;
  /** Number of the token that is the name. */
  readonly at: number;
}

/** The words that stand before a parenthesis outside of all brackets, without attributes and keywords. */
function callsInHead(head: readonly Token[]): HeadCall[] {
  return topLevel(head).flatMap((at) => {
    const token = head[at];
    const isCall = token?.kind === 'word' && isPunctuator(head[at + 1], '(');
    return isCall && !isAttribute(token.text) && !keywords.has(token.text) ? [{ name: token.text, at }] : [];
  });
}

function firstArgument(head: readonly Token[], call: number): string {
  const inside = head.slice(call + 2, endOfGroup(head, call + 1));
  return inside.find(({ kind }) => kind === 'word')?.text ?? '';
}

const storage: ReadonlySet<string> = new Set([
  'static',
  'const',
  'volatile',
  'inline',
  '__maybe_unused',
  '__read_mostly',
]);
const tags: ReadonlySet<string> = new Set(['struct', 'union', 'enum']);
const keywords: ReadonlySet<string> = new Set([
  ...['void', 'char', 'short', 'int', 'long', 'float', 'double', 'signed', 'unsigned', '_Bool', 'bool'],
  ...['const', 'volatile', 'static', 'extern', 'inline', 'typedef', 'struct', 'union', 'enum'],
  ...['typeof', '__typeof__', '_Static_assert', 'static_assert'],
]);

/** Words that take parentheses but declare nothing: `__attribute__((packed))`, `__acquires(lock)`, `__section(".x")`. */
export function isAttribute(word: string): boolean {
  return attributes.has(word) || (word.startsWith('__') && lowerCaseAttributes.test(word));
}

const attributes: ReadonlySet<string> = new Set([
  'asm',
  '__asm__',
  '____cacheline_aligned',
  '____cacheline_aligned_in_smp',
]);
const lowerCaseAttributes =
  /^__(attribute(__)?|aligned|section|printf|scanf|must_hold|acquires?|releases?|cond_acquires|alloc_size|assume_aligned|no_sanitize|counted_by\w*|bitwise|packed|used|unused|maybe_unused|always_unused|weak|cold|hot|init|exit|initdata|initconst|exitdata|ro_after_init|read_mostly|user|rcu|percpu|iomem|init_or_module|refdata|ref)$/;
