/**
 * A rule of live patching, as data: what the catalogue, `--rule`, the configuration and the page in docs/rules are all made
 * of. A rule says what a patch should not do and can be judged harmless by the patch's author, unlike other findings.
 */
import { placeIn, type Severity, type Wording } from './diagnostic.js';

/** When a rule is decided, and from what. */
export type RuleStage = 'source' | 'target' | 'objects' | 'module';

export interface Rule {
  readonly stage: RuleStage;
  /** Unless `--rule` or the configuration says otherwise. */
  readonly severity: Severity;
  /** Heading of its page: the rule in a few words. */
  readonly title: string;
  readonly why: string;
  readonly fix: string;
  /** A patch that breaks it, or what to look at, in Markdown. */
  readonly example: string;
  /** What was found, with names. */
  readonly what: (details: never) => string;
}

/** What the catalogue makes of a table of rules. */
export type RuleMessages<Rules extends Readonly<Record<string, Rule>>> = {
  readonly [Id in keyof Rules]: (details: Parameters<Rules[Id]['what']>[0]) => Wording;
};

/** The rules as entries of the catalogue. Throws nothing. */
export function messagesOfRules<const Rules extends Readonly<Record<string, Rule>>>(rules: Rules): RuleMessages<Rules> {
  const entries = Object.entries(rules).map(([id, { severity, why, fix, what }]) => {
    const text = { severity, why, fix, page: pageOfRule(id) };
    return [id, (details: never): Wording => ({ ...text, what: what(details), ...placeIn('tree', details) })];
  });
  return Object.fromEntries(entries) as RuleMessages<Rules>;
}

/** Path of a rule's page in the repository. */
function pageOfRule(id: string): string {
  return `docs/rules/${id}.md`;
}
