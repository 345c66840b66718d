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
 * square where each piece looks at all others. Whatever disturbs adds to a run, so that the least counts: of three small runs,
 * and of the large ones until one is in proportion, or so far from it that no other will be.
 */
export function growth(prepare: (size: number) => () => unknown, size: number, times: number): number {
  const small = prepare(size);
  const least = Math.min(...[1, 2, 3].map(() => cpuMilliseconds(small)));
  const large = prepare(times * size);
  let ratio = cpuMilliseconds(large) / least;
  for (let tries = 1; tries < 5 && ratio >= inProportion(times) && ratio < times ** 1.8; tries += 1) {
    ratio = Math.min(ratio, cpuMilliseconds(large) / least);
  }
  return ratio;
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
