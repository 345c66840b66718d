/** `kptool kernel info`: says what is known of the target kernel. */
import { describeKernel, type KernelInfo, type KernelInfoOptions } from '../pipeline/kernel-info.js';
import type { Answer } from './answer.js';
import type { RunFacts } from './bug.js';
import { type ExaminationRequest, runExamination } from './examination.js';
import { jsonSourcedFact } from './json.js';
import { renderKernelInfo } from './render-kernel-info.js';
import { kernelSettings } from './settings.js';
import type { Terminal } from './terminal.js';

export type Describe = (options: KernelInfoOptions) => Promise<KernelInfo>;

/** Gathers the facts and words them; every failure becomes an answer too. */
export async function runKernelInfo(
  request: ExaminationRequest,
  facts: RunFacts,
  terminal: Terminal,
  describe: Describe = describeKernel,
): Promise<Answer> {
  return runExamination(request, facts, terminal, async (invocation, config) => {
    const info = await describe({ ...kernelSettings(invocation, config), signal: invocation.signal });
    const found = { kernel: info.chosen, kernelFacts: info.facts.map(jsonSourcedFact) };
    return { isGood: info.isKnown, text: renderKernelInfo(info, terminal.out), found };
  });
}
