/**
 * Every pair of the corpus without any entry size given: what the tables tell of themselves is the size that the pair's
 * settings give, and the result is the same. The settings are one kernel's for nearly all pairs of a CPU, so that some
 * are wrong for a pair; the table knows better there.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { EntrySizeName, EntrySizes } from '../../src/arch/arch.js';
import { KptoolError } from '../../src/diagnostics/diagnostic.js';
import { inferEntrySize } from '../../src/diff/entry-stride.js';
import { readElf } from '../../src/elf/read.js';
import { writeElf } from '../../src/elf/write.js';
import { comparePair, entrySizesOf } from './compare-pair.js';
import { CORPUS_MISSING, corpusFolder } from './corpus.js';

const settings: ReadonlyMap<string, EntrySizeName> = new Map([
  ['.altinstructions', 'ALT_STRUCT_SIZE'],
  ['__bug_table', 'BUG_STRUCT_SIZE'],
  ['__ex_table', 'EX_STRUCT_SIZE'],
  ['__ftr_fixup', 'FIXUP_STRUCT_SIZE'],
  ['__mmu_ftr_fixup', 'FIXUP_STRUCT_SIZE'],
  ['__fw_ftr_fixup', 'FIXUP_STRUCT_SIZE'],
  ['__jump_table', 'JUMP_STRUCT_SIZE'],
  ['.parainstructions', 'PARA_STRUCT_SIZE'],
  ['.printk_index', 'PRINTK_INDEX_STRUCT_SIZE'],
  ['.static_call_sites', 'STATIC_CALL_STRUCT_SIZE'],
]);

/** Settings of a pair that are another kernel's: what an entry of the pair has, and has not. */
const wrongSettings = new Map([
  ['x86_64 .altinstructions 13', 12],
  ['x86_64 __jump_table 24', 16],
  ['ppc64le __bug_table 24', 12],
  ['ppc64le __ex_table 8', 16],
  ['ppc64le __jump_table 24', 16],
  // The size of what the table has pointers to.
  ['x86_64 .printk_index 44', 8],
  ['aarch64 .printk_index 44', 8],
]);

/** Twice the size takes the neighbour of a wanted entry along, so that the result with the pair's settings is larger. */
const corrections: Readonly<Record<string, EntrySizes>> = {
  'ppc64le ASSERT_RTNL-detect': { BUG_STRUCT_SIZE: 12 },
  'ppc64le dynamic-debug-jump-label-issue-1253': { BUG_STRUCT_SIZE: 12 },
};

const corpus = corpusFolder();
const cases = ['x86_64', 'ppc64le', 's390x', 'aarch64', 'loongarch64'].flatMap((architecture) => {
  const folder = join(corpus ?? '', architecture);
  return existsSync(folder) ? readdirSync(folder).map((name) => [architecture, name] as const) : [];
});

/** The bytes of the result, or how the pair is refused. */
function resultOf(folder: string, entrySizes: EntrySizes): string {
  try {
    const outcome = comparePair(folder, entrySizes);
    return outcome.kind === 'unchanged' ? 'unchanged' : Buffer.from(writeElf(outcome.diff.object)).toString('base64');
  } catch (error) {
    if (error instanceof KptoolError) return error.diagnostics.map(({ what }) => what).join('\n');
    throw error;
  }
}

describe.skipIf(corpus === undefined)(corpus === undefined ? CORPUS_MISSING : 'entry sizes', () => {
  const contradicted = new Set<string>();
  let agreeing = 0;

  test.each(cases)('%s %s: each table tells its own', (architecture, name) => {
    const folder = join(corpus ?? '', architecture, name);
    const sizes = entrySizesOf(folder);
    for (const file of ['orig.o', 'patched.o']) {
      for (const section of readElf(readFileSync(join(folder, file)), file).sections) {
        const setting = settings.get(section.name);
        if (setting === undefined || section.relocations.length === 0) continue;
        const given = sizes[setting];
        const seen = inferEntrySize(section, setting);
        const key = `${architecture} ${section.name} ${given}`;
        if (seen === given) agreeing++;
        else {
          expect(seen, `${key} in ${file}`).toBe(wrongSettings.get(key));
          contradicted.add(key);
        }
      }
    }
  });

  test('most settings are right, and all that are said to be wrong are', () => {
    expect(agreeing).toBeGreaterThan(200);
    expect([...contradicted].sort()).toEqual([...wrongSettings.keys()].sort());
  });

  test.each(cases)('%s %s: the same result without settings', (architecture, name) => {
    const folder = join(corpus ?? '', architecture, name);
    const [own, given] = [resultOf(folder, {}), resultOf(folder, entrySizesOf(folder))];
    const correction = corrections[`${architecture} ${name}`];
    expect(own === given).toBe(correction === undefined);
    if (correction !== undefined) {
      expect(own.length).toBeLessThan(given.length);
      expect(own === resultOf(folder, { ...entrySizesOf(folder), ...correction })).toBe(true);
    }
  });
});
