/**
 * What the preprocessor makes of sources of a prepared kernel, as a digest: a touched header is included by hundreds of
 * sources, and most of them become the same text as before, which need not be compiled.
 */
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { runProgram } from '../system/run.js';
import type { KernelObjectsQuestion } from './kernel-objects.js';
import { judgeMake } from './make-output.js';
import { kernelMake } from './prepared-kernel.js';

/**
 * By source, a digest of its preprocessed text less the lines that say where it came from. Throws `compile-failed`,
 * `make-failed`, and what running a program throws.
 */
export async function preprocessedDigests(question: KernelObjectsQuestion): Promise<Map<string, string>> {
  const { prepared, side, sources, log, signal, onLine } = question;
  const { tree, folder } = prepared;
  if (sources.length === 0) return new Map();
  const texts = new Map(sources.map((source) => [source, source.replace(/\.c$/, '.i')]));
  const call = await kernelMake(question, folder, side, [...texts.values()]);
  const report = onLine === undefined ? {} : { onLine: (line: string) => onLine(line.trim()) };
  const result = await runProgram({ ...call, logFile: log, timeout: question.timeout, signal, ...report });
  if (result.exitStatus !== 0) judgeMake(result.output, { side, tree, log, rules: [], invocation: call });
  const digests = new Map<string, string>();
  for (const [source, text] of texts) {
    const file = path.join(tree, text);
    digests.set(source, digestOf(await readFile(file, 'latin1')));
    const command = path.join(path.dirname(file), `.${path.basename(file)}.cmd`);
    await Promise.all([rm(file), rm(command, { force: true })]);
  }
  return digests;
}

function digestOf(text: string): string {
  return createHash('sha256')
    .update(text.replaceAll(/^# \d+ .*\n/gm, '').replaceAll(/\n{2,}/g, '\n'))
    .digest('hex');
}
