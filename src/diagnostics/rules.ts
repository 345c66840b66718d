/** All rules, by id: what `--rule` and the configuration can name, and what docs/rules has a page for. */
import type { Rule } from './rule.js';
import { sourceRules } from './source-rules.js';
import { targetRules } from './target-rules.js';
import { treeRules } from './tree-rules.js';

export const rules: Readonly<Record<string, Rule>> = { ...sourceRules, ...treeRules, ...targetRules };

export const ruleIds: readonly string[] = Object.keys(rules);

export function isRule(code: string): boolean {
  return Object.hasOwn(rules, code);
}
