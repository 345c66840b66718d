/** How the benches measure: elapsed time and CPU time of programs, and what is typical of several rounds. Seconds. */
import { readFileSync } from 'node:fs';

export interface Taken {
  readonly elapsed: number;
  readonly cpu: number;
}

/** What `work` takes, with all programs that it starts and waits for. */
export async function taken(work: () => unknown): Promise<Taken> {
  const [start, before] = [performance.now(), cpuTime()];
  await work();
  return { elapsed: (performance.now() - start) / 1000, cpu: cpuTime() - before };
}

/** Of this process, and of those that it waited for, which the kernel counts in hundredths (proc(5), `cutime`). */
function cpuTime(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / 100;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}

export function typical(rounds: readonly Taken[]): Taken {
  return { elapsed: median(rounds.map(({ elapsed }) => elapsed)), cpu: median(rounds.map(({ cpu }) => cpu)) };
}

export function inWords({ elapsed, cpu }: Taken): string {
  return `${elapsed.toFixed(2).padStart(7)} s elapsed  ${cpu.toFixed(2).padStart(7)} s CPU`;
}
