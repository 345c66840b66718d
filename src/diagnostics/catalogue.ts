/**
 * The catalogue: every message that kptool can give, by code. One file a stage holds the wording; here they become one
 * table, so that a code exists once and the compiler checks the arguments of every use.
 */
import { type Diagnostic, KptoolError, type Wording, withPlaces } from './diagnostic.js';
import { diffMessages } from './diff-messages.js';
import { elfMessages } from './elf-messages.js';
import { fetchMessages } from './fetch-messages.js';
import { kbuildMessages } from './kbuild-messages.js';
import { kernelMessages } from './kernel-messages.js';
import { livepatchMessages } from './livepatch-messages.js';
import { lookupMessages } from './lookup-messages.js';
import { objectRuleMessages } from './object-rules.js';
import { patchMessages } from './patch-messages.js';
import { pipelineMessages } from './pipeline-messages.js';
import { sourceRuleMessages } from './source-rules.js';
import { systemMessages } from './system-messages.js';
import { targetRuleMessages } from './target-rules.js';
import { treeRuleMessages } from './tree-rules.js';
import { typeRuleMessages } from './type-rules.js';
import { usageMessages } from './usage-messages.js';

export const catalogue = {
  ...usageMessages,
  ...systemMessages,
  ...withPlaces('patch', patchMessages),
  ...sourceRuleMessages,
  ...treeRuleMessages,
  ...targetRuleMessages,
  ...objectRuleMessages,
  ...typeRuleMessages,
  ...kernelMessages,
  ...fetchMessages,
  ...kbuildMessages,
  ...elfMessages,
  ...lookupMessages,
  ...diffMessages,
  ...livepatchMessages,
  ...pipelineMessages,
};

export type Code = keyof typeof catalogue;
type ArgumentsOf<C extends Code> = Parameters<(typeof catalogue)[C]>[0];

/** What a finding was worded from, so that it can be worded again elsewhere. */
export interface Facts {
  readonly code: string;
  readonly details: unknown;
}

const facts = new WeakMap<Diagnostic, Facts>();

/** What the finding was worded from; `undefined` for one that was put together in another way, or read from a file. */
export function factsOf(finding: Diagnostic): Facts | undefined {
  return facts.get(finding);
}

/** Words a finding from what `factsOf` gave; `undefined` for a code that there is not (any more). Throws nothing. */
export function wordAgain({ code, details }: Facts): Diagnostic | undefined {
  if (!Object.hasOwn(catalogue, code)) return undefined;
  try {
    return diagnose(code as Code, details as never);
  } catch {
    return undefined;
  }
}

/** Words the finding `code`; errors that refuse the input unless the entry says otherwise. */
export function diagnose<C extends Code>(code: C, details: ArgumentsOf<C>): Diagnostic {
  const wording = (catalogue[code] as (details: ArgumentsOf<C>) => Wording)(details);
  const finding: Diagnostic = { severity: 'error', exitStatus: 1, details: [], ...wording, code };
  facts.set(finding, { code, details });
  return finding;
}

/** Ends the current step with the finding `code`. */
export function fail<C extends Code>(code: C, details: ArgumentsOf<C>): never {
  throw new KptoolError([diagnose(code, details)]);
}
