/**
 * The small part of the shell's language that `dkms.conf` files use: assignments, quotes, variables and two or three
 * commands whose answer is known. Nothing is run. What goes beyond is handed to `refuse`.
 */

/** Values by name; `MAKE[0]` is a name of its own. */
export type Variables = Map<string, string>;

/** Ends the reading: the construct is not understood. */
export type Refuse = (construct: string) => never;

/**
 * Reads a file of assignments. Returns all that it assigns, expanded. `known` are variables that the file may use,
 * `answers` what commands in `$(…)` or backquotes print.
 */
export function readAssignments(
  text: string,
  known: ReadonlyMap<string, string>,
  answers: Readonly<Record<string, string>>,
  refuse: Refuse,
): Variables {
  const assigned: Variables = new Map();
  const look = (name: string) => assigned.get(name) ?? assigned.get(`${name}[0]`) ?? known.get(name) ?? '';
  for (const line of logicalLines(text)) {
    const match = /^(?:export\s+)?(?<name>[A-Za-z_]\w*(?:\[\d+\])?)(?<append>\+?)=(?<value>.*)$/s.exec(line)?.groups;
    if (match === undefined) refuse(line);
    const value = expandValue(match.value ?? '', look, answers, refuse);
    const name = match.name ?? '';
    assigned.set(name, match.append === '' ? value : look(name) + value);
  }
  return assigned;
}

/** Lines without comments and empty lines; continued ones (`\` at the end, an open quote) as one. */
function logicalLines(text: string): string[] {
  const lines: string[] = [];
  let open = '';
  for (const line of text.replaceAll('\r\n', '\n').split('\n')) {
    const whole = open + line;
    if (open === '' && /^\s*(#|$)/.test(line)) continue;
    if (/(^|[^\\])(\\\\)*\\$/.test(whole) && !endsInQuote(whole, "'")) open = whole.slice(0, -1);
    else if (endsInQuote(whole)) open = `${whole}\n`;
    else {
      lines.push(whole.trim());
      open = '';
    }
  }
  if (open !== '') lines.push(open.trim());
  return lines;
}

function endsInQuote(text: string, only?: string): boolean {
  let quote = '';
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index] ?? '';
    if (character === '\\' && quote !== "'") index += 1;
    else if (quote === '' && character === '#' && /^$|\s/.test(text[index - 1] ?? '')) break;
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = '';
  }
  return only === undefined ? quote !== '' : quote === only;
}

/** The right side of an assignment: one word, with its quotes taken away. */
function expandValue(
  source: string,
  look: (name: string) => string,
  answers: Readonly<Record<string, string>>,
  refuse: Refuse,
): string {
  let value = '';
  let quote = '';
  for (let index = 0; index < source.length; ) {
    const character = source[index] ?? '';
    if (quote === "'") {
      if (character === "'") quote = '';
      else value += character;
      index += 1;
    } else if (character === '\\') {
      const next = source[index + 1] ?? '';
      // Within double quotes a backslash protects only these (POSIX shell, 2.2.3); elsewhere it protects everything.
      value += quote === '' || '$`"\\'.includes(next) ? next : `\\${next}`;
      index += 2;
    } else if (character === '"') {
      quote = quote === '"' ? '' : '"';
      index += 1;
    } else if (character === "'" && quote === '') {
      quote = "'";
      index += 1;
    } else if (character === '$' || character === '`') {
      const [expanded, length] = expandDollar(source.slice(index), look, answers, refuse);
      value += expanded;
      index += length;
    } else if (quote === '' && /\s/.test(character)) {
      if (!/^\s*(#.*)?$/.test(source.slice(index))) refuse(source);
      break;
    } else if (quote === '' && /[;&|<>()]/.test(character)) {
      refuse(source);
    } else {
      value += character;
      index += 1;
    }
  }
  if (quote !== '') refuse(source);
  return value;
}

/** `$NAME`, `${NAME}`, `$(COMMAND)` or a command in backquotes at the start of `source`: its value and its length. */
function expandDollar(
  source: string,
  look: (name: string) => string,
  answers: Readonly<Record<string, string>>,
  refuse: Refuse,
): [string, number] {
  const name = /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:\[(\d+)\])?\})/.exec(source);
  if (name !== null) {
    const [whole, plain, braced, index] = name;
    return [look(`${plain ?? braced ?? ''}${index === undefined ? '' : `[${index}]`}`), whole.length];
  }
  const command = /^\$\(([^()]*)\)/.exec(source) ?? /^`([^`]*)`/.exec(source);
  const answer = answers[command?.[1]?.trim() ?? ''];
  if (command === null || answer === undefined) return refuse(command?.[0] ?? source.slice(0, 40));
  return [answer, command[0].length];
}

/** Cuts a command line into commands and those into words: `cd a && make 'X=1 2'`. Quotes are taken away. */
export function expandWords(line: string, refuse: Refuse): string[][] {
  const commands: string[][] = [];
  let words: string[] = [];
  let word: string | undefined;
  let quote = '';
  const endWord = () => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  const endCommand = () => {
    endWord();
    if (words.length > 0) commands.push(words);
    words = [];
  };
  for (let index = 0; index < line.length; index += 1) {
    const character = line[index] ?? '';
    if (quote !== '') {
      if (character === quote) quote = '';
      else word = (word ?? '') + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (character === '\\') {
      index += 1;
      word = (word ?? '') + (line[index] ?? '');
    } else if (character === ';' || character === '\n') endCommand();
    else if (character === '&' && line[index + 1] === '&') {
      endCommand();
      index += 1;
    } else if (/\s/.test(character)) endWord();
    else if (/[&|<>()$`*?]/.test(character)) refuse(line);
    else word = (word ?? '') + character;
  }
  if (quote !== '') refuse(line);
  endCommand();
  return commands;
}
