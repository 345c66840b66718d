/** `kptool clean`: lists what earlier runs left in the cache folder, and removes what the options say. */
import { resolve } from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { type CacheEntry, type CleanOptions, type CleanReport, clean } from '../pipeline/clean.js';
import { type Answer, answerFailure } from './answer.js';
import type { RunFacts } from './bug.js';
import type { Flags } from './command-line.js';
import { emptyDocument } from './json.js';
import { defaultCache } from './settings.js';
import type { Look, Terminal } from './terminal.js';
import { visible } from './wrap.js';

interface CleanRequest {
  readonly name: string;
  readonly flags: Flags;
}

/** Runs the command to its end; every failure becomes an answer too. */
export async function runClean(request: CleanRequest, facts: RunFacts, terminal: Terminal): Promise<Answer> {
  try {
    const report = await clean(optionsOf(request.flags, terminal));
    const entries = report.entries.map(({ changed, ...entry }) => ({
      ...entry,
      changed: new Date(changed).toISOString(),
    }));
    const cleaned = { cache: report.cache, dryRun: report.dryRun, entries };
    return {
      exitStatus: 0,
      text: renderCleaned(report, terminal.out, Date.now()),
      messages: '',
      document: { ...emptyDocument(facts.version, request.name, 'cleaned', 0), cleaned },
    };
  } catch (error) {
    const isDebug = request.flags.isSet('debug') ?? false;
    const failure = { ...facts, command: request.name, wasInterrupted: false, warnings: [], isDebug };
    return answerFailure(error, failure, terminal);
  }
}

function optionsOf(flags: Flags, { workingDirectory, environment }: Terminal): CleanOptions {
  const cache = flags.one('cache');
  return {
    cache: cache === undefined ? defaultCache(environment) : resolve(workingDirectory, cache),
    olderThan: measured('--older-than', flags.one('older-than'), ages, 'an age such as 12h, 7d or 4w'),
    keepBytes: measured('--keep-size', flags.one('keep-size'), sizes, 'a size such as 500M or 2G'),
    all: flags.isSet('all') ?? false,
    dryRun: flags.isSet('dry-run') ?? false,
  };
}

const hour = 3_600_000;
const ages: Readonly<Record<string, number>> = { h: hour, d: 24 * hour, w: 7 * 24 * hour };
const sizes: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** `7d` in milliseconds, `2G` in bytes. */
function measured(
  option: string,
  value: string | undefined,
  units: Readonly<Record<string, number>>,
  expected: string,
): number | undefined {
  if (value === undefined) return undefined;
  const [, number = '', unit = ''] = /^(\d{1,6})([A-Za-z])$/.exec(value) ?? [];
  const size = units[unit];
  return size === undefined ? fail('usage-bad-value', { option, value, expected }) : Number(number) * size;
}

function renderCleaned({ cache, entries, dryRun }: CleanReport, look: Look, now: number): string {
  if (entries.length === 0) return `nothing lies in ${visible(cache)}\n`;
  const removed = entries.filter(({ isRemoved }) => isRemoved);
  const sum = (some: readonly CacheEntry[]) => inWords(some.reduce((all, { bytes }) => all + bytes, 0));
  const lines = entries.map((entry) => {
    const fate = entry.isRemoved ? (dryRun ? 'would go' : 'removed') : entry.isInUse ? 'in use' : '';
    const columns = [
      inWords(entry.bytes).padStart(8),
      ageInWords(now - entry.changed).padStart(9),
      entry.kind.padEnd(12),
    ];
    return `${columns.join('  ')}  ${look.paint('quiet', fate.padEnd(8))}  ${visible(entry.path)}\n`;
  });
  const verb = dryRun ? 'would be removed' : 'removed';
  const total = `${entries.length} in ${visible(cache)}, ${sum(entries)}; ${verb}: ${removed.length}, ${sum(removed)}\n`;
  const hint = removed.length > 0 ? '' : 'To remove some of it: --older-than 7d, --keep-size 2G, --all.\n';
  return lines.join('') + total + hint;
}

function inWords(bytes: number): string {
  if (bytes < 10 * 2 ** 20) return `${Math.ceil(bytes / 2 ** 10)} KiB`;
  return bytes < 10 * 2 ** 30 ? `${Math.round(bytes / 2 ** 20)} MiB` : `${Math.round(bytes / 2 ** 30)} GiB`;
}

function ageInWords(milliseconds: number): string {
  const hours = Math.max(0, milliseconds) / hour;
  return hours < 48 ? `${Math.floor(hours)} h` : `${Math.floor(hours / 24)} days`;
}
