import { describe, expect, test } from 'vitest';
import { furtherBreaches, targetRuleCases } from '../../provocations/target-rules.js';

const cases = Object.entries(targetRuleCases);

describe('a near miss is no finding', () => {
  test.each(
    cases.flatMap(([id, { nearMisses }]) => Object.entries(nearMisses).map(([name, run]) => [id, name, run] as const)),
  )('%s: %s', async (_, __, run) => {
    expect(await run()).toEqual([]);
  });
});

describe('what breaks a rule', () => {
  test.each([...cases.map(([id, { breaks }]) => [id, 'the provocation', breaks] as const), ...furtherBreaches])(
    '%s: %s',
    async (id, _, run) => {
      expect((await run()).map(({ code }) => code)).toEqual([id]);
    },
  );
});

test('what sign-file needs is told', async () => {
  const [finding] = await targetRuleCases['signature-required'].breaks();
  expect(finding?.what).toBe(
    'Kernel 6.1.0-13-amd64 loads signed modules only, by CONFIG_MODULE_SIG_FORCE; the program is /usr/src/headers/scripts/sign-file, the hash sha512',
  );
});
