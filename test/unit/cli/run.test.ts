import { describe, expect, test } from 'vitest';
import { run } from '../../../src/cli/run.js';
import { recordedTerminal } from './screen.js';

async function kptool(...words: string[]) {
  const terminal = recordedTerminal('/', { XDG_CACHE_HOME: '/dev/null' });
  const exitStatus = await run(words, terminal);
  return { exitStatus, out: terminal.out.text(), err: terminal.err.text() };
}

describe('run', () => {
  test('prints help and version to standard output', async () => {
    expect(await kptool('--version')).toMatchObject({
      exitStatus: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      err: '',
    });
    expect((await kptool('--help')).out).toContain('Commands:');
  });

  test('prints a usage error to standard error', async () => {
    expect(await kptool('bulid')).toMatchObject({
      exitStatus: 2,
      out: '',
      err: expect.stringContaining('[usage-unknown-command]'),
    });
  });

  test.each([
    [['build', '--json', 'x', '--jbos'], 'usage-unknown-option'],
    [['build', '--jbos', '--json'], 'usage-unknown-option'],
    [['bulid', '--json=true'], 'usage-unknown-command'],
    [['build', '--json'], 'usage-missing-argument'],
    [['build', '--json', 'x', '--config-file', '/none.json'], 'usage-config-unreadable'],
  ])('%j prints one document, and the message for people to standard error', async (words, code) => {
    const { out, err, exitStatus } = await kptool(...words);
    const document = JSON.parse(out);
    expect(document).toMatchObject({ schema: 'kptool/1', outcome: 'failed', exitStatus: 2 });
    expect(document.diagnostics.map((diagnostic: { code: string }) => diagnostic.code)).toEqual([code]);
    expect(err).toContain(`[${code}]`);
    expect(exitStatus).toBe(2);
  });

  test('ends with status 2 where the answer could not be written, and says so', async () => {
    const terminal = recordedTerminal('/', { XDG_CACHE_HOME: '/dev/null' });
    const lose = (code: string) => {
      const error = Object.assign(new Error(`${code}: no luck, write`), { code });
      return { ...terminal, lost: () => ({ output: 'standard output', error }) };
    };
    expect(await run(['--version'], lose('ENOSPC'))).toBe(2);
    expect(terminal.err.text()).toMatch(/^error: No space is left for standard output: .*\[disk-full\]\n/);
    expect(await run(['--version'], lose('EIO'))).toBe(2);
    expect(terminal.err.text()).toContain('[output-unwritable]');
  });

  test('takes --json after -- for a file name', async () => {
    expect((await kptool('bulid', '--', '--json')).out).toBe('');
  });
});
