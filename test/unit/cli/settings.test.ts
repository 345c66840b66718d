import { mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { availableParallelism, homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseCommandLine } from '../../../src/cli/command-line.js';
import type { Config } from '../../../src/cli/config-schema.js';
import { buildOptions, defaultCache } from '../../../src/cli/settings.js';
import { KptoolError } from '../../../src/diagnostics/diagnostic.js';

const { signal } = new AbortController();

function options(words: readonly string[], config?: Config) {
  const request = parseCommandLine(words, '0', 80);
  if (request.kind !== 'command') throw new Error('expected a command');
  const { name: command, files, flags } = request;
  const called = { workingDirectory: '/here', environment: {}, version: '1.2.3', words };
  const invocation = { command, files, flags, ...called, signal };
  return buildOptions(invocation, config === undefined ? undefined : { file: '/conf/kpatch.config.json', config });
}

function codeOf(words: readonly string[], config?: Config): string | undefined {
  try {
    options(words, config);
  } catch (error) {
    if (error instanceof KptoolError) return error.diagnostics[0]?.code;
    throw error;
  }
  return undefined;
}

test('the defaults', () => {
  expect(options(['build', '--oot', 'tree', 'a.patch'])).toEqual({
    oot: '/here/tree',
    patches: ['/here/a.patch'],
    modules: [],
    makeArguments: [],
    extraSymvers: [],
    extraSymbolsVariable: '',
    maxObjects: 200,
    jobs: availableParallelism(),
    output: '/here',
    replace: true,
    rules: new Map(),
    skipCompilerCheck: false,
    skipTargetCheck: false,
    keep: false,
    bundle: '/here',
    bundleFull: false,
    debug: false,
    explain: false,
    explainLookup: false,
    dryRun: false,
    cache: join(homedir(), '.cache/kptool'),
    invocation: {
      version: '1.2.3',
      words: ['build', '--oot', 'tree', 'a.patch'],
      workingDirectory: '/here',
    },
    signal,
  });
});

const everySetting: Config = {
  kernel: 'configured',
  buildDirectory: 'linux',
  oot: {
    dir: 'tree',
    modules: ['a.ko', '/abs/b.ko'],
    makeArguments: ['X=1'],
    extraSymvers: ['other/Module.symvers'],
    make: [{ arguments: ['all'] }, { directory: 'sub' }, { command: ['./make-it'] }],
  },
  lookup: { driftingNames: ['__my_id_#'] },
  name: 'from-config',
  output: 'out',
  jobs: 3,
  timeout: 60,
  replace: false,
  skipCompilerCheck: true,
  bundle: 'bundles',
  cache: 'cache',
};

test('settings of the configuration, paths relative to its file', () => {
  expect(options(['build', 'a.patch'], everySetting)).toMatchObject({
    oot: '/conf/tree',
    modules: ['/conf/a.ko', '/abs/b.ko'],
    configuredKernel: 'configured',
    buildDirectory: '/conf/linux',
    makeArguments: ['X=1'],
    extraSymvers: ['/conf/other/Module.symvers'],
    makeSteps: [
      { kind: 'make', directory: '.', arguments: ['all'] },
      { kind: 'make', directory: 'sub', arguments: [] },
      { kind: 'command', directory: '.', command: ['./make-it'] },
    ],
    names: { drifting: ['__my_id_#'], companions: [] },
    name: 'from-config',
    output: '/conf/out',
    jobs: 3,
    timeout: 60_000,
    replace: false,
    skipCompilerCheck: true,
    bundle: '/conf/bundles',
    cache: '/conf/cache',
  });
});

test('the command line wins over each of them', () => {
  const words = 'build a.patch --kernel given --build-directory b --module m.ko --make-arg X=2 --name n --output o';
  const extra = '--extra-symvers x.symvers --extra-symvers y.symvers';
  const more =
    '--jobs 7 --timeout 9 --non-replace=false --skip-compiler-check=false --bundle d --bundle-full --cache c';
  expect(options(`${words} ${extra} ${more}`.split(' '), everySetting)).toMatchObject({
    kernel: 'given',
    configuredKernel: 'configured',
    buildDirectory: '/here/b',
    modules: ['/here/m.ko'],
    extraSymvers: ['/here/x.symvers', '/here/y.symvers'],
    makeArguments: ['X=1', 'X=2'],
    name: 'n',
    output: '/here/o',
    jobs: 7,
    timeout: 9000,
    replace: true,
    skipCompilerCheck: false,
    bundle: '/here/d',
    bundleFull: true,
    cache: '/here/c',
  });
});

test('no bundle, by either of them', () => {
  expect(options(['build', 'a', '--oot', 'x', '--no-bundle'], { bundle: 'b' })).not.toHaveProperty('bundle');
  expect(options(['build', 'a', '--oot', 'x'], { bundle: false })).not.toHaveProperty('bundle');
  expect(options(['build', 'a', '--oot', 'x', '--bundle', 'b'], { bundle: false }).bundle).toBe('/here/b');
});

describe('--oot with a configuration', () => {
  test('of another tree leaves out what holds for that tree only', () => {
    const built = options(['build', 'x', '--oot', '/other'], everySetting);
    expect(built).toMatchObject({ oot: '/other', modules: [], extraSymvers: [], makeArguments: [], jobs: 3 });
    expect(built).not.toHaveProperty('makeSteps');
  });

  test('of the same tree by another path keeps it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kptool-settings-'));
    mkdirSync(join(folder, 'tree'));
    symlinkSync('tree', join(folder, 'link'));
    const config: Config = { oot: { dir: join(folder, 'tree'), makeArguments: ['X=1'] } };
    expect(options(['build', 'x', '--oot', join(folder, 'link')], config).makeArguments).toEqual(['X=1']);
  });
});

