/**
 * Turns the words of the command line into a request. yargs splits them and writes the help; what is wrong with them is
 * told through the catalogue, so that a typing mistake reads like any other finding.
 */
import yargs, { type Argv } from 'yargs';
import { fail } from '../diagnostics/catalogue.js';
import { type Command, commandNames, commands, type Flag, type FlagName } from './commands.js';
import { nearest } from './nearest.js';

/** Options as given. */
export interface Flags {
  /** Whether the switch is on; `undefined` where it was not given, `--keep=false` says no. */
  isSet(name: FlagName): boolean | undefined;
  /** Every value of the option, in order. */
  all(name: FlagName): readonly string[];
  /** The option's value. */
  one(name: FlagName): string | undefined;
}

export type Request =
  /** `--help` or `--version`. */
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'command'; readonly name: string; readonly files: readonly string[]; readonly flags: Flags };

/**
 * Reads the arguments that follow the program's name. `columns` is the width of the help text.
 * Throws the `usage-…` diagnostics of unknown commands, unknown options and missing or superfluous values.
 */
export function parseCommandLine(words: readonly string[], version: string, columns: number): Request {
  const command = chooseCommand(words);
  if (command !== undefined) refuseBadSwitches(command, words);
  let printed = '';
  const parsed = makeParser(command, words, version, columns).parse(
    [...words],
    (_error: unknown, _values: unknown, output: string) => {
      printed = output;
    },
  ) as Record<string, unknown>;
  if (command === undefined || printed !== '') return { kind: 'text', text: `${withArguments(printed)}\n` };

  refuseRepeated(command, parsed);
  const files = [command.argumentName === undefined ? [] : parsed[command.argumentName], parsed['--']]
    .flat()
    .filter((word): word is string => typeof word === 'string');
  const { argument: missing } = command;
  if (files.length === 0 && missing !== undefined && command.isArgumentOptional !== true) {
    fail('usage-missing-argument', { command: command.name, missing });
  }
  const extra = command.takesMany ? undefined : files[missing === undefined ? 0 : 1];
  if (extra !== undefined) fail('usage-extra-argument', { command: command.name, argument: extra });
  refuseUnknownVerb(command, files);
  refuseOtherVerbsFlags(command, files, parsed);
  return { kind: 'command', name: command.name, files, flags: readFlags(parsed) };
}

/** The list of commands as the usage lines have them: `build <patch…>`, `kernel info|fetch`, for yargs' `build [patch..]`. */
function withArguments(help: string): string {
  return help.replace(/(\S+) \[[a-z]+\.\.\] */g, (found, name: string) => {
    const { argumentName = '', takesMany = false, verbs } = commands.find((command) => command.name === name) ?? {};
    return `${name} ${verbs?.join('|') ?? `<${argumentName}${takesMany ? '…' : ''}>`}`.padEnd(found.length);
  });
}

/** An option that would do nothing is a mistake: `kernel info --yes`. */
function refuseOtherVerbsFlags({ name, flags }: Command, [verb]: readonly string[], parsed: Record<string, unknown>) {
  const strange = flags.find(
    (flag) => flag.verb !== undefined && flag.verb !== verb && parsed[flag.name] !== undefined,
  );
  if (strange === undefined) return;
  fail('usage-unknown-option', { command: `${name} ${verb}`, option: `--${strange.name}`, nearest: undefined });
}

function refuseUnknownVerb({ name, verbs }: Command, [verb]: readonly string[]): void {
  if (verbs === undefined || verb === undefined || verbs.includes(verb)) return;
  const close = nearest(verb, verbs);
  fail('usage-unknown-command', {
    name: `${name} ${verb}`,
    nearest: close === undefined ? undefined : `${name} ${close}`,
  });
}

/** The command that the first word names; `undefined` where only help or the version is wanted. */
function chooseCommand(words: readonly string[]): Command | undefined {
  const [first] = words;
  if (first === undefined) fail('usage-no-command', {});
  if (['--help', '-h', '--version', '-V'].includes(first)) return undefined;
  if (first.startsWith('-')) fail('usage-option-before-command', { option: first });
  const command = commands.find((candidate) => candidate.name === first);
  return command ?? fail('usage-unknown-command', { name: first, nearest: nearest(first, commandNames) });
}

/**
 * yargs' own messages reach `fail` as one text; its wording is replaced by a tag and a tab, so that nothing depends on
 * how yargs words them.
 */
const messageTags = {
  'Unknown argument: %s': { one: 'unknown\t%s', other: 'unknown\t%s' },
  'Not enough arguments following: %s': 'no-value\t%s',
};

