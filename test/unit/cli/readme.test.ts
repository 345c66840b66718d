import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { buildFlags, type Flag } from '../../../src/cli/commands.js';
import { configSchema } from '../../../src/cli/config-schema.js';
import { emptyDocument } from '../../../src/cli/json.js';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const readme = read('README.md');

/** A row of the README's table of options. */
function row(flag: Flag): string {
  const long = `--${flag.name}${flag.value === undefined ? '' : ` ${flag.value}`}`;
  const text = flag.text.replaceAll('|', '\\|');
  return `| \`${flag.short === undefined ? '' : `-${flag.short}, `}${long}\` | ${text} | ${flag.setting === undefined ? '' : `\`${flag.setting}\``} |`;
}

test('the table of options is that of the program', () => {
  const table = ['| option | meaning | setting |', '|---|---|---|', ...buildFlags.map(row)].join('\n');
  expect(readme).toContain(table);
});

describe('every setting stands in the README', () => {
  const { $schema: _, oot, lookup, ...top } = configSchema.shape;
  const inner = Object.keys(oot.unwrap().shape).map((key) => `oot.${key}`);
  inner.push(...Object.keys(lookup.unwrap().shape).map((key) => `lookup.${key}`));
  test.each([...Object.keys(top), ...inner])('%s', (setting) => {
    expect(readme).toContain(`\`${setting}\``);
  });
});

test('every setting that an option wins over exists', () => {
  const settings = buildFlags.flatMap((flag) => flag.setting ?? []);
  const { oot, ...top } = configSchema.shape;
  const known = [...Object.keys(top), ...Object.keys(oot.unwrap().shape).map((key) => `oot.${key}`)];
  expect(settings.filter((setting) => !known.includes(setting))).toEqual([]);
});

test('docs/json.md describes every key of the document, and no other', () => {
  const [, keys = ''] = read('docs/json.md').split('|---|---|');
  const described = [...(keys.split('\n\n')[0] ?? '').matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]);
  expect(described).toEqual(Object.keys(emptyDocument('', null, 'built', 0)));
});
