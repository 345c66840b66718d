/**
 * What is said when kptool itself is at fault: an exception that no stage has worded. It is told apart from every
 * refusal, since nothing that the user changes would help.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { JsonDiagnostic } from './json.js';

export interface BugReport {
  readonly diagnostic: JsonDiagnostic;
  /** What was written to `logFile`: versions, the command and the stack. */
  readonly log: string;
}

/** Where and how kptool was run. */
export interface RunFacts {
  readonly version: string;
  readonly words: readonly string[];
  /** Where to report, where package.json says it. */
  readonly reportTo: string | undefined;
  /** Folder for the log. */
  readonly cache: string;
}

/** Words the exception, and leaves a log of it in the cache folder where that is possible. */
export function describeBug(error: unknown, facts: RunFacts): BugReport {
  const log = [
    `kptool ${facts.version}, Node ${process.version}, ${process.platform} ${process.arch}`,
    `command: kptool ${facts.words.map((word) => JSON.stringify(word)).join(' ')}`,
    stackOf(error),
    '',
  ].join('\n');
  const logFile = writeLog(log, facts.cache);
  const whom = facts.reportTo === undefined ? 'to whom you have kptool from' : `at ${facts.reportTo}`;
  const what = error instanceof Error ? error.message : String(error);
  return {
    log,
    diagnostic: {
      code: 'internal-error',
      severity: 'error',
      what: `A bug in kptool ${facts.version}: ${what || 'an exception without a message'}`,
      why: 'This is not the fault of your patch or your machine. No livepatch was made, and your files are as they were.',
      fix:
        logFile === undefined
          ? `Please report it ${whom}, with the command, the patch and what --debug prints.`
          : `Please report it ${whom}, with the command, the patch and the log.`,
      details: logFile === undefined ? [] : [`log: ${logFile}`],
      install: null,
      page: null,
      place: null,
    },
  };
}

/** The stack, and that of every cause. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\ncaused by: ${stackOf(error.cause)}`;
}

/** `undefined` where nothing can be written, which must not hide the bug itself. */
function writeLog(log: string, cache: string): string | undefined {
  try {
    for (const folder of [dirname(cache), cache]) makeFolder(folder);
    const file = join(cache, `bug-${new Date().toISOString().replace(/[:.]/g, '-')}-${process.pid}.log`);
    writeFileSync(file, log, { flag: 'wx', mode: 0o600 });
    return file;
  } catch {
    return undefined;
  }
}

/** One level: the `recursive` of mkdir tries for ever below `/proc`. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch {
    // There already, or the log will say that it is not.
  }
}
