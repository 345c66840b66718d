/**
 * What a finding was worded from, in a bundle's JSON and back. Addresses are the only facts that JSON has no form for: those of
 * the four `rootdir` of vmlinux, of which no name tells which one is meant.
 */

/** Tells an address from facts that are objects. */
const tag = '$bigint';

/** The same facts with addresses in a form that JSON has. Throws nothing. */
export function writtenFacts<T>(facts: T): T {
  return JSON.parse(
    JSON.stringify(facts, (_, value) => (typeof value === 'bigint' ? { [tag]: value.toString() } : value)),
  ) as T;
}

/** The facts that `writtenFacts` was given. What is not as it writes it stays as it is; throws nothing. */
export function readFacts(written: unknown): unknown {
  if (written === undefined) return undefined;
  return JSON.parse(JSON.stringify(written), (_, value: unknown) => {
    const digits = value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[tag] : undefined;
    return typeof digits === 'string' && /^\d{1,20}$/.test(digits) ? BigInt(digits) : value;
  });
}
