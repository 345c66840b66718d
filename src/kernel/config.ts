/**
 * A kernel's configuration as its `.config` states it: which options are on, and with which values. The other files of
 * this folder ask it, and so does whoever has to know what the target kernel can do.
 */

/** The options of a kernel, by full name (`CONFIG_LIVEPATCH`). */
export interface KernelConfig {
  /** The value without quotes (`y`, `m`, `16`, `gcc-12 (Debian …)`), or `undefined` where the option is not set. */
  value(name: string): string | undefined;
  /** The option is `y` or `m`. */
  isOn(name: string): boolean;
  /** The configuration has the option, be it set or not; it lacks those whose dependencies are off, and unknown ones. */
  mentions(name: string): boolean;
}

const assignment = /^(CONFIG_\w+)=(.*)$/;
const unset = /^# (CONFIG_\w+) is not set$/;

/**
 * Reads the text of a `.config` or `auto.conf`: `CONFIG_X=y`, `=m`, `=16`, `="text"` with `\"` and `\\` inside
 * (Documentation/kbuild/kconfig.rst). Options that are commented out (`# CONFIG_X is not set`) are not set; lines that
 * are neither are passed over, as kbuild does.
 */
export function parseKernelConfig(text: string): KernelConfig {
  const values = new Map<string, string>();
  const off = new Set<string>();
  for (const line of text.split('\n')) {
    const match = assignment.exec(line.trimEnd());
    if (match?.[1] !== undefined && match[2] !== undefined) values.set(match[1], unquoted(match[2]));
    const name = unset.exec(line.trimEnd())?.[1];
    if (name !== undefined) off.add(name);
  }
  return {
    value: (name) => values.get(name),
    isOn: (name) => values.get(name) === 'y' || values.get(name) === 'm',
    mentions: (name) => values.has(name) || off.has(name),
  };
}

function unquoted(value: string): string {
  const quoted = /^"(.*)"$/.exec(value)?.[1];
  return quoted === undefined ? value : quoted.replaceAll(/\\(.)/g, '$1');
}
