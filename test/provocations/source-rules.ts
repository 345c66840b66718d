/** The cases of all rules that the source decides, and how they are tried. */
import type { sourceRules } from '../../src/diagnostics/source-rules.js';
import { parseKernelConfig } from '../../src/kernel/config.js';
import type { SourceTexts } from '../../src/patch/source-change.js';
import { checkSourceRules } from '../../src/patch/source-rules.js';
import type { Files, RuleCases } from './rule-case.js';
import { sourceAuthorCases } from './source-author-rules.js';
import { sourceDataCases } from './source-data-rules.js';
import { sourceFileCases } from './source-file-rules.js';
import { sourceFunctionCases } from './source-function-rules.js';

export const ruleCases: RuleCases<typeof sourceRules> = {
  ...sourceFileCases,
  ...sourceFunctionCases,
  ...sourceDataCases,
  ...sourceAuthorCases,
};

/** A kernel that has one option and has another one switched off. */
const config = parseKernelConfig('CONFIG_MAD_ON=y\nCONFIG_DYNAMIC_DEBUG=y\n# CONFIG_MAD_OFF is not set\n');

/** The findings for these files. */
export function check(files: Files, modules: ReadonlyMap<string, readonly string[]> = new Map()) {
  const texts = new Map<string, SourceTexts>(
    Object.entries(files).map(([file, [original, patched]]) => [file, { original, patched }]),
  );
  return checkSourceRules({ texts, config, modules });
}

type RuleProvocations = { readonly [Id in keyof typeof sourceRules]: () => ReturnType<typeof check> };

export const sourceRuleProvocations = Object.fromEntries(
  Object.entries(ruleCases).map(([id, { breaks }]) => [id, () => check(breaks)]),
) as RuleProvocations;
