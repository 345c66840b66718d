/**
 * Several programs in order, started by one shell: to start one from a process as large as that of the tests takes longer
 * than gcc takes to compile a case.
 */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

export interface Command {
  /** Where it runs. */
  readonly folder: string;
  /** The program and its arguments. */
  readonly words: readonly string[];
}

/** Throws, with what the programs have printed, where one fails; those after it are not started. */
export async function runInOrder(commands: readonly Command[]): Promise<void> {
  await promisify(execFile)('sh', ['-c', scriptOf(commands)]);
}

/** As `runInOrder`, while everything else waits. */
export function runInOrderSync(commands: readonly Command[]): void {
  execFileSync('sh', ['-c', scriptOf(commands)]);
}

function scriptOf(commands: readonly Command[]): string {
  return commands.map(({ folder, words }) => `cd ${quoted(folder)} && ${words.map(quoted).join(' ')}`).join(' &&\n');
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
