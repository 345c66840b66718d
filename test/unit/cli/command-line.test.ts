import { describe, expect, test } from 'vitest';
import { parseCommandLine, type Request } from '../../../src/cli/command-line.js';
import { buildFlags, commands } from '../../../src/cli/commands.js';
import { KptoolError } from '../../../src/diagnostics/diagnostic.js';

function parse(...words: string[]): Extract<Request, { kind: 'command' }> {
  const request = parseCommandLine(words, '1.2.3', 100);
  if (request.kind !== 'command') throw new Error(`expected a command, got ${request.text}`);
  return request;
}

function text(...words: string[]): string {
  const request = parseCommandLine(words, '1.2.3', 100);
  if (request.kind !== 'text') throw new Error('expected text');
  return request.text;
}

function refusal(...words: string[]) {
  try {
    parseCommandLine(words, '1.2.3', 100);
  } catch (error) {
    if (error instanceof KptoolError) return error.diagnostics[0];
    throw error;
  }
  throw new Error('was not refused');
}

describe('what is understood', () => {
  test('options before, between and after the patches', () => {
    const { name, files, flags } = parse('build', '--oot', 'tree', 'a.patch', '-j4', 'b.patch', '--keep');
    expect({ name, files }).toEqual({ name: 'build', files: ['a.patch', 'b.patch'] });
    expect(flags.one('oot')).toBe('tree');
    expect(flags.one('jobs')).toBe('4');
    expect(flags.isSet('keep')).toBe(true);
    expect(flags.isSet('debug')).toBeUndefined();
  });

  test('a repeatable option takes one value each time and leaves the patch alone', () => {
    const { files, flags } = parse('build', '--module', 'a.ko', 'x.patch', '--module=b.ko');
    expect(flags.all('module')).toEqual(['a.ko', 'b.ko']);
    expect(files).toEqual(['x.patch']);
  });

  test('after -- every word is a patch', () => {
    expect(parse('build', 'a.patch', '--', '--json', '-x').files).toEqual(['a.patch', '--json', '-x']);
  });

  test('file names that look like numbers stay as they are', () => {
    expect(parse('build', '007', '1e3').files).toEqual(['007', '1e3']);
  });

  test('values with an equals sign, a comma or a dot stay whole', () => {
    expect(parse('build', '--make-arg', 'A.b=c=d, e', 'x').flags.all('make-arg')).toEqual(['A.b=c=d, e']);
  });

  test('a switch can be turned off', () => {
    expect(parse('build', '--keep=false', 'x').flags.isSet('keep')).toBe(false);
  });
});

describe('what is refused', () => {
  test.each([
    [[], 'usage-no-command'],
    [['bulid', 'x'], 'usage-unknown-command'],
    [['kernel', 'inof'], 'usage-unknown-command'],
    [['kernel'], 'usage-missing-argument'],
    [['kernel', 'info', 'x'], 'usage-extra-argument'],
    [['clean', 'x'], 'usage-extra-argument'],
    [['--json', 'build', 'x'], 'usage-option-before-command'],
    [['build', 'x', '--jbos', '4'], 'usage-unknown-option'],
    [['build', 'x', '-x'], 'usage-unknown-option'],
    [['build', 'x', '--no-keep'], 'usage-unknown-option'],
    [['check', 'x', '--dry-run'], 'usage-unknown-option'],
    [['build', 'x', '--jobs'], 'usage-option-without-value'],
    [['build', 'x', '--jobs='], 'usage-option-without-value'],
    [['build', 'x', '--name', '--keep'], 'usage-option-without-value'],
    [['build', 'x', '--name', 'a', '--name', 'b'], 'usage-option-repeated'],
    [['build', 'x', '--keep=maybe'], 'usage-bad-value'],
    [['build', '--keep'], 'usage-missing-argument'],
    [['check'], 'usage-missing-argument'],
  ])('%j: %s', (words, code) => {
    const diagnostic = refusal(...words);
    expect(diagnostic?.code).toBe(code);
    expect(diagnostic?.exitStatus).toBe(2);
  });

  test('a slip gets a suggestion', () => {
    expect(refusal('bulid')?.fix).toBe('Did you mean build?');
    expect(refusal('kernel', 'inof')).toMatchObject({
      what: 'There is no command "kernel inof".',
      fix: 'Did you mean kernel info?',
    });
    expect(refusal('kernel', 'x.patch')?.fix).toBe('Run `kptool --help` for the list.');
    expect(refusal('build', 'x', '--jbos', '4')).toMatchObject({
      what: 'There is no option --jbos.',
      fix: 'Did you mean --jobs?',
    });
  });

  test('an unknown option with no near one leads to the help of its command', () => {
    expect(refusal('check', 'x', '--frobnicate')?.fix).toBe('Run `kptool check --help` for the options.');
  });
});

describe('help', () => {
  test('names every command', () => {
    const help = text('--help');
    expect(help).not.toMatch(/\[[a-z]+\.\.\]/);
    expect(help).toMatch(/^ {2}kptool build <patch…> {2,}Build a livepatch/m);
    expect(help).toMatch(/^ {2}kptool clean {2,}List what/m);
    expect(help).toMatch(/^ {2}kptool kernel info\|fetch {2,}Say what/m);
    for (const command of commands) expect(help).toContain(`kptool ${command.name}`);
  });

  test('names every option of build and none that does not exist', () => {
    const named = [...text('build', '--help').matchAll(/^ +(?:-\w, )?--([a-z-]+)/gm)].map((match) => match[1]);
    expect(named.sort()).toEqual([...buildFlags.map((flag) => flag.name), 'help', 'version'].sort());
  });

  test('--version is the version alone', () => {
    expect(text('--version')).toBe('1.2.3\n');
    expect(text('build', '--version')).toBe('1.2.3\n');
  });

  test('works with a mistake beside it', () => {
    expect(text('build', '--help', '--jobs', '4')).toContain('--jobs');
  });
});

describe('inspect', () => {
  test('takes one file', () => {
    expect(parse('inspect', 'x.ko', '--json')).toMatchObject({ name: 'inspect', files: ['x.ko'] });
    expect(refusal('inspect', 'x.ko', 'y.ko')?.what).toBe('inspect has no use for the argument "y.ko".');
    expect(refusal('inspect')?.code).toBe('usage-missing-argument');
  });

  test('has no options of build', () => {
    expect(refusal('inspect', 'x.ko', '--oot', '.')?.code).toBe('usage-unknown-option');
  });
});
