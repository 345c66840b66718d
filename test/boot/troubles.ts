/**
 * What a kernel log must not hold after a test: warnings, oopses, stalls, and livepatches or modules that were refused.
 */

/** One finding: the line that tells it, and the block around it where the kernel marks one. */
export interface Trouble {
  readonly line: string;
  readonly block: string;
}

/** Lines that are a trouble wherever they stand. Each with an example of what it is for. */
const troubleLines: readonly RegExp[] = [
  /WARNING: CPU: /, // WARN_ON, WARN_ONCE
  /\bBUG: /, // BUG: unable to handle page fault for address
  /kernel BUG at /,
  /\bOops: /,
  /general protection fault/,
  /Call Trace:/,
  /Kernel panic/,
  /INFO: (task .* blocked|rcu)/,
  /soft lockup|hard LOCKUP/,
  /Unpatched return thunk/,
  /Invalid relocation|Skipping invalid relocation/,
  /Unknown symbol/,
  /disagrees about version of symbol/,
  /livepatch: .*(fail|error|not found|invalid|unresolvable|can't|cannot)/i,
  /sysfs: cannot create duplicate/,
];

const blockStart = '[ cut here ]';
const blockEnd = '[ end trace ';

/**
 * The troubles of a kernel log, without those that are `expected`. A block between "cut here" and "end trace" is one
 * trouble, and expected when one of the expressions matches a line of it.
 */
export function findTroubles(dmesg: string, expected: readonly RegExp[] = []): Trouble[] {
  return blocks(dmesg.split('\n')).flatMap((lines) => {
    const line = lines.find((candidate) => troubleLines.some((expression) => expression.test(candidate)));
    const isExpected = lines.some((candidate) => expected.some((expression) => expression.test(candidate)));
    return line === undefined || isExpected ? [] : [{ line, block: lines.join('\n') }];
  });
}

/** The lines of the log, those of a marked block together, every other one for itself. */
function blocks(lines: readonly string[]): string[][] {
  const result: string[][] = [];
  let open: string[] | undefined;
  for (const line of lines) {
    if (line.includes(blockStart)) {
      open = [line];
      result.push(open);
    } else if (open === undefined) result.push([line]);
    else {
      open.push(line);
      if (line.includes(blockEnd)) open = undefined;
    }
  }
  return result;
}
