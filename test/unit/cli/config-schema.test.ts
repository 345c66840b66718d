import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checkConfig } from '../../../src/cli/config.js';
import { configSchemaText } from '../../../src/cli/config-schema.js';

const root = new URL('../../../', import.meta.url);

test('docs/kpatch.config.schema.json is what `npm run config-schema` makes', () => {
  expect(readFileSync(new URL('docs/kpatch.config.schema.json', root), 'utf8')).toBe(configSchemaText());
});

test('the configuration of the demonstration is valid', () => {
  const file = new URL('kpatch.config.json', root);
  expect(checkConfig(file.pathname, readFileSync(file, 'utf8')).oot?.dir).toBe('fixtures/ib_mad');
});
