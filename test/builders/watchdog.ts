/**
 * Ends the process if code that cannot be interrupted runs for too long: an endless loop would otherwise hang the test run
 * without a word. For property tests.
 */
import { Worker } from 'node:worker_threads';

/** Runs beside the test; sees the beats through shared memory. */
const watch = `
const { workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const beats = new Int32Array(workerData.memory);
let last = -1;
setInterval(() => {
  const now = Atomics.load(beats, 0);
  if (now === last) {
    writeSync(2, workerData.message + now + '\\n');
    process.kill(process.pid, 'SIGKILL');
  }
  last = now;
}, workerData.milliseconds);
`;

export interface Watchdog {
  /** To be called for each piece of work. */
  beat(): void;
  stop(): Promise<void>;
}

/** Kills the process, after saying how many beats there were, once none came for `milliseconds`. */
export function startWatchdog(milliseconds: number): Watchdog {
  const memory = new SharedArrayBuffer(4);
  const beats = new Int32Array(memory);
  const message = `nothing happened for ${milliseconds} ms; the process is killed in piece of work number `;
  const worker = new Worker(watch, { eval: true, workerData: { memory, milliseconds, message } });
  worker.unref();
  return {
    beat: () => Atomics.add(beats, 0, 1),
    stop: async () => {
      await worker.terminate();
    },
  };
}
