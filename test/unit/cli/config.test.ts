import { mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkConfig, readConfig } from '../../../src/cli/config.js';
import { KptoolError } from '../../../src/diagnostics/diagnostic.js';

const folder = () => mkdtempSync(join(tmpdir(), 'kptool-config-'));

function findings(read: () => unknown) {
  try {
    read();
  } catch (error) {
    if (error instanceof KptoolError) return error.diagnostics;
    throw error;
  }
  throw new Error('was not refused');
}

const refusals = (value: unknown) => findings(() => checkConfig('/x/kpatch.config.json', JSON.stringify(value)));

describe('which file', () => {
  test('the nearest one above the working directory', () => {
    const top = folder();
    mkdirSync(join(top, 'a/b/c'), { recursive: true });
    writeFileSync(join(top, 'kpatch.config.json'), '{ "name": "far" }');
    writeFileSync(join(top, 'a/kpatch.config.json'), '{ "name": "near" }');
    const found = readConfig(join(top, 'a/b/c'), undefined);
    expect(found).toEqual({ file: join(top, 'a/kpatch.config.json'), config: { name: 'near' } });
  });

  test('that of root or the user, where nothing is known of the working directory', () => {
    const top = folder();
    writeFileSync(join(top, 'kpatch.config.json'), '{ "name": "found" }');
    expect(readConfig(join(top, 'gone'), undefined)?.config.name).toBe('found');
  });

  test('the named one, relative to the working directory', () => {
    const top = folder();
    writeFileSync(join(top, 'kpatch.config.json'), '{ "name": "found" }');
    writeFileSync(join(top, 'other.json'), '{ "name": "named" }');
    expect(readConfig(top, 'other.json')?.config.name).toBe('named');
  });

  test('a named one must exist; an unnamed one need not', () => {
    const top = folder();
    expect(findings(() => readConfig(top, 'none.json'))[0]?.code).toBe('usage-config-unreadable');
    expect(readConfig(top, undefined)).toBeUndefined();
  });

  test('a folder of that name is told as unreadable', () => {
    const top = folder();
    mkdirSync(join(top, 'kpatch.config.json'));
    expect(findings(() => readConfig(top, undefined))[0]?.what).toContain('cannot be read: it is a folder');
  });
});

describe('whose file', () => {
  const top = folder();
  writeFileSync(join(top, 'kpatch.config.json'), '{ "name": "x" }');
  const owner = statSync(top).uid;

  test('a found one must belong to somebody who is trusted', () => {
    expect(findings(() => readConfig(top, undefined, [owner + 1]))[0]?.code).toBe('usage-config-of-another-user');
    expect(readConfig(top, undefined, [owner])?.config.name).toBe('x');
  });

  test('a named one may belong to anybody', () => {
    expect(readConfig(top, 'kpatch.config.json', [])?.config.name).toBe('x');
  });
});

