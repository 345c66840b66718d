/** One pair of the corpus through the comparison, as `kptool create-diff-object` would take it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EntrySizes } from '../../src/arch/arch.js';
import { parseSymvers } from '../../src/kernel/symvers.js';
import { indexExports } from '../../src/lookup/exports.js';
import { parseReadelfSymbols } from '../../src/lookup/readelf-symbols.js';
import { diffPair, type PairOutcome } from '../../src/pipeline/diff-pair.js';

/** The entry sizes that the pair's `case.json` gives. */
export function entrySizesOf(folder: string): EntrySizes {
  const { env } = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8'));
  return Object.fromEntries(Object.entries(env).map(([name, size]) => [name, Number(size)]));
}

/** Throws what `diffPair` throws. */
export function comparePair(folder: string, entrySizes = entrySizesOf(folder), explain = false): PairOutcome {
  const { parent } = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8'));
  const symversFile = join(folder, 'Module.symvers');
  const symvers = existsSync(symversFile) ? readFileSync(symversFile, 'utf8') : '';
  return diffPair({
    original: readFileSync(join(folder, 'orig.o')),
    patched: readFileSync(join(folder, 'patched.o')),
    objectName: 'orig.o',
    target: parent,
    table: parseReadelfSymbols(readFileSync(join(folder, 'parent.symtab'), 'utf8'), 'parent.symtab'),
    exports: indexExports(parseSymvers(symvers, symversFile)),
    entrySizes,
    explain,
  });
}
