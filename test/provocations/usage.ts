/** Command lines and configurations that provoke every code about usage. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCommandLine } from '../../src/cli/command-line.js';
import { readConfig } from '../../src/cli/config.js';
import { confirmed } from '../../src/cli/fetch-command.js';
import { buildOptions } from '../../src/cli/settings.js';
import { requireWorkingDirectory } from '../../src/cli/terminal.js';
import type { usageMessages } from '../../src/diagnostics/usage-messages.js';
import { recordedTerminal } from '../unit/cli/screen.js';
import type { Provocations } from './provocation.js';

const words = (line: string) => () => parseCommandLine(line === '' ? [] : line.split(' '), '0', 80);

/** What a build in a folder without configuration is asked for. */
const options = (line: string) => () => {
  const request = words(line)();
  if (request.kind !== 'command') return undefined;
  const { name: command, files, flags } = request;
  const { signal } = new AbortController();
  return buildOptions(
    { command, files, flags, workingDirectory: '/', environment: {}, version: '0', words: [], signal },
    undefined,
  );
};

const configuration = (text: string, trusted?: readonly number[]) => () => {
  const folder = mkdtempSync(join(tmpdir(), 'kptool-provocation-'));
  writeFileSync(join(folder, 'kpatch.config.json'), text);
  return readConfig(folder, undefined, trusted);
};

export const usageProvocations = {
  'usage-no-command': words(''),
  'usage-unknown-command': words('bulid x.patch'),
  'usage-unknown-option': words('build x.patch --jbos 4'),
  'usage-option-before-command': words('--json build x.patch'),
  'usage-option-without-value': words('build x.patch --jobs'),
  'usage-option-repeated': words('build x.patch --jobs 1 --jobs 2'),
  'usage-bad-value': words('build x.patch --keep=perhaps'),
  'usage-unconfirmed': () => {
    const plan = { package: 'linux-source-6.1', version: '6.1.55-1', url: 'http://deb.example.org/x.deb', bytes: 1 };
    const kernel = { release: '6.1.0-13-amd64', chosenBy: 'the option --kernel' };
    const whole = { ...plan, kernel, saidBy: 'dpkg', file: '/c/x.tar.xz', state: 'planned' } as const;
    return confirmed(whole, false, recordedTerminal('/'), new AbortController().signal);
  },
  'usage-unknown-rule': options('build x.patch --oot . --rule init-touched=off'),
  'usage-missing-argument': words('build --keep'),
  'usage-extra-argument': words('inspect a.ko b.ko'),
  'usage-no-working-directory': () => requireWorkingDirectory({ workingDirectory: '' }),
  'usage-two-trees': options('build x.patch --oot a --sourcedir b'),
  'usage-config-unreadable': () => readConfig('/', '/dev/null/kpatch.config.json'),
  'usage-config-of-another-user': configuration('{}', []),
  'usage-config-not-json': configuration('{ "jobs": 4, }'),
  'usage-config-unknown-key': configuration('{ "kernal": "6.1.0-1-amd64" }'),
  'usage-config-bad-value': configuration('{ "jobs": "four" }'),
} satisfies Provocations<typeof usageMessages>;
