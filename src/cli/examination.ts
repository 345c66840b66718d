/** Commands that look at the machine or a kernel and say what they found: what is the same for all of them. */
import { type Answer, answerFailure } from './answer.js';
import type { RunFacts } from './bug.js';
import type { Flags } from './command-line.js';
import { type ConfigFile, readConfig } from './config.js';
import { watchForInterrupt } from './interrupt.js';
import { emptyDocument, type JsonDocument } from './json.js';
import type { Invocation } from './settings.js';
import type { Terminal } from './terminal.js';

export interface ExaminationRequest {
  readonly name: string;
  readonly flags: Flags;
}

export interface Examined {
  /** Whether what was looked for is there: exit status 0, else 2. */
  readonly isGood: boolean;
  readonly text: string;
  /** What the document says of it. */
  readonly found: Partial<JsonDocument>;
}

/** Reads the settings, gathers the facts and words them; every failure becomes an answer too. */
export async function runExamination(
  { name, flags }: ExaminationRequest,
  facts: RunFacts,
  terminal: Terminal,
  examine: (
    invocation: Pick<Invocation, 'flags' | 'workingDirectory' | 'environment' | 'signal'>,
    config: ConfigFile | undefined,
  ) => Promise<Examined>,
): Promise<Answer> {
  const { workingDirectory, environment } = terminal;
  const watch = watchForInterrupt(() => undefined);
  const { signal } = watch;
  try {
    const config = readConfig(workingDirectory, flags.one('config-file'));
    const { isGood, text, found } = await examine({ flags, workingDirectory, environment, signal }, config);
    const exitStatus = isGood ? 0 : 2;
    const document = emptyDocument(facts.version, name, isGood ? 'examined' : 'failed', exitStatus);
    return { exitStatus, text, messages: '', document: { ...document, ...found } };
  } catch (error) {
    const isDebug = flags.isSet('debug') ?? false;
    const failure = { ...facts, command: name, wasInterrupted: signal.aborted, warnings: [], isDebug };
    return answerFailure(error, failure, terminal);
  } finally {
    watch.stop();
  }
}
