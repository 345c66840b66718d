/**
 * C source as tokens: what is left of a file when comments and white space are gone. For the outline of a source
 * (`c-outline.ts`), so that a patch can be judged by what it changes and not by how its lines look.
 */

export type TokenKind = 'word' | 'number' | 'string' | 'character' | 'punctuator' | 'directive';

export interface Token {
  readonly kind: TokenKind;
  /** As written; of a directive the whole logical line with its comments and line joints as spaces: `#define A 1`. */
  readonly text: string;
  /** The first line of the file is 1. */
  readonly line: number;
  /** The line of its last character: string literals and directives may go over several. */
  readonly lastLine: number;
}

const isWordStart = (character: string) => /[A-Za-z_$\u0080-\uffff]/.test(character);
const isDigit = (character: string) => character >= '0' && character <= '9';

/** A number as the preprocessor takes it (C11 6.4.8): it begins with a digit, and swallows signs behind an exponent. */
const number = /\.?[0-9](?:[eEpP][+-]|[\w.])*/y;
const word = /[\w$\u0080-\uffff]+/y;
/** Everything that the outline tells apart has one character, but for these; `=` must not be found within `==`. */
const punctuator = /\.\.\.|->|<<=|>>=|##|[-+*/%&|^!<>=]=|\+\+|--|&&|\|\||<<|>>|[\s\S]/y;
const literal = { '"': /"(?:[^"\\\n]|\\[\s\S])*"?/y, "'": /'(?:[^'\\\n]|\\[\s\S])*'?/y };

/**
 * Cuts a source into tokens. Nothing is an error: an unfinished literal ends with its line, an unfinished comment with the
 * file, since a half-written file is the compiler's to refuse. Takes time in proportion to the text.
 */
export function tokenize(source: string): Token[] {
  const text = source.replaceAll('\r\n', '\n');
  const tokens: Token[] = [];
  let line = 1;
  let isLineStart = true;
  let at = 0;
  const take = (kind: TokenKind, written: string, shown = written) => {
    const first = line;
    line += countNewlines(written);
    tokens.push({ kind, text: shown, line: first, lastLine: line });
    at += written.length;
    isLineStart = false;
  };
  while (at < text.length) {
    const character = text[at] ?? '';
    if (character === '\n') {
      line += 1;
      at += 1;
      isLineStart = true;
    } else if (/\s/.test(character)) {
      at += 1;
    } else if (character === '\\' && text[at + 1] === '\n') {
      line += 1;
      at += 2;
    } else if (text.startsWith('/*', at) || text.startsWith('//', at)) {
      const end = endOfComment(text, at);
      line += countNewlines(text.slice(at, end));
      at = end;
    } else if (character === '#' && isLineStart) {
      const end = endOfDirective(text, at);
      take('directive', text.slice(at, end), plain(text.slice(at, end)));
    } else if (isDigit(character) || (character === '.' && isDigit(text[at + 1] ?? ''))) {
      take('number', matchAt(number, text, at));
    } else if (isWordStart(character)) {
      take('word', matchAt(word, text, at));
    } else if (character === '"' || character === "'") {
      take(character === '"' ? 'string' : 'character', matchAt(literal[character], text, at));
    } else {
      take('punctuator', matchAt(punctuator, text, at));
    }
  }
  return tokens;
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? text[at] ?? '';
}

/** A line comment goes on behind a joined line, `// … \`. */
function endOfComment(text: string, start: number): number {
  if (text[start + 1] === '*') {
    const end = text.indexOf('*/', start + 2);
    return end === -1 ? text.length : end + 2;
  }
  for (let end = text.indexOf('\n', start); end !== -1; end = text.indexOf('\n', end + 1)) {
    if (text[end - 1] !== '\\') return end;
  }
  return text.length;
}

/** A directive ends with its line, unless that is joined to the next or a comment hides its end. */
function endOfDirective(text: string, start: number): number {
  let at = start;
  while (at < text.length && text[at] !== '\n') {
    if (text[at] === '\\') at += 2;
    else if (text[at] === '"' || text[at] === "'")
      at += matchAt(literal[text[at] === '"' ? '"' : "'"], text, at).length;
    else if (text.startsWith('/*', at) || text.startsWith('//', at)) at = endOfComment(text, at);
    else at += 1;
  }
  return Math.min(at, text.length);
}

const commentOrLiteral = /"(?:[^"\\\n]|\\[\s\S])*"?|'(?:[^'\\\n]|\\[\s\S])*'?|\/\*[\s\S]*?(?:\*\/|$)|\/\/.*/g;

/** Two directives that mean the same have the same text. */
function plain(directive: string): string {
  return directive
    .replaceAll('\\\n', ' ')
    .replace(commentOrLiteral, (found) => (found.startsWith('/') ? ' ' : found))
    .replace(/[ \t]+/g, ' ')
    .replace(/^# /, '#')
    .trim();
}

/** The tokens with a space between: `a + +b` and `a ++ b` are two things. */
export function textOf(tokens: readonly Token[]): string {
  return tokens.map(({ text }) => text).join(' ');
}

function countNewlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}
