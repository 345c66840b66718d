/**
 * How work grows with its size: told as a ratio of CPU times that were taken side by side, since a time by itself says as
 * much about the machine as about the code.
 */

/** CPU time of this process, in milliseconds: what else the machine does is not in it. */
export function cpuMilliseconds(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/**
 * How often the CPU time of `size` goes into that of `times * size`: about `times` where work grows in proportion, about its
 * square where each piece looks at all others. The least of three runs of each counts, since whatever disturbs adds to them.
 */
export function growth(prepare: (size: number) => () => unknown, size: number, times: number): number {
  const [small, large] = [prepare(size), prepare(times * size)];
  const rounds = [1, 2, 3].map(() => [cpuMilliseconds(small), cpuMilliseconds(large)] as const);
  return Math.min(...rounds.map(([, milliseconds]) => milliseconds)) / Math.min(...rounds.map(([first]) => first));
}

/**
 * CPU milliseconds that one piece of work may take: a thousand times what pieces of its kind take here and now. Far above
 * what a garbage collection adds, far below endless.
 */
export function mostMilliseconds(pieces: readonly (() => unknown)[]): number {
  let [runs, milliseconds] = [0, 0];
  while (milliseconds < 100) {
    for (const piece of pieces) milliseconds += cpuMilliseconds(piece);
    runs += pieces.length;
  }
  return (1000 * milliseconds) / runs;
}

/** Between `times` and its square, as far from either: what `growth` must stay below. */
export function inProportion(times: number): number {
  return times ** 1.5;
}
