/**
 * Compiles single objects of a prepared kernel, one side of the patch at a time: what the patch needs and nothing else, by
 * kbuild's own commands, in the same place on both sides. Nothing is linked.
 */
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { runProgram } from '../system/run.js';
import { type CompiledObject, readCompileLog, writeCompilerWrapper } from './compiler-wrapper.js';
import { type KernelMakeQuestion, kernelInvocation } from './kernel-make.js';
import { wrapperFolder } from './kernel-places.js';
import { judge, type Side } from './make-output.js';
import type { Invocation } from './make-steps.js';
import { objtoolSettings, objtoolVariables } from './objtool.js';
import type { PreparedKernel } from './prepared-kernel.js';
import { checkSections } from './section-flags.js';

/** The klp object of what is not in a module. */
const builtIn = 'vmlinux';

export interface KernelObjectsQuestion extends KernelMakeQuestion {
  readonly prepared: PreparedKernel;
  readonly side: Side;
  /** C files of the tree, as they are on this side. */
  readonly sources: readonly string[];
  /** Where make's output goes. */
  readonly log: string;
  readonly onLine?: ((line: string) => void) | undefined;
}

export const objectOfSource = (source: string) => source.replace(/\.c$/, '.o');

/** The call of make that compiles the objects of the sources. */
export function kernelObjectsInvocation(
  question: Omit<KernelMakeQuestion, 'compiler'>,
  { folder }: Pick<PreparedKernel, 'folder'>,
  sources: readonly string[],
): Invocation {
  const objtool = objtoolVariables(question.kernel.config, wrapperFolder(folder));
  return kernelInvocation(question, folder, [...sources.map(objectOfSource), ...objtool]);
}

/**
 * The objects of the sources, with the klp objects that link them: modules, or `vmlinux`. They are compiled afresh in any
 * case. Throws `compile-failed`, `make-failed`, `source-not-compiled`, `section-flags-lost`, and what running a program throws.
 */
export async function compileKernelObjects(question: KernelObjectsQuestion): Promise<CompiledObject[]> {
  const { prepared, kernel, compiler, side, sources, log } = question;
  if (sources.length === 0) return [];
  const { tree, folder } = prepared;
  const objects = sources.map(objectOfSource);
  await Promise.all(objects.map((object) => rm(path.join(tree, object), { force: true })));
  // The folder of the wrapper is shared by all runs; what an earlier one compiled is none of our business.
  await emptyFolder(path.join(wrapperFolder(folder), `compiled-${side}`));
  await objtoolSettings(kernel.config, wrapperFolder(folder));
  await writeCompilerWrapper(wrapperFolder(folder), { command: compiler.command, tree, side });
  const call = kernelObjectsInvocation(question, prepared, sources);
  await runForSide(question, call);
  const compiled = await readCompileLog(path.join(wrapperFolder(folder), `compiled-${side}`), tree);
  const found = compiled.filter(({ object }) => objects.includes(object));
  const lost = objects.find((object) => !found.some((candidate) => candidate.object === object));
  if (lost !== undefined) fail('source-not-compiled', { source: lost.replace(/\.o$/, '.c'), log });
  await checkSections(found);
  return found.map((object) => ({ ...object, modules: object.modules.length === 0 ? [builtIn] : object.modules }));
}

/** Runs a call of make for a side of the patch. Throws `compile-failed`, `make-failed`, and what running a program throws. */
export async function runForSide(question: KernelObjectsQuestion, call: Invocation): Promise<void> {
  const { prepared, side, log, timeout, signal, onLine } = question;
  const report = onLine === undefined ? {} : { onLine: (line: string) => onLine(line.trim()) };
  const { exitStatus, output } = await runProgram({ ...call, logFile: log, timeout, signal, ...report });
  if (exitStatus === 0) return;
  judge({ kind: 'side', output, failed: { side, tree: prepared.tree, log, rules: [], invocation: call } });
}

async function emptyFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  await Promise.all(names.map((name) => rm(path.join(folder, name), { force: true })));
}
