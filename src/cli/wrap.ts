/** Breaks text into lines for a terminal, and makes sure that it is text: names out of files may hold anything. */

/**
 * Replaces what a terminal would obey instead of show: a file name or symbol may hold escape sequences. Tabs and line
 * ends become a space.
 */
export function visible(text: string): string {
  return text
    .replace(/[\t\n]+/g, ' ')
    .replace(
      /\p{Cc}|\p{Bidi_Control}/gu,
      (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
    );
}

/**
 * Lines of at most `columns` characters, counted with the `indent` that every line but the first gets, and the
 * `firstIndent` that the first has already been given. Words longer than a line, such as paths, stay whole so that
 * they can be copied. `columns` undefined: one line.
 */
export function wrap(text: string, columns: number | undefined, firstIndent: number, indent: number): string[] {
  if (columns === undefined) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/ +/)) {
    const used = (lines.length === 0 ? firstIndent : indent) + line.length;
    if (line !== '' && used + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}
