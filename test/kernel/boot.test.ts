/** The boot harness itself: what commands return, and what a guest that hangs or panics gives. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { BootError, boot } from '../boot/boot.js';
import { findTroubles } from '../boot/troubles.js';
import { findTestKernel } from './requirements.js';

const { kernel, missing } = findTestKernel();
const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;

describe.skipIf(kernel === undefined)(`boot${needs}`, () => {
  const image = kernel?.image ?? '';

  test('returns output and status of each command, apart from the kernel log', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'kptool-boot-test-'));
    try {
      await writeFile(path.join(folder, 'note'), 'from a file\n');
      const { results, dmesg } = await boot({
        image,
        files: { 'data/note': path.join(folder, 'note'), 'data/bytes': Buffer.from('from memory\n') },
        commands: [
          'uname -r',
          'cat /data/note /data/bytes; echo to standard error >&2; exit 7',
          { run: 'sleep 30', timeoutSeconds: 1 },
          "echo '<1>a message of the kernel' > /dev/kmsg; printf 'no newline'",
        ],
      });
      expect(results.map(({ output, status }) => ({ output, status }))).toEqual([
        { output: `${kernel?.release}\n`, status: 0 },
        { output: 'from a file\nfrom memory\nto standard error\n', status: 7 },
        { output: expect.stringMatching(/^(Terminated\n)?$/), status: 143 },
        { output: 'no newline', status: 0 },
      ]);
      expect(dmesg).toContain('a message of the kernel');
      expect(findTroubles(dmesg)).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('shows the console of a guest that panics, and keeps what came before', async () => {
    const commands = ['echo alive', 'echo c > /proc/sysrq-trigger', 'echo never'];
    const failure = await boot({ image, files: {}, commands }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(BootError);
    if (!(failure instanceof BootError)) return;
    expect(failure.results).toEqual([{ command: 'echo alive', output: 'alive\n', status: 0 }]);
    expect(failure.message).toMatch(/^the guest ended at command 2 of 3: echo c > /);
    // How much of the trace follows differs from run to run; its own function is always among the last lines.
    expect(failure.message).toContain('sysrq_handle_crash');
  });

  test('ends a guest that hangs', async () => {
    // The command's own limit is long, so that the one of the boot is seen to work.
    const commands = [{ run: 'sleep 600', timeoutSeconds: 600 }];
    const failure = await boot({ image, files: {}, commands, timeoutSeconds: 15 }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(BootError);
    expect(String(failure)).toContain('the guest was ended after 15 seconds at command 1 of 1: sleep 600');
  });
});
