/** `kptool kernel fetch`: says what would be downloaded, asks, and fetches the source of the target kernel. */
import { fail } from '../diagnostics/catalogue.js';
import { type FetchOptions, type FetchReport, fetchSource } from '../pipeline/fetch-source.js';
import type { Progress } from '../pipeline/progress.js';
import { type Answer, answerFailure } from './answer.js';
import type { RunFacts } from './bug.js';
import { readConfig } from './config.js';
import type { ExaminationRequest } from './examination.js';
import { formatOf } from './format.js';
import { watchForInterrupt } from './interrupt.js';
import { emptyDocument } from './json.js';
import { listProgress, plainProgress } from './progress.js';
import { inMegabytes, renderFetched, renderPlan } from './render-fetch.js';
import { machineSettings } from './settings.js';
import type { Terminal } from './terminal.js';

export type Fetch = (options: FetchOptions, progress: Progress) => Promise<FetchReport>;

/** Runs the command to its end; every failure becomes an answer too. */
export async function runKernelFetch(
  { name, flags }: ExaminationRequest,
  facts: RunFacts,
  terminal: Terminal,
  fetch: Fetch = fetchSource,
): Promise<Answer> {
  const { workingDirectory, environment, out, err } = terminal;
  const isForPeople = formatOf(facts.words) === 'text';
  const progress =
    isForPeople && out.isTerminal ? await listProgress(out, err) : plainProgress(isForPeople ? out : err, err);
  const watch = watchForInterrupt(() => progress.tell('Stopping: waiting for the programs that run.'));
  const { signal } = watch;
  try {
    const config = readConfig(workingDirectory, flags.one('config-file'));
    const options = machineSettings({ flags, workingDirectory, environment }, config);
    const version = checkedVersion(flags.one('package-version'));
    const dryRun = flags.isSet('dry-run') ?? false;
    const confirm = (plan: FetchReport) => confirmed(plan, flags.isSet('yes') ?? false, terminal, signal);
    const report = await fetch({ ...options, version, dryRun, confirm, signal }, progress);
    const { kernel, ...fetched } = report;
    return {
      exitStatus: 0,
      text: renderFetched(report, out),
      messages: '',
      document: { ...emptyDocument(facts.version, name, 'fetched', 0), kernel, fetched },
    };
  } catch (error) {
    const isDebug = flags.isSet('debug') ?? false;
    const failure = { ...facts, command: name, wasInterrupted: signal.aborted, warnings: [], isDebug };
    return answerFailure(error, failure, terminal);
  } finally {
    watch.stop();
  }
}

function checkedVersion(value: string | undefined): string | undefined {
  if (value === undefined || /^[0-9][A-Za-z0-9.+:~-]*$/.test(value)) return value;
  fail('usage-bad-value', {
    option: '--package-version',
    value,
    expected: 'a version of a package, such as 6.1.192-2',
  });
}

/** Whether it is to be downloaded. What will be is shown in any case, also where --yes has answered. Throws `usage-unconfirmed`. */
export async function confirmed(
  plan: FetchReport,
  isSure: boolean,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<boolean> {
  const { err, ask } = terminal;
  if (!isSure && ask === undefined) {
    const what = `downloading ${plan.package} ${plan.version}, ${inMegabytes(plan.bytes)}, from ${plan.url}`;
    fail('usage-unconfirmed', { what });
  }
  err.write(renderPlan(plan, err));
  if (isSure || ask === undefined) return true;
  const answer = await ask('Download it? [y/N] ', signal);
  return /^y(?:es)?$/i.test(answer?.trim() ?? '');
}
