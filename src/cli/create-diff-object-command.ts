/**
 * `kptool create-diff-object`: the comparison alone, for build tools that know kpatch's program of that name. It is run
 * once an object, so its seven operands are read here, without loading a parser.
 */
import { resolve } from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { createDiffObject } from '../pipeline/create-diff-object.js';
import type { LookupDecision } from '../pipeline/options.js';
import { lookupsOf } from '../pipeline/refused-lookups.js';
import { type Answer, answerFailure } from './answer.js';
import type { RunFacts } from './bug.js';
import { diffOperands } from './commands.js';
import { nearest } from './nearest.js';
import { renderDiagnostic, renderLookup } from './render.js';
import type { Terminal } from './terminal.js';
import { visible } from './wrap.js';

const command = 'create-diff-object';
const explainLookup = '--explain-lookup';
const knownOptions = ['--debug', explainLookup, '--no-color', '--help'];

/** Compares the objects that `words`, the operands and options, name; every failure becomes an answer too. */
export async function runCreateDiffObject(
  words: readonly string[],
  facts: RunFacts,
  terminal: Terminal,
): Promise<Answer> {
  const explains = words.slice(0, endOfOptions(words)).includes(explainLookup);
  try {
    const files = readOperands(words);
    const path = (index: number) => resolve(terminal.workingDirectory, files[index] ?? '');
    const outcome = await createDiffObject({
      original: path(0),
      patched: path(1),
      parentName: files[2] ?? '',
      parentSymbols: path(3),
      symvers: path(4),
      // Operand 5, the name of the livepatch module, is part of kpatch's command line; nothing in the object says it.
      output: path(6),
      environment: terminal.environment,
    });
    const name = visible(files[0] ?? '');
    const lines =
      outcome.kind === 'unchanged'
        ? [`${name}: no functional change`]
        : [
            ...outcome.callbacks.map((callback) => `${name}: found callback: ${visible(callback)}`),
            ...outcome.changedFunctions.map((changed) => `${name}: changed function: ${visible(changed)}`),
            ...outcome.newFunctions.map((added) => `${name}: new function: ${visible(added)}`),
            ...(explains ? explain(name, outcome.lookups) : []),
          ];
    return {
      exitStatus: outcome.kind === 'unchanged' ? 3 : 0,
      text: lines.map((line) => `${line}\n`).join(''),
      messages: outcome.warnings.map((warning) => renderDiagnostic(warning, terminal.err)).join(''),
      document: undefined,
    };
  } catch (error) {
    const isDebug = words.includes('--debug') || words.includes('-d');
    const failure = { ...facts, command, wasInterrupted: false, warnings: [], isDebug };
    const decided = explains ? lookupsOf(error) : [];
    const lines = decided.flatMap(({ lookups }) => explain(visible(readOperands(words)[0] ?? ''), lookups));
    return { ...answerFailure(error, failure, terminal), text: lines.map((line) => `${line}\n`).join('') };
  }
}

function explain(name: string, lookups: readonly LookupDecision[]): string[] {
  return lookups.map((decision) => `${name}: ${renderLookup(decision)}`);
}

/** Behind `--` every word is an operand. */
function endOfOptions(words: readonly string[]): number {
  const end = words.indexOf('--');
  return end === -1 ? words.length : end;
}

/** The seven operands. Throws `usage-unknown-option`, `usage-missing-argument` and `usage-extra-argument`. */
function readOperands(words: readonly string[]): readonly string[] {
  const files: string[] = [];
  let hasOptionsEnded = false;
  for (const word of words) {
    if (hasOptionsEnded || !word.startsWith('-')) files.push(word);
    else if (word === '--') hasOptionsEnded = true;
    else if (!['-d', '--debug', '--no-color', explainLookup].includes(word)) {
      fail('usage-unknown-option', { command, option: word, nearest: nearest(word, knownOptions) });
    }
  }
  const missing = diffOperands[files.length];
  if (missing !== undefined) fail('usage-missing-argument', { command, missing: `the operand ${missing}` });
  const extra = files[diffOperands.length];
  if (extra !== undefined) fail('usage-extra-argument', { command, argument: extra });
  return files;
}
