/** Calls of make in a prepared kernel: the same compiler, release and variables in each, whatever it is called for. */
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import type { InstalledCompiler } from '../kernel/compiler.js';
import type { TargetKernel } from '../kernel/resolve.js';
import { writeOutputAtomically } from '../system/files.js';
import { runProgram } from '../system/run.js';
import { wrapperIn, writeCompilerWrapper } from './compiler-wrapper.js';
import { treeOf, wrapperFolder } from './kernel-places.js';
import { stopAtFullDisk } from './make-output.js';
import { type Invocation, messageLanguage } from './make-steps.js';

/** What every call of make in the copy needs to know. */
export interface KernelMakeQuestion {
  readonly kernel: TargetKernel;
  readonly compiler: InstalledCompiler;
  /** `VAR=VALUE` for every make, from the user. */
  readonly makeArguments: readonly string[];
  readonly jobs: number;
  /** Milliseconds after which a call of make is ended. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A call of make in the copy at `folder`, by the compiler wrapper, whose path is the same for all runs: to kbuild another
 * compiler would be a reason to make everything again. The release is the target's, which the source alone does not tell
 * (`6.1.0-56-amd64`).
 */
export function kernelInvocation(
  { kernel, makeArguments, jobs }: Omit<KernelMakeQuestion, 'compiler'>,
  folder: string,
  goals: readonly string[],
): Invocation {
  const tree = treeOf(folder);
  return {
    program: 'make',
    arguments: [
      '-C',
      tree,
      `-j${jobs}`,
      ...goals,
      ...makeArguments.filter((argument) => !/^CC:?=/.test(argument)),
      `KERNELRELEASE=${kernel.release}`,
      compilerWord(folder),
    ],
    directory: tree,
    environment: messageLanguage,
  };
}

/** Of all calls of make in the copy at `folder`, and of no others. */
export const compilerWord = (folder: string) => `CC=${wrapperIn(wrapperFolder(folder))}`;

/** The same, with the wrapper written for `side`. Throws `work-folder-unwritable` or `disk-full`. */
export async function kernelMake(
  question: KernelMakeQuestion,
  folder: string,
  side: string,
  goals: readonly string[],
): Promise<Invocation> {
  const { command } = question.compiler;
  await writeCompilerWrapper(wrapperFolder(folder), { command, tree: treeOf(folder), side });
  return kernelInvocation(question, folder, goals);
}

/**
 * Configures the copy as the target is, and makes what has to be there before an object can be compiled. Throws
 * `kernel-prepare-failed` with what make said, and `disk-full`.
 */
export async function makeReady(
  question: KernelMakeQuestion & { readonly onLine?: ((line: string) => void) | undefined },
  folder: string,
): Promise<void> {
  const { kernel, signal, onLine } = question;
  const tree = treeOf(folder);
  const config = await readFile(path.join(kernel.buildDirectory, '.config'));
  await writeOutputAtomically(path.join(tree, '.config'), config);
  const log = path.join(folder, 'prepare.log');
  await rm(log, { force: true });
  for (const goal of ['olddefconfig', 'modules_prepare']) {
    const result = await runProgram({
      ...(await kernelMake(question, folder, 'prepare', [goal])),
      logFile: log,
      signal,
      ...(onLine === undefined ? {} : { onLine: (line: string) => onLine(line.trim()) }),
    });
    if (result.exitStatus === 0) continue;
    stopAtFullDisk(result.output, tree);
    const lastLines = result.output.split('\n').filter((line) => line !== '');
    fail('kernel-prepare-failed', { release: kernel.release, goal, lastLines: lastLines.slice(-15), log });
  }
}
