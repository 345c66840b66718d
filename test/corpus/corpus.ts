/** Where the corpus of real object pairs lies, for the tests that read it. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

const BESIDE_THE_REPOSITORY = resolve(import.meta.dirname, '../../../shared/corpus');

/** Said by tests that are skipped for want of it. */
export const CORPUS_MISSING = `needs the corpus: ${BESIDE_THE_REPOSITORY}, or the folder that KPTOOL_CORPUS names`;

/** The corpus folder, if this machine has it. Throws if KPTOOL_CORPUS names a folder that does not exist. */
export function corpusFolder(): string | undefined {
  const chosen = process.env.KPTOOL_CORPUS;
  if (chosen !== undefined && chosen !== '') {
    if (!existsSync(chosen)) throw new Error(`KPTOOL_CORPUS names ${chosen}, which does not exist`);
    return resolve(chosen);
  }
  return existsSync(BESIDE_THE_REPOSITORY) ? BESIDE_THE_REPOSITORY : undefined;
}
