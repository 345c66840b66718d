/** The pages in docs/rules, one a rule and one that lists them, made from the rules themselves by `npm run rule-pages`. */
import { rules } from './rules.js';

const stages = { source: 'before anything is compiled, from the source' } as const;

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
  const rows = Object.entries(rules).map(
    ([id, { title, severity }]) => `| [${id}](${id}.md) | ${title} | ${severity} |`,
  );
  return `# Rules of live patching

What a patch should not do, and kptool can see. Errors stop \`kptool check\` and \`kptool build\`; warnings are told. Each can be
set to \`off\`, \`warn\` or \`error\`, with \`--rule RULE=LEVEL\` or under \`rules\` in \`kpatch.config.json\`.

| rule | about | by itself |
|---|---|---|
${rows.join('\n')}
`;
}
