/**
 * Where kptool writes: standard output and standard error, how wide they are and whether they show colours. Everything
 * that is printed goes through here, so that tests can look at it and nothing else has to ask about the environment.
 */
import { styleText } from 'node:util';
import { fail } from '../diagnostics/catalogue.js';

export type Paint = 'error' | 'warning' | 'success' | 'heading' | 'quiet';

export interface Output {
  write(text: string): void;
  /** Characters in a line; `undefined` where lines are not to be wrapped (a file or a pipe). */
  readonly columns: number | undefined;
  /** Whether lines can be redrawn. */
  readonly isTerminal: boolean;
  paint(paint: Paint, text: string): string;
}

/** What rendering has to know of an output. */
export type Look = Pick<Output, 'columns' | 'paint'>;

export interface Terminal {
  readonly out: Output;
  readonly err: Output;
  readonly environment: NodeJS.ProcessEnv;
  /** Absolute; `''` where it has been deleted. */
  readonly workingDirectory: string;
  /** Why one of the outputs did not take what was written to it (a full disk); known a turn of the event loop later. */
  readonly lost?: () => { readonly output: string; readonly error: NodeJS.ErrnoException } | undefined;
  /** Asks a question and waits for a line, `undefined` for none; absent where nobody can answer. */
  readonly ask?: (question: string, signal: AbortSignal) => Promise<string | undefined>;
}

interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const formats = {
  error: ['bold', 'red'],
  warning: ['bold', 'yellow'],
  success: ['bold', 'green'],
  heading: ['bold'],
  quiet: ['dim'],
} as const;

/**
 * Whether a stream gets colours: never with `--no-color` or NO_COLOR (https://no-color.org: any value but the empty
 * one), always with FORCE_COLOR other than 0, else where it is a terminal that can show them.
 */
export function showsColor(isTerminal: boolean, environment: NodeJS.ProcessEnv, words: readonly string[]): boolean {
  const options = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
  if (options.some((word) => word === '--no-color' || word === '--no-color=true')) return false;
  if ((environment.NO_COLOR ?? '') !== '') return false;
  const forced = environment.FORCE_COLOR;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return isTerminal && environment.TERM !== 'dumb';
}

/** A stream as an output. */
export function makeOutput(stream: Stream, hasColor: boolean): Output {
  const columns = stream.columns ?? 80;
  // A terminal without a size (a serial line, `script` in a job) says 0: nothing can be laid out on it.
  const isTerminal = stream.isTTY === true && columns >= 20;
  return {
    write: (text) => void stream.write(text),
    columns: isTerminal ? columns : undefined,
    isTerminal,
    paint: (paint, text) =>
      hasColor && text !== '' ? styleText([...formats[paint]], text, { validateStream: false }) : text,
  };
}

/**
 * The process's own streams. A reader that goes away (`kptool … | head`) ends the output, not the program; what cannot be
 * written otherwise is told at the end, since a build is worth more than the lines about it.
 */
export function processTerminal(words: readonly string[]): Terminal {
  let lost: ReturnType<NonNullable<Terminal['lost']>>;
  for (const [output, stream] of [
    ['standard output', process.stdout] as const,
    ['standard error', process.stderr] as const,
  ]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') lost ??= { output, error };
    });
  }
  const output = (stream: NodeJS.WriteStream) =>
    makeOutput(stream, showsColor(stream.isTTY === true, process.env, words));
  return {
    out: output(process.stdout),
    err: output(process.stderr),
    environment: process.env,
    workingDirectory: currentFolder(),
    lost: () => lost,
    ...(process.stdin.isTTY === true && process.stderr.isTTY === true ? { ask: askOnTerminal } : {}),
  };
}

/** On standard error, since standard output may belong to a document. */
async function askOnTerminal(question: string, signal: AbortSignal): Promise<string | undefined> {
  const { createInterface } = await import('node:readline');
  // Without line editing the terminal itself makes a signal of Ctrl-C.
  const lines = createInterface({ input: process.stdin, terminal: false });
  process.stderr.write(question);
  try {
    return await new Promise((answer) => {
      lines.once('line', answer);
      lines.once('close', () => answer(undefined));
      signal.addEventListener('abort', () => answer(undefined), { once: true });
    });
  } finally {
    lines.close();
    process.stdin.unref?.();
  }
}

function currentFolder(): string {
  try {
    return process.cwd();
  } catch {
    return '';
  }
}

/** Throws `usage-no-working-directory`: paths on the command line would mean nothing. */
export function requireWorkingDirectory({ workingDirectory }: Pick<Terminal, 'workingDirectory'>): void {
  if (workingDirectory === '') fail('usage-no-working-directory', {});
}
