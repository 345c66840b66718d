/**
 * Which distribution this machine has, as far as its packages are concerned: what to type where something is missing.
 */
import { readFileSync } from 'node:fs';

/** Distributions that share package names and the program that installs them. */
export type Family = 'debian' | 'fedora' | 'suse' | 'arch';

export interface Distribution {
  /** `Debian GNU/Linux 12 (bookworm)`; `''` where the machine does not say. */
  readonly name: string;
  /** `undefined` for one whose package names are not known here. */
  readonly family: Family | undefined;
}

/** By `ID` and the words of `ID_LIKE`; the distributions that do not say whom they are like stand here themselves. */
const families: Readonly<Record<string, Family>> = {
  debian: 'debian',
  ubuntu: 'debian',
  fedora: 'fedora',
  rhel: 'fedora',
  centos: 'fedora',
  openEuler: 'fedora',
  suse: 'suse',
  opensuse: 'suse',
  sles: 'suse',
  arch: 'arch',
};

/**
 * Reads the text of an os-release file: lines `KEY=value`, quoted as in a shell (os-release(5)). `ID` counts before
 * `ID_LIKE`, whose words go from the closest to the remotest. Throws nothing.
 */
export function parseDistribution(text: string): Distribution {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key, quoted] = /^\s*([A-Z_]+)=(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined && quoted !== undefined) values.set(key, unquoted(quoted));
  }
  const words = [values.get('ID') ?? '', ...(values.get('ID_LIKE') ?? '').split(/\s+/)];
  const known = words.find((word) => Object.hasOwn(families, word));
  return {
    name: values.get('PRETTY_NAME') ?? values.get('NAME') ?? values.get('ID') ?? '',
    family: known === undefined ? undefined : families[known],
  };
}

function unquoted(value: string): string {
  const inner = /^(["'])(.*)\1$/.exec(value)?.[2];
  return inner === undefined ? value : inner.replaceAll(/\\(.)/g, '$1');
}

let ofThisMachine: Distribution | undefined;

/** Of the first file that is there (os-release(5)); read once. Throws nothing. */
export function thisDistribution(): Distribution {
  ofThisMachine ??= parseDistribution(readFirst(['/etc/os-release', '/usr/lib/os-release']));
  return ofThisMachine;
}

function readFirst(files: readonly string[]): string {
  for (const file of files) {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      // The next one.
    }
  }
  return '';
}
