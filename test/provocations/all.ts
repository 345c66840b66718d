/** The provocations of all stages, as one table that has an entry for every code of the catalogue. */
import type { Code } from '../../src/diagnostics/catalogue.js';
import { diffProvocations } from './diff.js';
import { elfProvocations } from './elf.js';
import { fetchProvocations } from './fetch.js';
import { kbuildProvocations } from './kbuild.js';
import { kernelProvocations } from './kernel.js';
import { livepatchProvocations } from './livepatch.js';
import { lookupProvocations } from './lookup.js';
import { objectRuleProvocations } from './object-rules.js';
import { patchProvocations } from './patch.js';
import { pipelineProvocations } from './pipeline.js';
import type { Provocation } from './provocation.js';
import { sourceRuleProvocations } from './source-rules.js';
import { systemProvocations } from './system.js';
import { targetRuleProvocations } from './target-rules.js';
import { treeRuleProvocations } from './tree-rules.js';
import { usageProvocations } from './usage.js';

export const allProvocations: Readonly<Record<Code, Provocation>> = {
  ...usageProvocations,
  ...systemProvocations,
  ...patchProvocations,
  ...sourceRuleProvocations,
  ...treeRuleProvocations,
  ...targetRuleProvocations,
  ...objectRuleProvocations,
  ...kernelProvocations,
  ...fetchProvocations,
  ...kbuildProvocations,
  ...elfProvocations,
  ...lookupProvocations,
  ...diffProvocations,
  ...livepatchProvocations,
  ...pipelineProvocations,
};
