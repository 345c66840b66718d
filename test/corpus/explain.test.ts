/** Every pair of the corpus that changes something: each changed function gets a reason, and its texts differ. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { KptoolError } from '../../src/diagnostics/diagnostic.js';
import type { ObjectDiff } from '../../src/diff/diff-objects.js';
import { writeElf } from '../../src/elf/write.js';
import { comparePair } from './compare-pair.js';
import { CORPUS_MISSING, corpusFolder } from './corpus.js';

const corpus = corpusFolder();
const cases = ['x86_64', 'ppc64le', 's390x', 'aarch64', 'loongarch64'].flatMap((architecture) => {
  const folder = join(corpus ?? '', architecture);
  return existsSync(folder) ? readdirSync(folder).map((name) => join(architecture, name)) : [];
});

/** `undefined` where the pair is refused or unchanged; create-diff-object.test.ts says which those are. */
function diff(name: string, explain: boolean): ObjectDiff | undefined {
  const folder = join(corpus ?? '', name);
  try {
    const outcome = comparePair(folder, undefined, explain);
    return outcome.kind === 'changed' ? outcome.diff : undefined;
  } catch (error) {
    if (error instanceof KptoolError) return undefined;
    throw error;
  }
}

describe.skipIf(corpus === undefined)(corpus === undefined ? CORPUS_MISSING : 'the corpus explained', () => {
  let reasonCount = 0;

  test.each(cases)('%s', (name) => {
    const explained = diff(name, true);
    const plain = diff(name, false);
    if (explained === undefined || plain === undefined) {
      expect(explained).toBe(plain);
      return;
    }
    expect(Buffer.compare(writeElf(explained.object), writeElf(plain.object)), 'asking why changes nothing').toBe(0);
    for (const symbol of explained.changedFunctions) {
      const reason = explained.reasons.get(symbol);
      if (reason === undefined) expect.fail(`${symbol.name} has no reason`);
      expect(reason.kind, symbol.name).not.toBe('line number');
      expect(reason.offset, symbol.name).toBeTypeOf('number');
      expect(reason.original, symbol.name).not.toBe(reason.patched);
      reasonCount++;
    }
    for (const [symbol, { kind }] of explained.reasons) {
      expect(explained.statuses.get(symbol), symbol.name).toBe(kind === 'line number' ? 'same' : 'changed');
    }
  });

  test('most pairs have something to explain', () => {
    expect(reasonCount).toBeGreaterThan(cases.length);
  });
});
