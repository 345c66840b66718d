/**
 * Compiles kptool into dist/ once, before the first test file of a tier that runs the built program. For vitest
 * (`globalSetup`): test files that compiled it themselves would pull it from under each other.
 */
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/** Throws with the compiler's messages when the source as it is now does not compile; scripts/test has seen to that. */
export async function setup(): Promise<void> {
  if (process.env.KPTOOL_COMPILED === '1') return;
  await execa('npm', ['run', '--silent', 'build'], { cwd: fileURLToPath(new URL('..', import.meta.url)) });
}
