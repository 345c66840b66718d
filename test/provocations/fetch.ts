/** Machines without apt, archives that moved on, and packages that are not what they should be: every code of `kernel fetch`. */
import { onTestFinished, vi } from 'vitest';
import type { fetchMessages } from '../../src/diagnostics/fetch-messages.js';
import { type FetchOptions, fetchSource } from '../../src/pipeline/fetch-source.js';
import { type AptParts, fakeApt, release } from '../builders/fake-apt.js';
import { temporaryFolder } from '../unit/kernel/target.js';
import type { Provocations } from './provocation.js';

const fetchWith =
  (parts: AptParts, options: Partial<FetchOptions> = {}) =>
  async () => {
    const folder = await temporaryFolder();
    vi.stubEnv('PATH', await fakeApt(folder, parts));
    onTestFinished(() => void vi.unstubAllEnvs());
    return fetchSource(
      {
        ...{ kernel: release, cache: folder, dryRun: false, confirm: async () => true },
        ...{
          distribution: { name: 'Debian', family: 'debian' },
          places: { modulesFolder: folder, sourceFolder: folder },
        },
        ...options,
      },
      { step: (_, work) => work(() => {}), warn: () => {}, note: () => {} },
    );
  };

const failing = (text: string) => fetchWith({ downloading: `echo '${text}' >&2; exit 100` });

export const fetchProvocations = {
  'source-fetch-unsupported': fetchWith({}, { distribution: { name: 'Fedora Linux 39', family: 'fedora' } }),
  'source-version-unknown': fetchWith({ installed: [] }),
  'source-package-unknown': fetchWith({ offered: {} }),
  'source-version-not-offered': fetchWith({ offered: { 'linux-source-6.1': ['6.1.52-1'] } }),
  'package-lists-outdated': failing('E: Failed to fetch http://deb.example.org/x.deb  404  Not Found'),
  'package-archive-unreachable': failing("  Temporary failure resolving 'deb.example.org'"),
  'package-download-failed': failing('E: Who knows'),
  'package-damaged': fetchWith({ checksum: '00' }),
} satisfies Provocations<typeof fetchMessages>;
