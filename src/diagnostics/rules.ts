/** All rules, by id: what `--rule` and the configuration can name, and what docs/rules has a page for. */
import { objectRules } from './object-rules.js';
import type { Rule } from './rule.js';
import { sourceRules } from './source-rules.js';
import { targetRules } from './target-rules.js';
import { treeRules } from './tree-rules.js';
import { typeRules } from './type-rules.js';

export const rules: Readonly<Record<string, Rule>> = {
  ...sourceRules,
  ...treeRules,
  ...targetRules,
  ...objectRules,
  ...typeRules,
};

export const ruleIds: readonly string[] = Object.keys(rules);

export function isRule(code: string): boolean {
  return Object.hasOwn(rules, code);
}
