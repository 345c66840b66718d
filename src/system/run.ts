/**
 * Runs a program for the stages: no shell, one fixed language, and an end that reaches everything it started. What the
 * program itself reports (a non-zero exit status) is for the caller to judge; that it could not run is told from here.
 */
import { stat } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { execa } from 'execa';
import { fail } from '../diagnostics/catalogue.js';
import { howToInstall } from './packages.js';
import { endGroup, forgetGroup, trackGroup } from './process-group.js';
import { ProgramOutput } from './program-output.js';
import { errorCode, errorReason, readingError } from './system-error.js';

/** What to run, and how. */
export interface ProgramCall {
  /** A name that is looked up in PATH, or an absolute path. */
  readonly program: string;
  readonly arguments: readonly string[];
  /** The folder that the program runs in. */
  readonly directory: string;
  /** Added to kptool's own environment; a variable that is `undefined` is taken out of it. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** For standard input; without it standard input is empty, so that nobody waits for an answer. */
  readonly input?: string | Uint8Array;
  /** Ends the program, with all that it started, when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which the program is ended; without it there is no limit. */
  readonly timeout?: number | undefined;
  /** Called with every line of either stream, without its newline. */
  readonly onLine?: (line: string) => void;
  /** Everything that the program prints is appended to this file, after a line that tells what was run. */
  readonly logFile?: string | undefined;
}

/** What came of a program that ran to its end. */
export interface ProgramResult {
  readonly exitStatus: number;
  /** Lines of standard output and error as they came; of much output only the end (256 Ki characters or more). */
  readonly output: string;
  /** Standard output alone, as it came (up to 64 MiB). */
  readonly stdout: string;
  /** Wall time. */
  readonly seconds: number;
}

/**
 * Messages of all programs in one language, since some are read by kptool. The make that may have started kptool is
 * hidden: its MAKEFLAGS names a job server which the makes started from here are not part of.
 */
const fixedEnvironment: Readonly<Record<string, string | undefined>> = {
  LC_ALL: 'C',
  LANGUAGE: undefined,
  MAKEFLAGS: undefined,
  MFLAGS: undefined,
  MAKELEVEL: undefined,
};

/** After the program itself has ended: how long what it left behind may hold its output open, in milliseconds. */
const drainTime = 3000;
/** Lines of output that a message about an ended program shows. */
const shownLines = 15;

/**
 * Runs a program and waits for its end. Throws `program-missing`, `program-cannot-run`, `program-killed` (a signal that
 * did not come from here), `program-timeout`, `interrupted` (the signal was aborted, also before the start), and for the
 * log file `output-unwritable` or `disk-full`. Whenever it throws, all processes of the program have been ended.
 */
export async function runProgram(call: ProgramCall): Promise<ProgramResult> {
  if (call.signal?.aborted) fail('interrupted', { during: call.program });
  await checkDirectory(call.directory);
  const output = new ProgramOutput(call.onLine, call.logFile);
  try {
    output.note(`$ ${[call.program, ...call.arguments].join(' ')}  (in ${call.directory})`);
    return await runToItsEnd(call, output);
  } finally {
    output.close();
  }
}

/** A missing folder and a missing program are the same errno (ENOENT) when a process is started; so ask beforehand. */
async function checkDirectory(directory: string): Promise<void> {
  const facts = await stat(directory).catch((error: unknown) => {
    throw readingError(error, directory);
  });
  if (!facts.isDirectory()) fail('input-unreadable', { path: directory, reason: 'it is not a folder' });
}

/** Why a run was ended before its time. */
type EarlyReason =
  | { readonly kind: 'timeout' }
  | { readonly kind: 'aborted' }
  /** The receiver of the output threw, or the log could not be written. */
  | { readonly kind: 'failed'; readonly error: unknown };

/** Ends a run before its time: once, and for the first reason that comes. */
class EarlyEnd {
  reason: EarlyReason | undefined;
  readonly #leader: number | undefined;
  #ended: Promise<void> | undefined;

  constructor(leader: number | undefined) {
    this.#leader = leader;
  }

  end(reason: EarlyReason): void {
    this.reason ??= reason;
    this.endGroup();
  }

