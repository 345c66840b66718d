/** The form of what `kptool doctor` finds: one fact about the machine or a kernel, and what to type where it lacks something. */
import type { Diagnostic } from '../diagnostics/diagnostic.js';

export interface Fact {
  /** What it is about, in a word or two, stable: `make`, `headers`, `compiler`. */
  readonly subject: string;
  /**
   * `found`: all is well. `note`: nothing stops a build, and there is something to know. `missing`: a build needs it.
   * `absent`: some builds need it, and others do not.
   */
  readonly state: 'found' | 'note' | 'missing' | 'absent';
  /** Version and place of what was found; else what is wrong, in words. */
  readonly text: string;
  /** What to type to install it, where that is known. */
  readonly install?: string | undefined;
  /** What else can be done, where something is wrong. */
  readonly advice?: string | undefined;
}

/** Their details list other kernels, which stand in the report anyway. */
const listsKernels: readonly string[] = ['kernel-headers-missing', 'kernel-ambiguous'];

/** A finding of the check as a fact: warnings are notes, since a build goes on. */
export function factOf(subject: string, { code, severity, what, details, install, fix }: Diagnostic): Fact {
  const text = [what.replace(/\.$/, ''), ...(listsKernels.includes(code) ? [] : details)].join('; ');
  return { subject, state: severity === 'error' ? 'missing' : 'note', text, install, advice: fix };
}

/** Whether a build can do with these facts. */
export function isReady(facts: readonly Fact[]): boolean {
  return facts.every(({ state }) => state !== 'missing');
}
