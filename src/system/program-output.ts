/**
 * Collects what a program prints. Standard output and error arrive in pieces that end anywhere; here they become whole
 * lines, in the order in which the lines were completed, so that lines of two streams never mix.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { writingError } from './system-error.js';

/** Characters of the two streams together that stay in memory: the end, where errors stand. */
const keptTail = 256 * 1024;
/** Bytes of standard output that stay in memory: the beginning. What follows is only in the log. */
const keptStandardOutput = 64 * 1024 * 1024;
/** A line longer than this is handed on in pieces, so that a program without newlines cannot fill the memory. */
const longestLine = 64 * 1024;

/** Cuts pieces of bytes into lines without their newline. */
class LineCutter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  add(bytes: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(bytes)).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
    if (this.#rest.length > longestLine) this.#handOnRest();
  }

  end(): void {
    this.#rest += this.#decoder.end();
    if (this.#rest !== '') this.#handOnRest();
  }

  #handOnRest(): void {
    const line = this.#rest;
    this.#rest = '';
    this.#onLine(line);
  }
}

/** What one run prints, on both streams. */
export class ProgramOutput {
  readonly #standardOutput = new LineCutter((line) => this.#take(line));
  readonly #standardError = new LineCutter((line) => this.#take(line));
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #logFile: string | undefined;
  readonly #log: number | undefined;
  readonly #pieces: Buffer[] = [];
  #piecesLength = 0;
  #lines: string[] = [];
  #linesLength = 0;

  /** Opens the log, to which every line is appended at once. Throws `output-unwritable` or `disk-full`. */
  constructor(onLine: ((line: string) => void) | undefined, logFile: string | undefined) {
    this.#onLine = onLine;
    this.#logFile = logFile;
    if (logFile === undefined) return;
    try {
      this.#log = openSync(logFile, 'a', 0o600);
    } catch (error) {
      throw writingError(error, logFile);
    }
  }

  /** Takes a piece of standard output. Throws `disk-full` or `output-unwritable` when the log cannot take it. */
  addStandardOutput(bytes: Buffer): void {
    if (this.#piecesLength < keptStandardOutput) {
      this.#pieces.push(bytes);
      this.#piecesLength += bytes.length;
    }
    this.#standardOutput.add(bytes);
  }

  /** Takes a piece of standard error. Throws as `addStandardOutput` does. */
  addStandardError(bytes: Buffer): void {
    this.#standardError.add(bytes);
  }

  /** Writes a line that only the log gets, such as which program ran where. */
  note(line: string): void {
    if (this.#log === undefined) return;
    try {
      writeSync(this.#log, `${line}\n`);
    } catch (error) {
      throw writingError(error, this.#logFile ?? '');
    }
  }

  /** Hands on last lines that have no newline. Nothing may be added afterwards. */
  end(): void {
    this.#standardOutput.end();
    this.#standardError.end();
  }

  close(): void {
    if (this.#log !== undefined) closeSync(this.#log);
  }

  /** Standard output as it came, up to 64 MiB from its start. */
  standardOutput(): string {
    return Buffer.concat(this.#pieces).toString('utf8');
  }

  /** The lines of both streams, each with its newline; of much output the last 256 Ki characters or more. */
  tail(): string {
    return this.#lines.join('');
  }

  /** The last `count` lines of both streams, for a message. */
  lastLines(count: number): string[] {
    return this.#lines.slice(-count).map((line) => line.trimEnd());
  }

  #take(line: string): void {
    this.#lines.push(`${line}\n`);
    this.#linesLength += line.length + 1;
    if (this.#linesLength > 2 * keptTail) this.#dropOldLines();
    this.note(line);
    this.#onLine?.(line);
  }

  #dropOldLines(): void {
    let first = 0;
    while (this.#linesLength > keptTail && first < this.#lines.length - 1) {
      this.#linesLength -= this.#lines[first]?.length ?? 0;
      first += 1;
    }
    this.#lines = this.#lines.slice(first);
  }
}
