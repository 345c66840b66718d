/** Numbers of things, and long lists, in messages. */

/** Lines of a list that a message shows. */
const shownLines = 10;

/** `1 byte`, `2 bytes` */
export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** The first ten, and how many more there are. */
export function shortened(lines: readonly string[]): string[] {
  const more = lines.length - shownLines;
  return more > 0 ? [...lines.slice(0, shownLines), `and ${more} more`] : [...lines];
}
