import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { rulePages } from '../../../src/diagnostics/rule-page.js';

test('docs/rules is what `npm run rule-pages` makes', () => {
  const folder = new URL('../../../docs/rules/', import.meta.url);
  const written = new Map(readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]));
  expect(written).toEqual(rulePages());
});
