/**
 * What the compiler is given of sources of a prepared kernel, as a digest: a touched header is included by hundreds of sources,
 * a touched makefile is the one of many, and most become the same text with the same flags as before, which need not be compiled.
 */
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { kernelMake } from './kernel-make.js';
import { type KernelObjectsQuestion, runForSide } from './kernel-objects.js';

/**
 * By source, a digest of its preprocessed text less the lines that say where it came from, and of the command. Throws `compile-failed`,
 * `make-failed`, and what running a program throws.
 */
export async function preprocessedDigests(question: KernelObjectsQuestion): Promise<Map<string, string>> {
  const { prepared, side, sources } = question;
  const { tree, folder } = prepared;
  if (sources.length === 0) return new Map();
  const texts = new Map(sources.map((source) => [source, source.replace(/\.c$/, '.i')]));
  const call = await kernelMake(question, folder, side, [...texts.values()]);
  await runForSide(question, call);
  const digests = new Map<string, string>();
  for (const [source, text] of texts) {
    const file = path.join(tree, text);
    const command = path.join(path.dirname(file), `.${path.basename(file)}.cmd`);
    digests.set(source, digestOf(await readFile(file, 'latin1'), await commandIn(command)));
    await Promise.all([rm(file), rm(command, { force: true })]);
  }
  return digests;
}

/** The first line of what kbuild keeps of a target (`cmd_` up to 6.2, then `savedcmd_`); the others are what it depends on. */
async function commandIn(file: string): Promise<string> {
  const text = await readFile(file, 'latin1').catch(() => '');
  return /^(?:saved)?cmd_.*$/m.exec(text)?.[0] ?? '';
}

function digestOf(text: string, command: string): string {
  return createHash('sha256')
    .update(`${command}\n`)
    .update(text.replaceAll(/^# \d+ .*\n/gm, '').replaceAll(/\n{2,}/g, '\n'))
    .digest('hex');
}
