/** `kptool inspect`: shows what is in a livepatch module or a diffed object. */
import { resolve } from 'node:path';
import { inspectFile } from '../pipeline/inspect-file.js';
import { type Answer, answerFailure } from './answer.js';
import type { RunFacts } from './bug.js';
import type { Flags } from './command-line.js';
import { emptyDocument } from './json.js';
import type { Terminal } from './terminal.js';
import { visible } from './wrap.js';

/** Reads the file and words the report; every failure becomes an answer too. */
export async function runInspect(
  request: { readonly name: string; readonly files: readonly string[]; readonly flags: Flags },
  facts: RunFacts,
  terminal: Terminal,
): Promise<Answer> {
  try {
    const file = resolve(terminal.workingDirectory, request.files[0] ?? '');
    const { report, lines } = await inspectFile(file);
    return {
      exitStatus: 0,
      text: lines.map((line) => `${visible(line)}\n`).join(''),
      messages: '',
      document: { ...emptyDocument(facts.version, request.name, 'inspected', 0), inspected: report },
    };
  } catch (error) {
    const isDebug = request.flags.isSet('debug') ?? false;
    const failure = { ...facts, command: request.name, wasInterrupted: false, warnings: [], isDebug };
    return answerFailure(error, failure, terminal);
  }
}
