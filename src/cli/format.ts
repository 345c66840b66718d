/** Which form the answer has on standard output; everything else goes to standard error unless it is text. */
import { fail } from '../diagnostics/catalogue.js';
import type { Flags } from './command-line.js';

export const outputFormats = ['text', 'json', 'github'] as const;

export type OutputFormat = (typeof outputFormats)[number];

/**
 * What the words of the command line ask for, also where the rest of them is not understood: scripts that ask for a document
 * always get one. The first format that is known counts.
 */
export function formatOf(words: readonly string[]): OutputFormat {
  const options = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
  if (options.some((word) => word === '--json' || word === '--json=true')) return 'json';
  const named = options.flatMap((word, at) => {
    if (word === '--format') return [options[at + 1]];
    return word.startsWith('--format=') ? [word.slice('--format='.length)] : [];
  });
  return outputFormats.find((format) => named.includes(format)) ?? 'text';
}

/** Throws `usage-bad-value` for a format that is not known, or that says otherwise than `--json`. */
export function chosenFormat(flags: Pick<Flags, 'isSet' | 'one'>): OutputFormat {
  const isJson = flags.isSet('json') ?? false;
  const value = flags.one('format') ?? (isJson ? 'json' : 'text');
  const format = outputFormats.find((known) => known === value);
  const refuse = (expected: string) => fail('usage-bad-value', { option: '--format', value, expected });
  if (format === undefined) return refuse(`one of ${outputFormats.join(', ')}`);
  return isJson && format !== 'json' ? refuse('json beside --json, or nothing') : format;
}
