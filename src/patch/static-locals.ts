/** The static variables within a function: each holds a value that the running function has and a new one must find. */
import { inside, isPunctuator, partsBetweenCommas, topLevel } from './c-groups.js';
import { type Item, isAttribute } from './c-outline.js';
import { type Token, textOf } from './c-tokens.js';

/** A `static` variable within a function. */
export interface StaticLocal {
  readonly name: string;
  /** The first line of the file is 1. */
  readonly line: number;
  /** Its type and size, with `@` for the name: `static u32 @ [ 4 ]`. */
  readonly declaration: string;
  /** Initial value; empty where there is none. */
  readonly value: string;
  /** It holds no state: `static const char names[]`. */
  readonly isConstant: boolean;
}

/** Static locals of a function in order. `static` stands nowhere else in a body. Throws nothing. */
export function staticLocals({ body }: Item): StaticLocal[] {
  return body.flatMap((token, at) => {
    if (token.kind !== 'word' || token.text !== 'static') return [];
    const rest = body.slice(at);
    const places = topLevel(rest);
    const end = places.find((place) => isPunctuator(rest[place], ';')) ?? rest.length;
    const declarators = partsBetweenCommas(rest.slice(0, end));
    const [base] = declarators;
    return declarators.flatMap((declarator, index) => {
      const local = staticLocal(index === 0 ? declarator : [...typeOf(base ?? []), ...declarator]);
      return local === undefined ? [] : [local];
    });
  });
}

function staticLocal(tokens: readonly Token[]): StaticLocal | undefined {
  const assignment = topLevel(tokens).find((at) => isPunctuator(tokens[at], '=')) ?? tokens.length;
  const declaration = tokens.slice(0, assignment);
  const name = nameIn(declaration);
  if (name === undefined) return undefined;
  return {
    name: name.text,
    line: name.line,
    declaration: textOf(declaration.map((token) => (token === name ? { ...token, text: '@' } : token))),
    value: textOf(tokens.slice(assignment + 1)),
    // Of `const char *next` only what it points to is constant.
    isConstant: declaration.some(({ text }) => text === 'const') && !isPointer(declaration, name),
  };
}

/** `hook` of `static void (*hook)(void)`, `map` of `static u8 map[256]`, `lock` of `static DEFINE_MUTEX(lock)`. */
function nameIn(declaration: readonly Token[]): Token | undefined {
  const places = topLevel(declaration);
  const group = places.find(
    (at) => isPunctuator(declaration[at], '(') && !isAttribute(declaration[at - 1]?.text ?? ''),
  );
  const words = places.map((at) => declaration[at]).filter((token) => token?.kind === 'word');
  const first = group === undefined ? undefined : inside(declaration, group).find(isWord);
  return first ?? words.findLast((token) => token !== undefined && !isAttribute(token.text));
}

function isPointer(declaration: readonly Token[], name: Token): boolean {
  const before = declaration.slice(0, declaration.indexOf(name));
  const star = before.findLastIndex((token) => isPunctuator(token, '*'));
  return star !== -1 && !before.slice(star).some(({ text }) => text === 'const');
}

/** What all declarators of a declaration share: `static u32` of `static u32 a`. */
function typeOf(declarator: readonly Token[]): readonly Token[] {
  const name = nameIn(declarator);
  const words = declarator.slice(0, name === undefined ? undefined : declarator.indexOf(name));
  return words.filter(isWord);
}

const isWord = ({ kind }: { readonly kind: string }) => kind === 'word';
