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
  /** What is known of this case beyond `why`, and what to do about it in place of `fix`. */
  readonly because?: (details: never) => string;
  readonly advice?: (details: never) => string;
  /** Further lines. */
  readonly more?: (details: never) => readonly string[];
}

/** A place in the patched tree, or in the original one for what is gone. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

export const at = ({ file, line }: Place) => `${file}:${line}`;

/** `a, b and c`; of many the first ones and how many more there are. */
export function listed(names: readonly string[]): string {
  const shown = names.length > 6 ? [...names.slice(0, 5), `${names.length - 5} more`] : names;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

/** What the catalogue makes of a table of rules. */
export type RuleMessages<Rules extends Readonly<Record<string, Rule>>> = {
  readonly [Id in keyof Rules]: (details: Parameters<Rules[Id]['what']>[0]) => Wording;
};

/**
 * The rules as entries of the catalogue. A finding whose details say what it cannot tell, `cannotTell: 'here whose key it
 * is'`, is a warning, also of a rule that makes errors. Throws nothing.
 */
export function messagesOfRules<const Rules extends Readonly<Record<string, Rule>>>(rules: Rules): RuleMessages<Rules> {
  const entries = Object.entries(rules).map(([id, rule]) => {
    const word = (details: never): Wording => {
      const { cannotTell } = details as { readonly cannotTell?: string };
      const found = { ...wordingOf(rule, details), page: pageOfRule(id), ...placeIn('tree', details) };
      if (cannotTell === undefined) return found;
      return { ...found, severity: 'warning', what: `${found.what}; cannot tell ${cannotTell}` };
    };
    return [id, word];
  });
  return Object.fromEntries(entries) as RuleMessages<Rules>;
}

function wordingOf({ severity, why, fix, what, because, advice, more }: Rule, details: never): Wording {
  return {
    severity,
    what: what(details),
    why: [why, because?.(details) ?? ''].join(' ').trim(),
    fix: advice?.(details) ?? fix,
    details: more?.(details) ?? [],
  };
}

/** Path of a rule's page in the repository. */
function pageOfRule(id: string): string {
  return `docs/rules/${id}.md`;
}