describe('what may stand in it', () => {
  test('every setting', () => {
    const config = {
      $schema: 'docs/kpatch.config.schema.json',
      kernel: '6.1.0-1-amd64',
      buildDirectory: '/usr/src/linux',
      oot: {
        dir: 'fixtures/ib_mad',
        modules: ['ib_mad.ko'],
        make: [{ directory: 'src', arguments: ['V=1', 'modules'] }, { command: ['./build.sh', '{build}'] }],
        makeArguments: ['CONFIG_X=y'],
      },
      lookup: { driftingNames: ['__my_id_#', '__gen_*_#'], companionNames: ['__my_tool_*'] },
      name: 'livepatch-fix',
      output: 'out',
      jobs: 4,
      replace: false,
      skipCompilerCheck: true,
      cache: '/var/cache/kptool',
    };
    expect(checkConfig('x', JSON.stringify(config))).toEqual(config);
  });

  test('nothing at all', () => {
    expect(checkConfig('x', '{}')).toEqual({});
  });

  test('unknown settings are named with the nearest known one, at every level', () => {
    const [top, inner, step] = refusals({ kernal: 'x', oot: { dirs: '.', make: [{ dir: '.' }] } }).toSorted((a, b) =>
      a.what.localeCompare(b.what),
    );
    expect(top).toMatchObject({
      code: 'usage-config-unknown-key',
      what: '/x/kpatch.config.json: there is no setting "kernal".',
      fix: 'Did you mean "kernel"? Otherwise remove it.',
    });
    expect(inner?.fix).toBe('Did you mean "oot.dir"? Otherwise remove it.');
    expect(step?.what).toContain('"oot.make[0].dir"');
    expect(step?.fix).toContain('directory, arguments, command');
  });

  test('an unknown rule is told with the rules that there are', () => {
    const fix = refusals({ rules: { nope: 'off' } })[0]?.fix;
    expect(fix).toContain('init-function-touched');
    expect(fix).not.toContain('extraSymvers');
  });

  test('an unknown setting of the lookup, with the nearest known one', () => {
    expect(refusals({ lookup: { driftingName: [] } })[0]?.fix).toBe(
      'Did you mean "lookup.driftingNames"? Otherwise remove it.',
    );
  });

  test.each([
    [{ jobs: 'many' }, 'jobs', 'It must be a number'],
    [{ jobs: 0 }, 'jobs', 'It is too small; at least 1 is needed'],
    [{ jobs: 1.5 }, 'jobs', 'It must be a whole number'],
    [{ replace: 'no' }, 'replace', 'It must be true or false'],
    [{ oot: '.' }, 'oot', 'It must be an object'],
    [{ oot: { modules: 'a.ko' } }, 'oot.modules', 'It must be a list'],
    [{ oot: { makeArguments: ['-k'] } }, 'oot.makeArguments[0]', 'It must have the form VAR=VALUE'],
    [{ oot: { make: [{ directory: '../..' }] } }, 'oot.make[0].directory', 'It must be a folder in the tree'],
    [{ oot: { make: [{ arguments: ['--eval=x'] }] } }, 'oot.make[0].arguments[0]', 'not options'],
    [{ oot: { make: [{ arguments: [], command: ['x'] }] } }, 'oot.make[0]', 'this one has both'],
    [{ lookup: { driftingNames: ['__my_id_(\\d+)+$'] } }, 'lookup.driftingNames[0]', 'not a regular expression'],
    [{ lookup: { driftingNames: ['__my_id_*'] } }, 'lookup.driftingNames[0]', 'It needs a # where the number stands'],
    [{ lookup: { driftingNames: ['x#', '#'] } }, 'lookup.driftingNames[1]', 'It must be a name with # for a number'],
    [{ lookup: { companionNames: ['*'] } }, 'lookup.companionNames[0]', 'It must be a name'],
    [{ lookup: { companionNames: '__my_tool_*' } }, 'lookup.companionNames', 'It must be a list'],
    [{ name: 'a/b' }, 'name', 'letters, digits'],
    [{ name: '' }, 'name', 'letters, digits'],
    [{ kernel: '../etc' }, 'kernel', 'kernel release'],
    [[], '{…}', 'It must be an object'],
    [null, '{…}', 'It must be an object'],
  ])('%j is refused for %s', (value, key, problem) => {
    const [diagnostic] = refusals(value);
    expect(diagnostic?.code).toBe('usage-config-bad-value');
    expect(diagnostic?.what).toContain(`"${key}"`);
    expect(diagnostic?.why).toContain(problem);
  });

  test('all that is wrong is told at once', () => {
    expect(refusals({ jobs: 'x', name: 7, kernal: '' })).toHaveLength(3);
  });

  test.each([
    ['{ "jobs": 1\n  "name": "x" }', 'x.json, line 2, column 3, is not'],
    ['{ "jobs": }', "'}'"],
    ['', ''],
    ['{ "jobs": 1 ', ''],
  ])('%j is not JSON', (text, place) => {
    const [diagnostic] = findings(() => checkConfig('x.json', text));
    expect(diagnostic?.code).toBe('usage-config-not-json');
    expect(diagnostic?.what).toContain(place);
    expect(diagnostic?.what).not.toContain('position');
  });
});
