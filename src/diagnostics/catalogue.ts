/**
 * The catalogue: every message that kptool can give, by code. One file a stage holds the wording; here they become one
 * table, so that a code exists once and the compiler checks the arguments of every use.
 */
import { type Diagnostic, KptoolError, type Wording, withPlaces } from './diagnostic.js';
import { diffMessages } from './diff-messages.js';
import { elfMessages } from './elf-messages.js';
import { kbuildMessages } from './kbuild-messages.js';
import { kernelMessages } from './kernel-messages.js';
import { livepatchMessages } from './livepatch-messages.js';
import { lookupMessages } from './lookup-messages.js';
import { patchMessages } from './patch-messages.js';
import { pipelineMessages } from './pipeline-messages.js';
import { sourceRuleMessages } from './source-rules.js';
import { systemMessages } from './system-messages.js';
import { targetRuleMessages } from './target-rules.js';
import { usageMessages } from './usage-messages.js';

export const catalogue = {
  ...usageMessages,
  ...systemMessages,
  ...withPlaces('patch', patchMessages),
  ...sourceRuleMessages,
  ...targetRuleMessages,
  ...kernelMessages,
  ...kbuildMessages,
  ...elfMessages,
  ...lookupMessages,
  ...diffMessages,
  ...livepatchMessages,
  ...pipelineMessages,
};

export type Code = keyof typeof catalogue;
type ArgumentsOf<C extends Code> = Parameters<(typeof catalogue)[C]>[0];

/** Words the finding `code`; errors that refuse the input unless the entry says otherwise. */
export function diagnose<C extends Code>(code: C, details: ArgumentsOf<C>): Diagnostic {
  const wording = (catalogue[code] as (details: ArgumentsOf<C>) => Wording)(details);
  return { severity: 'error', exitStatus: 1, details: [], ...wording, code };
}

/** Ends the current step with the finding `code`. */
export function fail<C extends Code>(code: C, details: ArgumentsOf<C>): never {
  throw new KptoolError([diagnose(code, details)]);
}
