/**
 * One folder for the temporary files of a test run, which goes with all that tests left in it. For vitest, which calls this
 * before the first test file of a run (`globalSetup`); programs that tests start inherit it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes the folder that `tmpdir()` gives from now on; the result removes it and puts back what was there. */
export function setup(): () => void {
  const before = process.env.TMPDIR;
  const folder = mkdtempSync(join(tmpdir(), 'kptool-tests-'));
  process.env.TMPDIR = folder;
  return () => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    if (process.env.KPTOOL_KEEP_TEMPORARY !== '1') rmSync(folder, { recursive: true, force: true });
  };
}
