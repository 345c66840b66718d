import { describe, expect, test } from 'vitest';
import { duration, listProgress, plainProgress } from '../../../src/cli/progress.js';
import type { Diagnostic } from '../../../src/diagnostics/diagnostic.js';
import { recordedOutput } from './screen.js';

const warning: Diagnostic = {
  code: 'target-not-seen',
  severity: 'warning',
  exitStatus: 1,
  what: 'The running module was not seen.',
  why: 'It may differ.',
  fix: 'Give --module.',
  details: [],
};

test.each([
  [0, '0.0 s'],
  [950, '0.9 s'],
  [59_999, '59.9 s'],
  [60_000, '1 min 0 s'],
  [3_723_000, '62 min 3 s'],
])('%d ms are %s', (milliseconds, text) => {
  expect(duration(milliseconds)).toBe(text);
});

describe('plain lines', () => {
  function plain() {
    const lines = recordedOutput();
    const errors = recordedOutput();
    let time = 0;
    const now = () => {
      time += 1200;
      return time;
    };
    return { lines, errors, progress: plainProgress(lines, errors, now) };
  }

  test('title when a step begins, time when it ends, value handed on', async () => {
    const { lines, progress } = plain();
    const value = await progress.step('Building', async (report) => {
      report('CC mad.o');
      expect(lines.text()).toBe('==> Building\n');
      return 42;
    });
    expect(value).toBe(42);
    expect(lines.text()).toBe('==> Building\n    done, 1.2 s\n');
  });

  test('a failing step says so and passes the failure on', async () => {
    const { lines, errors, progress } = plain();
    const failure = new Error('no space');
    await expect(progress.step('Building', () => Promise.reject(failure))).rejects.toBe(failure);
    expect(lines.text()).toBe('==> Building\n    failed after 1.2 s\n');
    expect(errors.text()).toBe('');
  });

  test('warnings go to standard error and are remembered', () => {
    const { lines, errors, progress } = plain();
    progress.warn(warning);
    expect(lines.text()).toBe('');
    expect(errors.text()).toContain('warning: The running module was not seen.   [target-not-seen]\n');
    expect(progress.warnings).toEqual([warning]);
  });
});

describe('the list', () => {
  test('hands the value and the failure of a step on', async () => {
    const progress = await listProgress(recordedOutput(), recordedOutput());
    expect(await progress.step('One', async () => 'value')).toBe('value');
    const failure = new Error('no space');
    await expect(progress.step('Two', () => Promise.reject(failure))).rejects.toBe(failure);
  });

  test('shows what comes in the middle of a step after it', async () => {
    const lines = recordedOutput();
    const errors = recordedOutput();
    const progress = await listProgress(lines, errors);
    await progress.step('One', async () => {
      progress.note('a fact');
      progress.warn(warning);
      expect(lines.text() + errors.text()).toBe('');
    });
    expect(lines.text()).toBe('  a fact\n');
    expect(errors.text()).toContain('[target-not-seen]');
  });

  test('a step within a step runs', async () => {
    const progress = await listProgress(recordedOutput(), recordedOutput());
    const value = await progress.step('Outer', () => progress.step('Inner', async () => 7));
    expect(value).toBe(7);
  });

  test('leaves Ctrl-C to kptool', async () => {
    const progress = await listProgress(recordedOutput(), recordedOutput());
    const before = process.listenerCount('SIGINT');
    await progress.step('One', async () => {
      expect(process.listenerCount('SIGINT')).toBe(before);
    });
  });
});
