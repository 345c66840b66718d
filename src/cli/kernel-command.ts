/** `kptool kernel info`: says what is known of the target kernel. */
import { describeKernel, type KernelInfo, type KernelInfoOptions } from '../pipeline/kernel-info.js';
import { type Answer, answerFailure } from './answer.js';
import type { RunFacts } from './bug.js';
import type { Flags } from './command-line.js';
import { readConfig } from './config.js';
import { watchForInterrupt } from './interrupt.js';
import { emptyDocument, jsonSourcedFact } from './json.js';
import { renderKernelInfo } from './render-kernel-info.js';
import { kernelSettings } from './settings.js';
import type { Terminal } from './terminal.js';

export type Describe = (options: KernelInfoOptions) => Promise<KernelInfo>;

/** Gathers the facts and words them; every failure becomes an answer too. `info` is the only verb that parsing lets pass. */
export async function runKernelInfo(
  request: { readonly name: string; readonly flags: Flags },
  facts: RunFacts,
  terminal: Terminal,
  describe: Describe = describeKernel,
): Promise<Answer> {
  const { name, flags } = request;
  const watch = watchForInterrupt(() => undefined);
  try {
    const { workingDirectory, environment } = terminal;
    const found = readConfig(workingDirectory, flags.one('config-file'));
    const settings = kernelSettings({ flags, workingDirectory, environment }, found);
    const info = await describe({ ...settings, signal: watch.signal });
    const exitStatus = info.isKnown ? 0 : 2;
    return {
      exitStatus,
      text: renderKernelInfo(info, terminal.out),
      messages: '',
      document: {
        ...emptyDocument(facts.version, name, info.isKnown ? 'examined' : 'failed', exitStatus),
        kernel: info.chosen,
        kernelFacts: info.facts.map(jsonSourcedFact),
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
