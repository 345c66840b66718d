/**
 * Shows how far the build is: a list of steps with times on a terminal, plain lines in logs and pipes. A step's failure
 * is only marked here; what went wrong is told once, by `run.ts`.
 */
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { Progress } from '../pipeline/progress.js';
import { renderDiagnostic } from './render.js';
import type { Output } from './terminal.js';
import { visible } from './wrap.js';

export interface ShownProgress extends Progress {
  /** Warnings so far, in order. */
  readonly warnings: readonly Diagnostic[];
  /** A line that must be seen now, also in the middle of a step. */
  tell(text: string): void;
}

/** 950 becomes `0.9 s`, 62,000 becomes `1 min 2 s`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 60_000) return `${(Math.floor(milliseconds / 100) / 10).toFixed(1)} s`;
  const seconds = Math.floor(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Plain lines: a step's title when it begins, its time when it ends. Warnings go to `errors`. */
export function plainProgress(
  lines: Output,
  errors: Output,
  now: () => number = () => performance.now(),
): ShownProgress {
  const warnings: Diagnostic[] = [];
  return {
    warnings,
    tell: (text) => errors.write(`${visible(text)}\n`),
    note: (text) => lines.write(`    ${visible(text)}\n`),
    warn: (diagnostic) => {
      warnings.push(diagnostic);
      errors.write(renderDiagnostic(diagnostic, errors));
    },
    step: async (title, work) => {
      const started = now();
      lines.write(`==> ${visible(title)}\n`);
      // What is reported beside a step changes many times a second: it is for the eye, not for a log.
      let end = 'failed after';
      try {
        const value = await work(() => {});
        end = 'done,';
        return value;
      } finally {
        lines.write(`    ${lines.paint('quiet', `${end} ${duration(now() - started)}`)}\n`);
      }
    },
  };
}

/**
 * A listr2 list on a terminal. One small list a step, so that a step's value keeps its own type; notes and warnings
 * that come in the middle of a step wait until its line is finished.
 */
export async function listProgress(lines: Output, errors: Output): Promise<ShownProgress> {
  const { Listr } = await import('listr2');
  const warnings: Diagnostic[] = [];
  const waiting: (() => void)[] = [];
  let report: ((text: string) => void) | undefined;
  const whenIdle = (action: () => void) => {
    if (report === undefined) action();
    else waiting.push(action);
  };
  return {
    warnings,
    tell: (text) => {
      if (report === undefined) errors.write(`${visible(text)}\n`);
      else report(text);
    },
    note: (text) => whenIdle(() => lines.write(`  ${lines.paint('quiet', visible(text))}\n`)),
    warn: (diagnostic) => {
      warnings.push(diagnostic);
      whenIdle(() => errors.write(renderDiagnostic(diagnostic, errors)));
    },
    step: async <T>(title: string, work: (report: (text: string) => void) => Promise<T>): Promise<T> => {
      // A step within a step shows as text beside the outer one.
      if (report !== undefined) {
        report(title);
        return await work(report);
      }
      let value: { readonly result: T } | undefined;
      const list = new Listr(
        [
          {
            title: visible(title),
            task: async (_, task) => {
              report = (text) => {
                task.output = visible(text);
              };
              value = { result: await work(report) };
            },
          },
        ],
        {
          // listr2's own handler would end the process in the middle of a build.
          registerSignalListeners: false,
          fallbackRenderer: 'silent',
          rendererOptions: {
            showErrorMessage: false,
            formatOutput: 'truncate',
            timer: { condition: true, field: duration, format: () => (text) => lines.paint('quiet', text ?? '') },
          },
        },
      );
      try {
        await list.run();
      } finally {
        report = undefined;
        for (const action of waiting.splice(0)) action();
      }
      if (value === undefined) throw new Error(`The step "${title}" was not run.`);
      return value.result;
    },
  };
}
