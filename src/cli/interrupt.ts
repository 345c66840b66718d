/**
 * Ctrl-C. The first one asks the build to stop, and kptool waits until the programs that it started have ended. The
 * second one ends everything at once.
 */

export interface InterruptWatch {
  /** Aborted by the first Ctrl-C, or by SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
  /** Signals have their ordinary effect again. */
  stop(): void;
}

const watched = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Watches until `stop`; `onFirst` is told of the first signal. */
export function watchForInterrupt(onFirst: () => void): InterruptWatch {
  const controller = new AbortController();
  const stop = () => {
    for (const signal of watched) process.removeListener(signal, onSignal);
  };
  const onSignal = (signal: NodeJS.Signals) => {
    if (!controller.signal.aborted) {
      controller.abort();
      onFirst();
      return;
    }
    stop();
    // Programs run in process groups of their own, which are killed by a hook on the process's exit. Death by a signal
    // runs no such hook, so it is called here; then the signal does what it does to every program.
    process.emit('exit', 130);
    process.kill(process.pid, signal);
  };
  for (const signal of watched) process.on(signal, onSignal);
  return { signal: controller.signal, stop };
}
