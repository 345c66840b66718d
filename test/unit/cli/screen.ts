/** Outputs that keep what is written to them, for tests of what is shown. */
import type { Output, Terminal } from '../../../src/cli/terminal.js';

export interface RecordedOutput extends Output {
  readonly text: () => string;
}

export function recordedOutput(columns?: number): RecordedOutput {
  const written: string[] = [];
  return {
    write: (text) => void written.push(text),
    columns,
    isTerminal: false,
    paint: (_, text) => text,
    text: () => written.join(''),
  };
}

export interface RecordedTerminal extends Terminal {
  readonly out: RecordedOutput;
  readonly err: RecordedOutput;
}

export function recordedTerminal(workingDirectory: string, environment: NodeJS.ProcessEnv = {}): RecordedTerminal {
  return { out: recordedOutput(), err: recordedOutput(), environment, workingDirectory };
}
