/** What the user has decided about rules: findings are left out, or weigh more or less than they do by themselves. */
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { isRule } from '../diagnostics/rules.js';

export const ruleLevels = ['off', 'warn', 'error'] as const;

export type RuleLevel = (typeof ruleLevels)[number];

/** Findings that are not of a rule stay as they are: nobody can decide that a patch applies. Throws nothing. */
export function applyRuleLevels(findings: readonly Diagnostic[], levels: ReadonlyMap<string, RuleLevel>): Diagnostic[] {
  return findings.flatMap((finding) => {
    const level = isRule(finding.code) ? levels.get(finding.code) : undefined;
    if (level === undefined) return [finding];
    return level === 'off' ? [] : [{ ...finding, severity: level === 'warn' ? 'warning' : 'error' }];
  });
}