test('check and --dry-run are the same', () => {
  expect(options(['check', 'x', '--oot', '.']).dryRun).toBe(true);
  expect(options(['build', 'x', '--oot', '.', '--dry-run']).dryRun).toBe(true);
});

test('reasons are found out for --explain and for the document', () => {
  expect(options(['build', 'x', '--oot', '.', '--explain']).explain).toBe(true);
  expect(options(['build', 'x', '--oot', '.', '--json']).explain).toBe(true);
  expect(options(['build', 'x', '--oot', '.', '--explain-lookup']).explainLookup).toBe(true);
  expect(options(['build', 'x', '--oot', '.', '--json']).explainLookup).toBe(true);
});

test('without a module tree the patches are for the kernel, whose source is named or installed', () => {
  const placeOf = (words: string[], config?: Config) => {
    const { oot, kernelSource } = options(words, config);
    return { oot, kernelSource };
  };
  expect(placeOf(['build', 'x'])).toEqual({ oot: undefined, kernelSource: {} });
  expect(placeOf(['build', 'x', '--sourcedir', 'linux'])).toEqual({ kernelSource: { folder: '/here/linux' } });
  expect(placeOf(['build', 'x', '--source-archive', 'l.tar'])).toEqual({ kernelSource: { archive: '/here/l.tar' } });
  const config: Config = { sourcedir: 'linux', maxObjects: 9, vmlinux: 'map' };
  expect(placeOf(['build', 'x'], config)).toEqual({ kernelSource: { folder: '/conf/linux' } });
  expect(options(['build', 'x'], config)).toMatchObject({ maxObjects: 9, vmlinux: '/conf/map' });
  const withTree = { ...config, oot: { dir: 'tree' } };
  expect(placeOf(['build', 'x'], withTree)).toEqual({ oot: '/conf/tree' });
  expect(placeOf(['build', 'x', '--sourcedir', '.'], withTree)).toEqual({ kernelSource: { folder: '/here' } });
});

test.each([
  [['build', 'x', '--oot', '.', '--sourcedir', '.'], 'usage-two-trees'],
  [['build', 'x', '--source-archive', 'a', '--sourcedir', '.'], 'usage-two-trees'],
  [['build', 'x', '--oot', '.', '--jobs', '0'], 'usage-bad-value'],
  [['build', 'x', '--oot', '.', '--jobs', '1e3'], 'usage-bad-value'],
  [['build', 'x', '--oot', '.', '--jobs', '-1'], 'usage-bad-value'],
  [['build', 'x', '--oot', '.', '--name', '../x'], 'usage-bad-value'],
  [['build', 'x', '--oot', '.', '--name', 'x'.repeat(56)], 'usage-bad-value'],
  [['build', 'x', '--oot', '.', '--kernel', '../../etc'], 'usage-bad-value'],
  [['build', 'x', '--oot', '.', '--make-arg', '--eval=x'], 'usage-option-without-value'],
  [['build', 'x', '--oot', '.', '--make-arg=--eval=x'], 'usage-bad-value'],
  [['build', 'x', '--oot', '.', '--rule', 'init-function-touched'], 'usage-bad-value'],
  [['build', 'x', '--oot', '.', '--rule', 'init-function-touched=quiet'], 'usage-bad-value'],
  [['build', 'x', '--oot', '.', '--rule', 'patch-empty=off'], 'usage-unknown-rule'],
])('%j is refused: %s', (words, code) => {
  expect(codeOf(words)).toBe(code);
});

test('the cache follows XDG_CACHE_HOME where that is an absolute path', () => {
  expect(defaultCache({ XDG_CACHE_HOME: '/var/cache' })).toBe('/var/cache/kptool');
  expect(defaultCache({ XDG_CACHE_HOME: 'cache' })).toBe(join(homedir(), '.cache/kptool'));
});

test('rules of the command line win over those of the configuration', () => {
  const words = 'build a.patch --oot . --rule build-file-touched=error --rule tracepoint-touched=off';
  const config: Config = { rules: { 'build-file-touched': 'off', 'long-sleeper-touched': 'error' } };
  expect([...options(words.split(' '), config).rules]).toEqual([
    ['build-file-touched', 'error'],
    ['long-sleeper-touched', 'error'],
    ['tracepoint-touched', 'off'],
  ]);
});
