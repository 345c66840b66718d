/** Writes docs/rules from the rules in src/diagnostics; run by `npm run rule-pages`. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { rulePages } from '../src/diagnostics/rule-page.js';

// The program runs in the project's folder, as npm starts it.
rmSync('docs/rules', { recursive: true, force: true });
mkdirSync('docs/rules');
for (const [name, text] of rulePages()) writeFileSync(`docs/rules/${name}`, text);
