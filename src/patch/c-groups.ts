/** Brackets and calls within tokens: what belongs together, and what stands outside of all. */
import type { Token } from './c-tokens.js';

/** Numbers of the tokens outside of all brackets; an opening bracket counts as outside. */
export function topLevel(tokens: readonly Token[]): number[] {
  const places: number[] = [];
  let depth = 0;
  for (const [at, token] of tokens.entries()) {
    if (token.kind === 'punctuator' && /^[)\]}]$/.test(token.text)) depth = Math.max(0, depth - 1);
    if (depth === 0) places.push(at);
    if (token.kind === 'punctuator' && /^[([{]$/.test(token.text)) depth += 1;
  }
  return places;
}

/** Number of the token that closes the group which is opened at `start`; the last token where nothing does. */
export function endOfGroup(tokens: readonly Token[], start: number): number {
  let depth = 0;
  for (let at = start; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token?.kind !== 'punctuator') continue;
    if (/^[([{]$/.test(token.text)) depth += 1;
    if (/^[)\]}]$/.test(token.text)) depth -= 1;
    if (depth === 0) return at;
  }
  return tokens.length - 1;
}

export function isPunctuator(token: Token | undefined, text: string): boolean {
  return token?.kind === 'punctuator' && token.text === text;
}

export interface Call {
  readonly name: string;
  readonly line: number;
  readonly arguments: readonly (readonly Token[])[];
}

/** The calls of functions and macros within a body, also of those that are arguments of others; not `ops->run(…)`. */
export function callsIn(body: readonly Token[], isWanted: (name: string) => boolean): Call[] {
  return body.flatMap((token, at): Call[] => {
    if (token.kind !== 'word' || !isPunctuator(body[at + 1], '(') || !isWanted(token.text)) return [];
    if (isPunctuator(body[at - 1], '->') || isPunctuator(body[at - 1], '.')) return [];
    return [{ name: token.text, line: token.line, arguments: partsBetweenCommas(inside(body, at + 1)) }];
  });
}

export function calls(body: readonly Token[], pattern: RegExp): boolean {
  return callsIn(body, (name) => pattern.test(name)).length > 0;
}

/** What stands in the group that is opened at `start`. */
export function inside(tokens: readonly Token[], start: number): readonly Token[] {
  return tokens.slice(start + 1, endOfGroup(tokens, start));
}

/** Arguments, members, enumerators: the parts between commas that are in no group. None of an empty list. */
export function partsBetweenCommas(tokens: readonly Token[]): Token[][] {
  const commas = topLevel(tokens).filter((at) => isPunctuator(tokens[at], ','));
  const starts = [0, ...commas.map((at) => at + 1)];
  const parts = starts.map((start, index) => tokens.slice(start, commas[index] ?? tokens.length));
  return tokens.length === 0 ? [] : parts;
}

/** `key` of `&key`, `mad` of `mad->key`. */
export function firstWord(tokens: readonly Token[]): string {
  return tokens.find(({ kind }) => kind === 'word')?.text ?? '';
}

export function mentions(tokens: readonly Token[], word: string): boolean {
  return tokens.some(({ kind, text }) => kind === 'word' && text === word);
}
