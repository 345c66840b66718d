/**
 * A lock on a folder of the cache that one run changes at a time. The kernel keeps it (flock(2)) for as long as its holder
 * lives, so that a killed run leaves nothing locked; the holder is util-linux's flock, since Node cannot call flock(2).
 */
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { execa } from 'execa';
import { fail } from '../diagnostics/catalogue.js';
import { makeFolders } from './make-folders.js';
import { howToInstall } from './packages.js';
import { errorCode, errorReason, writingError } from './system-error.js';

export interface Lock {
  /** Gives it to whoever waits. Once is enough, and more does no harm. */
  release(): Promise<void>;
}

export interface LockQuestion {
  /** Absolute path of the lock file; made if it is not there, and left there. */
  readonly file: string;
  readonly signal?: AbortSignal | undefined;
  /** Called when another run holds the lock, before waiting for it. */
  readonly onWait?: (() => void) | undefined;
}

/** What people do not notice, in milliseconds. */
const patience = 500;

/**
 * Waits until nobody else has the lock, and takes it. Throws `program-missing` without flock, `interrupted`, and
 * `work-folder-unwritable` where the file cannot be made.
 */
export async function takeLock({ file, signal, onWait }: LockQuestion): Promise<Lock> {
  if (signal?.aborted) fail('interrupted', { during: 'flock' });
  await makeFolders(dirname(file)).catch((error: unknown) => {
    throw writingError(error, file, 'work-folder-unwritable');
  });
  // cat tells that the lock is taken by repeating the line, and ends, with flock, when its input does: at the latest with us.
  const holder = execa('flock', ['--exclusive', '--no-fork', file, 'cat'], {
    stdin: 'pipe',
    buffer: false,
    reject: false,
    // Ctrl-C on the terminal must not free the lock before what it protects is in order.
    detached: true,
  });
  const timer = setTimeout(() => onWait?.(), patience);
  const stop = () => holder.kill('SIGKILL');
  signal?.addEventListener('abort', stop, { once: true });
  holder.stdin.on('error', () => undefined);
  holder.stdin.write('locked\n');
  try {
    const isTaken = await Promise.race([once(holder.stdout, 'data').then(() => true), holder.then(() => false)]);
    if (!isTaken) await reportFailure(await holder, file, signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
  return {
    async release() {
      holder.stdin.end();
      await holder;
    },
  };
}

/** Whether somebody has the lock now. Throws nothing: a file that is not there is not locked. */
export async function isLocked(file: string): Promise<boolean> {
  const isThere = await stat(file).then(
    () => true,
    () => false,
  );
  if (!isThere) return false;
  // 1 is what flock ends with where it would have to wait (flock(1), --conflict-exit-code).
  const { exitCode } = await execa('flock', ['--exclusive', '--nonblock', file, 'true'], { reject: false });
  return exitCode === 1;
}

async function reportFailure(
  { cause, exitCode }: { readonly cause?: unknown; readonly exitCode?: number | undefined },
  file: string,
  signal: AbortSignal | undefined,
): Promise<never> {
  if (signal?.aborted) fail('interrupted', { during: 'flock' });
  if (errorCode(cause) === 'ENOENT') fail('program-missing', { program: 'flock', install: howToInstall('flock') });
  if (cause !== undefined && exitCode === undefined) {
    fail('program-cannot-run', { program: 'flock', reason: errorReason(cause) });
  }
  fail('work-folder-unwritable', { path: file, reason: 'flock cannot lock it' });
}
