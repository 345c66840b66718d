import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { checkMachineRules, checkPlaces } from '../../../src/pipeline/machine-rules.js';
import { temporaryFolder } from '../kernel/target.js';

const codes = (findings: readonly { code: string; severity: string }[]) =>
  findings.map(({ code, severity }) => `${severity} ${code}`);

test('places that can be written to are no finding, and are left as they are', async () => {
  const root = await temporaryFolder();
  expect(await checkPlaces(root, path.join(root, 'a/cache'))).toEqual([]);
  expect(await readdir(root)).toEqual([]);
});

test('a place that cannot be written to is told, though a check does not write', async () => {
  const root = await temporaryFolder();
  await writeFile(path.join(root, 'file'), '');
  expect(codes(await checkPlaces(path.join(root, 'file'), root))).toEqual(['warning output-unwritable']);
  expect(codes(await checkPlaces(path.join(root, 'gone'), root))).toEqual(['warning output-unwritable']);
  expect(codes(await checkPlaces(root, path.join(root, 'file/cache')))).toEqual(['warning work-folder-unwritable']);
});

test('the user weighs what the machine breaks', async () => {
  const root = await temporaryFolder();
  await mkdir(path.join(root, 'tree'));
  const question = (level?: 'off' | 'error') => ({
    options: {
      ...{ cache: root, oot: path.join(root, 'tree') },
      rules: new Map(level === undefined ? [] : [['disk-space-short', level] as const]),
    },
    ...{ name: 'livepatch-fix', release: '6.1.0-13-amd64' },
    sources: ['mad.c'],
    free: 1,
  });
  expect(codes(await checkMachineRules(question()))).toEqual(['warning disk-space-short']);
  expect(codes(await checkMachineRules(question('error')))).toEqual(['error disk-space-short']);
  expect(await checkMachineRules(question('off'))).toEqual([]);
});
