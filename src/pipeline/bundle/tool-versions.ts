/** Which programs a build ran, as they say it of themselves. */
import type { InstalledCompiler } from '../../kernel/compiler.js';
import { runProgram } from '../../system/run.js';

/** The first line of each one's `--version`; `not there` for those that could not be asked. Throws nothing. */
export async function toolVersions({ command, versionText }: InstalledCompiler): Promise<Record<string, string>> {
  const asked = await Promise.all(
    ['make', 'ld', 'patch'].map(async (program): Promise<[string, string]> => {
      const result = await runProgram({ program, arguments: ['--version'], directory: '/', timeout: 5000 }).catch(
        () => undefined,
      );
      return [program, result?.stdout.split('\n')[0] || 'not there'];
    }),
  );
  return { node: process.version, compiler: `${command.join(' ')}: ${versionText}`, ...Object.fromEntries(asked) };
}
