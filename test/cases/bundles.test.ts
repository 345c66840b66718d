/** Failures that somebody sent in, or that this project has had: each still fails as it did. scripts/bundle-to-case makes them. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { reproduce } from '../../src/pipeline/reproduce.js';

const folder = fileURLToPath(new URL('../../fixtures/bundles', import.meta.url));
const cases = existsSync(folder) ? readdirSync(folder) : [];

test.each(cases)('%s', async (name) => {
  const report = await reproduce({ bundle: join(folder, name), cache: '/', workingDirectory: '/' });
  expect(report.replayed).toEqual(report.original);
  expect(report.outcome).toBe('reproduced');
  expect(report.original.length).toBeGreaterThan(0);
});
