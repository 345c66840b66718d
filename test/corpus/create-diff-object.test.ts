/** Every pair of the corpus: the same output as the reference's, or the refusal or "no change" that the pair asks for. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { knownArchs } from '../../src/arch/known.js';
import { KptoolError } from '../../src/diagnostics/diagnostic.js';
import { encodeIntermediate } from '../../src/livepatch/encode-intermediate.js';
import { comparePair } from './compare-pair.js';
import { CORPUS_MISSING, corpusFolder } from './corpus.js';
import { type NormalisedOutput, normalise } from './normalise.js';

interface Case {
  readonly name: string;
  readonly upstreamExpects: 'success' | 'failure';
  readonly referenceExit: number;
  readonly output?: NormalisedOutput;
}

/** Architectures whose file in `src/arch/` exists; the corpus has pairs of more. */
const architectures = new Map([
  ['x86_64', 62],
  ['ppc64le', 21],
  ['s390x', 22],
  ['aarch64', 183],
  ['loongarch64', 258],
]);

type Result =
  | { readonly kind: 'output'; readonly output: NormalisedOutput }
  | { readonly kind: 'unchanged' | 'refused'; readonly codes: readonly string[] };

function runCase(folder: string): Result {
  try {
    const outcome = comparePair(folder);
    if (outcome.kind === 'unchanged') return { kind: 'unchanged', codes: [] };
    encodeIntermediate(outcome.diff.object, outcome.parts, outcome.diff.arch.absolute64);
    return { kind: 'output', output: normalise(outcome.diff.object) };
  } catch (error) {
    if (error instanceof KptoolError) return { kind: 'refused', codes: error.diagnostics.map(({ code }) => code) };
    throw error;
  }
}

/** Where the reference fails by a bug of its own, what upstream's own test asks for counts. */
function expectedKind({ upstreamExpects, referenceExit }: Case): Result['kind'] {
  if (upstreamExpects === 'success') return 'output';
  return referenceExit === 3 ? 'unchanged' : 'refused';
}

/** What stands in one list and not in the other, as text; a multiset comparison. */
function differences(actual: NormalisedOutput, expected: NormalisedOutput): string[] {
  const lines = (output: NormalisedOutput) => [
    ...(['arch', 'klpRelocations', 'patches', 'sections', 'symbols'] as const).flatMap((key) =>
      output[key].map((entry) => `${key} ${JSON.stringify(entry, Object.keys(flatKeys(entry)).sort())}`),
    ),
    ...Object.entries(output.relocations).flatMap(([section, rows]) =>
      rows.map((row) => `${section} ${JSON.stringify(row)}`),
    ),
  ];
  const counts = new Map<string, number>();
  for (const line of lines(actual)) counts.set(line, (counts.get(line) ?? 0) + 1);
  for (const line of lines(expected)) counts.set(line, (counts.get(line) ?? 0) - 1);
  return [...counts]
    .filter(([, count]) => count !== 0)
    .map(([line, count]) => `${count > 0 ? 'more' : 'less'} ${line}`);
}

function flatKeys(value: unknown): Record<string, true> {
  const keys: Record<string, true> = {};
  if (typeof value !== 'object' || value === null) return keys;
  for (const [key, inner] of Object.entries(value)) Object.assign(keys, { [key]: true }, flatKeys(inner));
  return keys;
}

const corpus = corpusFolder();

describe.skipIf(corpus === undefined)(`corpus${corpus === undefined ? ` (skipped: ${CORPUS_MISSING})` : ''}`, () => {
  for (const [architecture, machine] of architectures) {
    const folder = join(corpus ?? '', architecture);
    const isKnown = knownArchs.some((arch) => arch.machine === machine);
    describe.skipIf(!isKnown)(architecture, () => {
      if (!existsSync(folder)) return;
      for (const name of readdirSync(folder).sort()) {
        test(name, () => {
          const caseFolder = join(folder, name);
          const expected = JSON.parse(readFileSync(join(caseFolder, 'case.json'), 'utf8')) as Case;
          const result = runCase(caseFolder);
          if (expected.output === undefined) {
            expect(result.kind, JSON.stringify(result)).toBe(expectedKind(expected));
          } else {
            if (result.kind !== 'output') expect.fail(JSON.stringify(result));
            const found = differences(result.output, expected.output);
            if (found.length > 0) expect.fail(found.join('\n'));
          }
        });
      }
    });
  }
});