  endGroup(): void {
    if (this.#leader !== undefined) this.#ended ??= endGroup(this.#leader);
  }

  /** Waits until the processes that were told to end have done so. */
  async done(): Promise<void> {
    await this.#ended;
  }
}

async function runToItsEnd(call: ProgramCall, output: ProgramOutput): Promise<ProgramResult> {
  const start = performance.now();
  const running = startProgram(call);
  const leader = running.pid;
  const early = new EarlyEnd(leader);
  if (leader !== undefined) trackGroup(leader);
  const stopWatching = watch(call, running, early, output);
  try {
    const result = await running;
    await early.done();
    if (early.reason !== undefined) reportEarlyEnd(early.reason, call, output);
    output.end();
    if (result.exitCode === undefined) reportNoExit(call.program, result, output);
    const seconds = (performance.now() - start) / 1000;
    return { exitStatus: result.exitCode, output: output.tail(), stdout: output.standardOutput(), seconds };
  } finally {
    stopWatching();
    if (leader !== undefined) forgetGroup(leader);
  }
}

function startProgram(call: ProgramCall) {
  try {
    return execa(call.program, [...call.arguments], {
      cwd: call.directory,
      env: { ...fixedEnvironment, ...call.environment } as Record<string, string>,
      // A process group of its own: endGroup reaches the compilers that make started, and Ctrl-C on the terminal does
      // not reach them before kptool has decided what to do.
      detached: true,
      buffer: false,
      reject: false,
      ...(call.input === undefined ? { stdin: 'ignore' as const } : { input: call.input }),
    });
  } catch (error) {
    // Arguments that no program can take, such as one with a NUL character.
    fail('program-cannot-run', { program: call.program, reason: errorReason(error) });
  }
}

/** Takes the output as it comes, and ends the program when it is time; returns what undoes that. */
function watch(
  call: ProgramCall,
  running: ReturnType<typeof startProgram>,
  early: EarlyEnd,
  output: ProgramOutput,
): () => void {
  const take = (bytes: Buffer, add: (bytes: Buffer) => void) => {
    if (early.reason?.kind === 'failed') return;
    try {
      add(bytes);
    } catch (error) {
      early.end({ kind: 'failed', error });
    }
  };
  running.stdout?.on('data', (bytes: Buffer) => take(bytes, (piece) => output.addStandardOutput(piece)));
  running.stderr?.on('data', (bytes: Buffer) => take(bytes, (piece) => output.addStandardError(piece)));

  const onAbort = () => early.end({ kind: 'aborted' });
  call.signal?.addEventListener('abort', onAbort, { once: true });
  const { timeout } = call;
  const timer = timeout === undefined ? undefined : setTimeout(() => early.end({ kind: 'timeout' }), timeout);
  let drainTimer: NodeJS.Timeout | undefined;
  running.once('exit', () => {
    // A process left in the background keeps the pipes open; without this the run would last as long as it does.
    drainTimer = setTimeout(() => {
      early.endGroup();
      running.stdout?.destroy();
      running.stderr?.destroy();
    }, drainTime);
  });
  return () => {
    clearTimeout(timer);
    clearTimeout(drainTimer);
    call.signal?.removeEventListener('abort', onAbort);
  };
}

function reportEarlyEnd(reason: EarlyReason, call: ProgramCall, output: ProgramOutput): never {
  if (reason.kind === 'failed') throw reason.error;
  if (reason.kind === 'aborted') fail('interrupted', { during: call.program });
  const lastLines = output.lastLines(shownLines);
  fail('program-timeout', { program: call.program, seconds: (call.timeout ?? 0) / 1000, lastLines });
}

function reportNoExit(
  program: string,
  result: { readonly signal?: string | undefined; readonly cause?: unknown },
  output: ProgramOutput,
): never {
  const { signal, cause } = result;
  if (signal !== undefined) fail('program-killed', { program, signal, lastLines: output.lastLines(shownLines) });
  if (errorCode(cause) === 'ENOENT') fail('program-missing', { program, install: howToInstall(program) });
  fail('program-cannot-run', { program, reason: errorReason(cause) });
}
