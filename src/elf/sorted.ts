/** Search in sorted lists by bisection, for everyone: objects and targets are too large to be walked for each question. */

/**
 * How many elements at the beginning of the list satisfy `isBelow`, which must hold up to some place and from there on no
 * more: the place of the first element that does not.
 */
export function countBelow<T>(sorted: readonly T[], isBelow: (element: T) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    // The index is within the list; elements may be undefined themselves.
    if (isBelow(sorted[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}
