/** How the pipeline tells what it is doing. The command line implements it; the pipeline never prints. */
import type { Diagnostic } from '../diagnostics/diagnostic.js';

export interface Progress {
  /** Announces a step, runs it and hands its value on. `report` sets a short text beside the running step. */
  step<T>(title: string, work: (report: (text: string) => void) => Promise<T>): Promise<T>;
  /** A finding that does not stop the build. */
  warn(diagnostic: Diagnostic): void;
  /** A fact worth a line, such as which kernel was chosen and why. */
  note(text: string): void;
}