function makeParser(command: Command | undefined, words: readonly string[], version: string, columns: number): Argv {
  const parser = withoutTypesInHelp(yargs([]))
    .scriptName('kptool')
    .locale('en')
    .updateStrings(messageTags as unknown as Record<string, string>)
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'populate--': true,
    })
    .usage('$0 <command> [options] <file…>\n\nBuilds livepatch modules for running Linux kernels from source patches.')
    .strict()
    .exitProcess(false)
    .wrap(columns)
    .help('help', 'print this text')
    .alias('help', 'h')
    .version('version', 'print the version', version)
    .alias('version', 'V')
    .epilogue(exitStatuses)
    .fail((message: string | null, error: Error | undefined) => refuse(command, words, message, error));
  const isHelp = words.some(mayAskForHelp);
  for (const candidate of commands) {
    const { argumentName } = candidate;
    const usage = argumentName === undefined ? candidate.name : `${candidate.name} [${argumentName}..]`;
    parser.command(usage, candidate.text, (builder: Argv) => describeCommand(builder, candidate, isHelp), ignore);
  }
  return parser;
}

function ignore(): void {}

/** Also of `-dh`. yargs lays out the help of a command in any case, which takes longer than all else that it does. */
const mayAskForHelp = (word: string) => /^(?:--help|-[^-]*h)/.test(word);

/** The help names each value (`--jobs N`) and needs no "[string]" behind it. yargs' type package does not know the call. */
function withoutTypesInHelp(parser: Argv): Argv {
  const configurable = parser as Argv & { usageConfiguration(settings: { 'hide-types': boolean }): Argv };
  return configurable.usageConfiguration({ 'hide-types': true });
}

const exitStatuses = `Exit status:
  0    done
  1    refused; the messages say why
  2    usage, configuration or environment
  3    the patch changes nothing that runs; of reproduce: the step does not fail any more
  70   a bug in kptool
  130  interrupted`;

function describeCommand(builder: Argv, command: Command, isHelp: boolean): Argv {
  builder.usage(`$0 ${command.usageLine}\n\n${command.text}.`);
  for (const flag of command.flags) {
    builder.option(flag.name, {
      ...(flag.short === undefined ? {} : { alias: flag.short }),
      ...(flag.value === undefined ? { type: 'boolean' } : { type: 'string', requiresArg: true }),
      group: `${flag.group}:`,
      describe: isHelp ? describeFlag(flag) : '',
    });
  }
  for (const [line, meaning] of command.examples) builder.example(line, meaning);
  return builder.group(['help', 'version'], 'The run:');
}

function describeFlag({ value, text, verb }: Flag): string {
  const described = value === undefined ? text : `${value}: ${text}`;
  return verb === undefined ? described : `${described} (${verb})`;
}

/** Words what yargs found wrong. An unexpected exception of yargs is passed on: it is a bug. */
function refuse(command: Command | undefined, words: readonly string[], message: string | null, error?: Error): never {
  const [tag, names = ''] = (message ?? '').split('\t');
  const commandName = command?.name ?? '';
  if (tag === 'no-value') {
    const flag = command?.flags.find((candidate) => candidate.name === names || candidate.short === names);
    fail('usage-option-without-value', {
      command: commandName,
      option: flag === undefined ? names : `--${flag.name}`,
      expected: flag?.value ?? 'a value',
    });
  }
  if (tag !== 'unknown') throw error ?? new Error(`The command line was not understood: ${message}`);
  const name = names.split(', ')[0] ?? names;
  const option = words.find((word) => word === `--${name}` || word.startsWith(`--${name}=`));
  const isShort = words.some((word) => /^-[^-]/.test(word) && name.length === 1 && word.includes(name));
  if (option === undefined && !isShort) fail('usage-extra-argument', { command: commandName, argument: name });
  const close = nearest(name, ['help', 'version', ...(command?.flags ?? []).map((flag) => flag.name)]);
  fail('usage-unknown-option', {
    command: commandName,
    option: option === undefined ? `-${name}` : `--${name}`,
    nearest: close === undefined || option === undefined ? undefined : `--${close}`,
  });
}

/** A switch may be followed by `=true` or `=false`; yargs would take any other word for no. */
function refuseBadSwitches(command: Command, words: readonly string[]): void {
  const options = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
  for (const word of options) {
    const match = /^--([^=]+)=(.*)$/s.exec(word);
    const flag = command.flags.find((candidate) => candidate.name === match?.[1]);
    const value = match?.[2] ?? '';
    if (flag === undefined || flag.value !== undefined || value === 'true' || value === 'false') continue;
    fail('usage-bad-value', { option: `--${flag.name}`, value, expected: 'true or false' });
  }
}

function refuseRepeated(command: Command, parsed: Record<string, unknown>): void {
  for (const flag of command.flags as readonly Flag[]) {
    const values = flag.value === undefined ? [] : valuesOf(parsed[flag.name]);
    if (values.includes('')) {
      fail('usage-option-without-value', {
        command: command.name,
        option: `--${flag.name}`,
        expected: flag.value ?? 'a value',
      });
    }
    if (values.length > 1 && flag.isRepeatable !== true) {
      fail('usage-option-repeated', { option: `--${flag.name}`, values });
    }
  }
}

function readFlags(parsed: Record<string, unknown>): Flags {
  return {
    isSet: (name) => (typeof parsed[name] === 'boolean' ? parsed[name] : undefined),
    all: (name) => valuesOf(parsed[name]),
    one: (name) => valuesOf(parsed[name])[0],
  };
}

function valuesOf(value: unknown): readonly string[] {
  return [value].flat().filter((word): word is string => typeof word === 'string');
}
