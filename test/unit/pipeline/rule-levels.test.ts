import { expect, test } from 'vitest';
import { diagnose } from '../../../src/diagnostics/catalogue.js';
import { applyRuleLevels } from '../../../src/pipeline/rule-levels.js';

const sleeper = diagnose('build-file-touched', { file: 'Kbuild' });
const missing = diagnose('input-missing', { path: 'x' });

test('levels change the weight of rules, and of nothing else', () => {
  const weigh = (level: 'off' | 'warn' | 'error') =>
    applyRuleLevels(
      [sleeper, missing],
      new Map([
        ['build-file-touched', level],
        ['input-missing', 'off'],
      ]),
    ).map(({ code, severity }) => `${severity} ${code}`);
  expect(weigh('off')).toEqual(['error input-missing']);
  expect(weigh('warn')).toEqual(['warning build-file-touched', 'error input-missing']);
  expect(weigh('error')).toEqual(['error build-file-touched', 'error input-missing']);
});

test('a rule without a level keeps its own', () => {
  expect(applyRuleLevels([sleeper], new Map())).toEqual([sleeper]);
});
