/** Lists of what belongs together, for everyone who asks for symbols by name or section over and over. */

/** Groups in the order of their first members, and members in the order of the list. */
export function groupBy<Key, T>(things: Iterable<T>, keyOf: (thing: T) => Key): Map<Key, T[]> {
  const groups = new Map<Key, T[]>();
  for (const thing of things) {
    const key = keyOf(thing);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [thing]);
    else group.push(thing);
  }
  return groups;
}
