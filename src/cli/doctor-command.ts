/** `kptool doctor`: says what this machine has and lacks for building livepatches. */
import { type DoctorOptions, type DoctorReport, examineMachine } from '../pipeline/doctor.js';
import { type Answer, answerFailure } from './answer.js';
import type { RunFacts } from './bug.js';
import type { Flags } from './command-line.js';
import { readConfig } from './config.js';
import { watchForInterrupt } from './interrupt.js';
import { emptyDocument, jsonDoctor } from './json.js';
import { renderDoctor } from './render-doctor.js';
import { machineSettings } from './settings.js';
import type { Terminal } from './terminal.js';

export type Examine = (options: DoctorOptions) => Promise<DoctorReport>;

/** Gathers the facts and words them; every failure becomes an answer too. */
export async function runDoctor(
  request: { readonly name: string; readonly flags: Flags },
  facts: RunFacts,
  terminal: Terminal,
  examine: Examine = examineMachine,
): Promise<Answer> {
  const { name, flags } = request;
  const watch = watchForInterrupt(() => undefined);
  try {
    const { workingDirectory, environment } = terminal;
    const found = readConfig(workingDirectory, flags.one('config-file'));
    const settings = machineSettings({ flags, workingDirectory, environment }, found);
    const report = await examine({ ...settings, signal: watch.signal });
    const exitStatus = report.isReady ? 0 : 2;
    return {
      exitStatus,
      text: renderDoctor(report, terminal.out),
      messages: '',
      document: {
        ...emptyDocument(facts.version, name, report.isReady ? 'examined' : 'failed', exitStatus),
        machine: jsonDoctor(report),
      },
    };
  } catch (error) {
    const isDebug = flags.isSet('debug') ?? false;
    const failure = { ...facts, command: name, wasInterrupted: watch.signal.aborted, warnings: [], isDebug };
    return answerFailure(error, failure, terminal);
  } finally {
    watch.stop();
  }
}
