/** `kptool doctor`: says what this machine has and lacks for building livepatches. */
import { type DoctorOptions, type DoctorReport, examineMachine } from '../pipeline/doctor.js';
import type { Answer } from './answer.js';
import type { RunFacts } from './bug.js';
import { type ExaminationRequest, runExamination } from './examination.js';
import { jsonDoctor } from './json.js';
import { renderDoctor } from './render-doctor.js';
import { machineSettings } from './settings.js';
import type { Terminal } from './terminal.js';

export type Examine = (options: DoctorOptions) => Promise<DoctorReport>;

/** Gathers the facts and words them; every failure becomes an answer too. */
export async function runDoctor(
  request: ExaminationRequest,
  facts: RunFacts,
  terminal: Terminal,
  examine: Examine = examineMachine,
): Promise<Answer> {
  return runExamination(request, facts, terminal, async (invocation, config) => {
    const report = await examine({ ...machineSettings(invocation, config), signal: invocation.signal });
    const found = { machine: jsonDoctor(report) };
    return { isGood: report.isReady, text: renderDoctor(report, terminal.out), found };
  });
}
