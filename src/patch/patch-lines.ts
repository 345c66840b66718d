/** The lines of a patch file and the place that has been read up to, for the parser's parts; and how they complain. */
import { fail } from '../diagnostics/catalogue.js';

export class PatchLines {
  readonly fileName: string;
  readonly #lines: readonly string[];
  #at = 0;

  constructor(fileName: string, lines: readonly string[]) {
    this.fileName = fileName;
    this.#lines = lines;
  }

  /** The line that is to be read; undefined at the end. */
  get current(): string | undefined {
    return this.#lines[this.#at];
  }

  get next(): string | undefined {
    return this.#lines[this.#at + 1];
  }

  /** Of the current line; the first is 1. */
  get number(): number {
    return this.#at + 1;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#lines.length;
  }

  advance(): void {
    this.#at += 1;
  }

  /** Throws `patch-malformed` for the current line. */
  malformed(problem: string): never {
    return this.malformedAt(this.number, problem);
  }

  /** Throws `patch-malformed` for a line that has been read. */
  malformedAt(line: number, problem: string): never {
    fail('patch-malformed', { file: this.fileName, line, problem, text: this.#lines[line - 1] });
  }
}
