/** The pages in docs/rules, one a rule and one that lists them, made from the rules themselves by `npm run rule-pages`. */
import type { RuleStage } from './rule.js';
import { rules } from './rules.js';

const stages: Readonly<Record<RuleStage, string>> = {
  source: 'before anything is compiled, from the source',
  target: 'before anything is compiled, from the target kernel and the machine',
  objects: 'by `build`, when the objects of both sides have been compared',
  module: 'by `build`, on the finished livepatch',
};

/** By file name within docs/rules. Throws nothing. */
export function rulePages(): Map<string, string> {
  const pages = new Map(Object.keys(rules).map((id) => [`${id}.md`, pageOf(id)]));
  return pages.set('README.md', index());
}

function pageOf(id: string): string {
  const rule = rules[id];
  if (rule === undefined) throw new RangeError(`no rule ${id}`);
  return `# ${rule.title}

\`${id}\`: ${rule.severity === 'error' ? 'an error' : 'a warning'} unless set otherwise; decided ${stages[rule.stage]}.

**Why.** ${rule.why}

**What to do.** ${rule.fix}

**Example.** ${rule.example}

**To weigh it otherwise:** \`--rule ${id}=off\`, \`=warn\` or \`=error\`, or \`"rules": { "${id}": "off" }\` in
\`kpatch.config.json\`.
`;
}

function index(): string {
  const groups = Object.entries(stages).map(([stage, text]) => {
    const rows = Object.entries(rules)
      .filter(([, rule]) => rule.stage === stage)
      .map(([id, { title, severity }]) => `| [${id}](${id}.md) | ${title} | ${severity} |`);
    return rows.length === 0 ? '' : `\n## Decided ${text}\n\n${heading}\n${rows.join('\n')}\n`;
  });
  return `# Rules of live patching

What a patch should not do, and kptool can see. Errors stop \`kptool check\` and \`kptool build\`; warnings are told. Each can be
set to \`off\`, \`warn\` or \`error\`, with \`--rule RULE=LEVEL\` or under \`rules\` in \`kpatch.config.json\`.
${groups.join('')}`;
}

const heading = '| rule | about | by itself |\n|---|---|---|';
