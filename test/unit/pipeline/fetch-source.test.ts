/** kptool kernel fetch with programs in the place of apt's. */
import { mkdir, readdir, readFile, readlink, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { KptoolError } from '../../../src/diagnostics/diagnostic.js';
import { findKernelSource } from '../../../src/kernel/kernel-source.js';
import { clean } from '../../../src/pipeline/clean.js';
import { type FetchOptions, fetchSource } from '../../../src/pipeline/fetch-source.js';
import { takeLock } from '../../../src/system/lock.js';
import { type AptParts, fakeApt, release } from '../../builders/fake-apt.js';
import { temporaryFolder } from '../kernel/target.js';

const debian = { name: 'Debian GNU/Linux 12 (bookworm)', family: 'debian' } as const;

let folder = '';
let cache = '';
let asked = 0;
const sources = () => path.join(cache, 'sources');
const archive = (version = '6.1.55-1') => path.join(sources(), `linux-source-6.1_${version}.tar.xz`);

beforeEach(async () => {
  folder = await temporaryFolder();
  cache = path.join(folder, 'cache');
  asked = 0;
  return () => vi.unstubAllEnvs();
});

async function fetchIt(parts: AptParts = {}, options: Partial<FetchOptions> = {}) {
  const place = await temporaryFolder();
  vi.stubEnv('PATH', await fakeApt(place, parts));
  const steps: string[] = [];
  const progress = {
    step: async <T>(title: string, work: (report: (text: string) => void) => Promise<T>) => {
      steps.push(title);
      return work(() => {});
    },
    warn: () => {},
    note: () => {},
  };
  const confirm = async () => {
    asked += 1;
    return true;
  };
  const places = { modulesFolder: path.join(folder, 'modules'), sourceFolder: path.join(folder, 'src') };
  const report = await fetchSource(
    { kernel: release, cache, dryRun: false, confirm, distribution: debian, places, ...options },
    progress,
  );
  const calls = (await readFile(path.join(place, 'calls'), 'utf8')).trim().split('\n');
  return { report, steps, calls };
}

async function codeOf(run: Promise<unknown>) {
  const error = await run.then(
    () => new Error('nothing was refused'),
    (refusal: unknown) => refusal,
  );
  if (!(error instanceof KptoolError)) throw error;
  const [{ code, details, what, fix } = { code: '', details: [], what: '', fix: '' }] = error.diagnostics;
  return { code, details, what, fix };
}

test('the version that the kernel was built from is fetched, and a build finds it', async () => {
  const { report, calls, steps } = await fetchIt();
  expect(report).toEqual({
    ...{ package: 'linux-source-6.1', version: '6.1.55-1', state: 'fetched', bytes: 13, file: archive() },
    saidBy: `the installed package linux-headers-${release}`,
    url: 'http://deb.example.org/pool/FILE.deb',
    kernel: { release, chosenBy: 'the option --kernel' },
  });
  expect(asked).toBe(1);
  expect(calls.at(-2)).toBe('apt-get download linux-source-6.1=6.1.55-1');
  expect(steps).toEqual(['Asking apt', 'Downloading linux-source-6.1 6.1.55-1']);
  expect(await readFile(archive(), 'utf8')).toBe('packed source');
  expect((await readdir(sources())).sort()).toEqual([release, 'linux-source-6.1_6.1.55-1.tar.xz', 'lock']);
  expect(await findKernelSource({ release, cache, packages: folder })).toEqual({
    ...{ kind: 'archive', path: archive(), version: '6.1.55-1' },
    chosenBy: 'the package linux-source-6.1, fetched',
  });
});

test('a dry run tells it and leaves nothing', async () => {
  const { report, calls } = await fetchIt({}, { dryRun: true });
  expect(report).toMatchObject({ state: 'planned', version: '6.1.55-1', bytes: 13, file: archive() });
  expect(calls.filter((call) => call.startsWith('apt-get'))).toEqual([
    'apt-get download --print-uris linux-source-6.1=6.1.55-1',
  ]);
  expect(asked).toBe(0);
  await expect(readdir(cache)).rejects.toThrow('ENOENT');
});

test('a no leaves nothing', async () => {
  expect(await codeOf(fetchIt({}, { confirm: async () => false }))).toMatchObject({ code: 'interrupted' });
  await expect(readdir(cache)).rejects.toThrow('ENOENT');
});

test('what is there is not fetched again', async () => {
  await fetchIt();
  expect((await fetchIt()).report).toMatchObject({ state: 'present', bytes: 0, file: archive() });
  // Another flavour of the same version takes the same archive.
  const cloud = '6.1.0-13-cloud-amd64';
  const installed = [`installed linux-headers-${cloud} 6.1.55-1 linux 6.1.55-1`];
  const { report, calls } = await fetchIt({ installed, content: 'never taken' }, { kernel: cloud });
  expect(report).toMatchObject({ state: 'fetched', bytes: 0, file: archive() });
  expect(calls.some((call) => call.startsWith('apt-get download linux'))).toBe(false);
  expect(await readFile(archive(), 'utf8')).toBe('packed source');
  expect(await readlink(path.join(sources(), cloud))).toBe(path.basename(archive()));
  expect(asked).toBe(1);
});

test('a package that is installed in that version will do, unless another one was fetched', async () => {
  const place = path.join(folder, 'src/linux-source-6.1.tar.xz');
  await mkdir(path.dirname(place));
  await writeFile(place, '');
  const headers = `installed linux-headers-${release} 6.1.55-1 linux 6.1.55-1`;
  const both = (version: string) => [headers, `installed linux-source-6.1 ${version} linux ${version}`];
  expect((await fetchIt({ installed: both('6.1.55-1') })).report).toMatchObject({ state: 'present', file: place });
  expect((await fetchIt({ installed: both('6.1.52-1') })).report).toMatchObject({ state: 'fetched', file: archive() });
  await fetchIt({}, { version: '6.1.52-1' });
  expect((await fetchIt({ installed: both('6.1.55-1') })).report).toMatchObject({ state: 'fetched', file: archive() });
});

describe('the version', () => {
  test('is what the build tree says, before what dpkg does', async () => {
    const build = path.join(folder, 'modules', release, 'build');
    await mkdir(path.join(build, 'include/generated'), { recursive: true });
    const header = path.join(build, 'include/generated/package.h');
    await writeFile(header, '#define LINUX_PACKAGE_ID " Debian 6.1.52-1"\n');
    expect((await fetchIt()).report).toMatchObject({ version: '6.1.52-1', saidBy: header });
  });

  test.each([
    [
      'the image where there are no headers',
      [`installed linux-image-${release} 6.1.55-1+b1 linux-signed-amd64 6.1.55+1`],
    ],
    ['apt where nothing is installed', [`config-files linux-image-${release} 6.1.52-1 linux 6.1.52-1`]],
  ])('is what is said by %s', async (_, installed) => {
    const offered = { [`linux-headers-${release}`]: ['6.1.55-1'], 'linux-source-6.1': ['6.1.55-2', '6.1.55-1'] };
    expect((await fetchIt({ installed, offered })).report.version).toBe('6.1.55-1');
  });

  test('can be chosen, and then takes the place of the other', async () => {
    await fetchIt();
    const { report } = await fetchIt({}, { version: '6.1.52-1' });
    expect(report).toMatchObject({ state: 'fetched', version: '6.1.52-1', saidBy: '--package-version' });
    expect(await findKernelSource({ release, cache, packages: folder })).toMatchObject({ path: archive('6.1.52-1') });
    expect((await fetchIt()).report).toMatchObject({ state: 'fetched', bytes: 0, version: '6.1.55-1' });
  });

  test('that is not on offer is told with what is, and what would differ', async () => {
    const offered = { 'linux-source-6.1': ['6.1.55-2', '6.1.52-1'] };
    const { code, details, what, fix } = await codeOf(fetchIt({ offered }));
    expect({ code, what }).toMatchObject({
      code: 'source-version-not-offered',
      what: expect.stringContaining('6.1.55-1'),
    });
    expect(details.slice(0, 2)).toEqual([
      expect.stringMatching(/6\.1\.55-2: another revision of 6\.1\.55/),
      expect.stringMatching(/6\.1\.52-1: Linux 6\.1\.52.*--skip-target-check/),
    ]);
    expect(fix).toContain('apt-get update');
  });
});

test('Ubuntu’s names are known', async () => {
  const kernel = '5.15.0-91-generic';
  const headers = (source: string) => [`installed linux-headers-${kernel} 5.15.0-91.101 ${source} 5.15.0-91.101`];
  for (const [source, name] of [
    ['linux', 'linux-source-5.15.0'],
    ['linux-hwe-5.15', 'linux-hwe-5.15-source-5.15.0'],
  ] as const) {
    const archived = 'usr/src/linux-source-5.15.0/linux-source-5.15.0.tar.bz2';
    const parts = { installed: headers(source), offered: { [name]: ['5.15.0-91.101'] }, archive: archived };
    const { report } = await fetchIt(parts, { kernel });
    expect(report.file).toBe(path.join(sources(), `${name}_5.15.0-91.101.tar.bz2`));
  }
});

describe('nothing half-fetched is trusted or left:', () => {
  const leftovers = async () => (await readdir(sources())).filter((name) => name !== 'lock');

  test.each<[string, AptParts]>([
    ['package-download-failed', { downloading: 'echo "E: Who knows" >&2; exit 100' }],
    ['package-download-failed', { downloading: 'exit 0' }],
    ['package-lists-outdated', { downloading: 'echo "E: Failed to fetch http://x  404  Not Found" >&2; exit 100' }],
    ['package-archive-unreachable', { downloading: 'echo "  Temporary failure resolving x" >&2; exit 100' }],
    ['disk-full', { downloading: 'echo half > FILE.deb; echo "E: No space left on device" >&2; exit 100' }],
    ['disk-full', { unpacking: 'echo "cannot write: No space left on device" >&2; exit 2' }],
    ['disk-full', { bytes: 2 ** 50 }],
    ['package-damaged', { checksum: '00' }],
    ['package-damaged', { bytes: 14 }],
    ['package-damaged', { unpacking: 'echo "no archive" >&2; exit 2' }],
    ['package-damaged', { archive: 'usr/share/doc/linux-source-6.1.tar.xz' }],
    ['package-damaged', { archive: 'usr/src/linux-patch-6.1-rt.patch.xz' }],
    ['package-damaged', { unpacking: 'mkdir -p "$3/usr/src"; cp "$2" "$3/usr/src/linux-other.tar.xz"' }],
  ])('%s: %j', async (code, parts) => {
    expect(await codeOf(fetchIt(parts))).toMatchObject({ code });
    expect(await leftovers()).toEqual([]);
    await expect(findKernelSource({ release, cache, packages: folder })).rejects.toThrow('kernel-source-missing');
  });

  test('a run that is stopped', async () => {
    const stop = new AbortController();
    const started = path.join(folder, 'started');
    const run = codeOf(fetchIt({ downloading: `echo > '${started}'; sleep 60` }, { signal: stop.signal }));
    await expect
      .poll(() =>
        stat(started).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    // Whoever cleans up meanwhile leaves it alone.
    const { entries } = await clean({ cache, all: true, dryRun: true });
    expect(entries).toMatchObject([{ kind: 'fetched source', isInUse: true, isRemoved: false }]);
    stop.abort();
    expect((await run).code).toBe('interrupted');
    expect(await leftovers()).toEqual([]);
  });

  test('a run that was killed', async () => {
    await mkdir(path.join(sources(), '.fetch-abcdef'), { recursive: true });
    await writeFile(path.join(sources(), '.fetch-abcdef/half.deb'), 'half');
    expect((await clean({ cache, all: true, dryRun: true })).entries).toMatchObject([{ kind: 'fetched source' }]);
    await fetchIt();
    expect((await leftovers()).sort()).toEqual([release, path.basename(archive())]);
  });

  test('two at once: the second one takes what the first has fetched', async () => {
    const lock = await takeLock({ file: path.join(sources(), 'lock') });
    const waiting = fetchIt();
    await expect.poll(() => asked).toBe(1);
    await writeFile(archive(), 'from the other run');
    await lock.release();
    expect((await waiting).calls.some((call) => call.startsWith('apt-get download linux'))).toBe(false);
    expect(await readFile(archive(), 'utf8')).toBe('from the other run');
  });
});

test('what is fetched counts as new, and goes with the links to it', async () => {
  await fetchIt();
  const old = new Date(Date.now() - 30 * 86_400_000);
  const week = 7 * 86_400_000;
  expect((await clean({ cache, all: false, dryRun: false, olderThan: week })).entries).toMatchObject([
    { isRemoved: false },
  ]);
  await utimes(archive(), old, old);
  expect((await clean({ cache, all: false, dryRun: false, olderThan: week })).entries).toMatchObject([
    { isRemoved: true },
  ]);
  expect(await readdir(sources())).toEqual(['lock']);
});

describe('where it cannot be fetched', () => {
  test('each family is told how to get it', async () => {
    const told = async (name: string, family?: 'fedora' | 'suse' | 'arch') => {
      const { code, details, what, fix } = await codeOf(fetchIt({}, { distribution: { name, family } }));
      expect({ code, what, fix }).toMatchObject({
        code: 'source-fetch-unsupported',
        what: expect.stringContaining(name),
        fix: expect.stringMatching(/--sourcedir.*--source-archive/),
      });
      return details.join('\n');
    };
    expect(await told('Fedora Linux 39', 'fedora')).toContain(`dnf download --source kernel-core-${release}`);
    expect(await told('openSUSE', 'suse')).toContain('zypper install kernel-source');
    expect(await told('Arch Linux', 'arch')).toContain('makepkg --nobuild');
    expect(await told('Gentoo')).toContain('the source that the kernel was built from');
  });

  test.each(['apt-cache', 'apt-get', 'dpkg-query', 'dpkg-deb'])('without %s', async (program) => {
    const { code, what } = await codeOf(fetchIt({ without: [program] }));
    expect({ code, what }).toMatchObject({ code: 'source-fetch-unsupported', what: expect.stringContaining(program) });
  });

  test('nothing is known of the kernel or of its source', async () => {
    expect((await codeOf(fetchIt({ installed: [] }))).code).toBe('source-version-unknown');
    expect((await codeOf(fetchIt({ offered: {} }))).code).toBe('source-package-unknown');
    expect((await codeOf(fetchIt({ places: '' }))).code).toBe('package-lists-outdated');
    expect((await codeOf(fetchIt({}, { kernel: '../../etc' }))).code).toBe('source-version-unknown');
  });

  test('a cache that cannot be written to is told before anybody is asked', async () => {
    expect((await codeOf(fetchIt({}, { cache: '/dev/null/cache' }))).code).toBe('work-folder-unwritable');
    expect(asked).toBe(0);
  });
});
