/** Wording of the findings about the command line and `kpatch.config.json`: what happened, why, what to do. */
import type { Wording } from './diagnostic.js';

const help = (command: string) => (command === '' ? 'kptool --help' : `kptool ${command} --help`);
const suggest = (nearest: string | undefined, otherwise: string) =>
  nearest === undefined ? otherwise : `Did you mean ${nearest}?`;

export const usageMessages = {
  'usage-no-command': (_: Record<string, never>) => ({
    exitStatus: 2,
    what: 'No command was given.',
    why: 'kptool does nothing by itself; the first word says what to do.',
    fix: `Run \`${help('')}\` for the commands, for example \`kptool build --oot DIR FILE.patch\`.`,
  }),
  'usage-unknown-command': (details: { name: string; nearest: string | undefined }) => ({
    exitStatus: 2,
    what: `There is no command "${details.name}".`,
    why: 'What follows kptool must be one of its commands.',
    fix: suggest(details.nearest, `Run \`${help('')}\` for the list.`),
  }),
  'usage-unknown-option': (details: { command: string; option: string; nearest: string | undefined }) => ({
    exitStatus: 2,
    what: `There is no option ${details.option}.`,
    why: 'Nothing was started: an option that is not understood might have changed what is built.',
    fix: suggest(details.nearest, `Run \`${help(details.command)}\` for the options.`),
  }),
  'usage-option-before-command': (details: { option: string }) => ({
    exitStatus: 2,
    what: `${details.option} stands before the command.`,
    why: 'Options belong to a command and follow it.',
    fix: `Write \`kptool COMMAND ${details.option} …\`, for example \`kptool build --json --oot DIR FILE.patch\`.`,
  }),
  'usage-option-without-value': (details: { command: string; option: string; expected: string }) => ({
    exitStatus: 2,
    what: `${details.option} needs a value, and none was given.`,
    why: `The option takes ${details.expected}.`,
    fix: `Write \`${details.option} VALUE\` or \`${details.option}=VALUE\`; \`${help(details.command)}\` explains it.`,
  }),
  'usage-option-repeated': (details: { option: string; values: readonly string[] }) => ({
    exitStatus: 2,
    what: `${details.option} was given more than once.`,
    why: `Only one value can hold: ${details.values.join(', ')}.`,
    fix: 'Leave one of them.',
  }),
  'usage-bad-value': (details: { option: string; value: string; expected: string }) => ({
    exitStatus: 2,
    what: `${details.option}: "${details.value}" is not ${details.expected}.`,
    why: 'The value cannot be used.',
    fix: `Give ${details.expected}.`,
  }),
  'usage-unconfirmed': (details: { what: string }) => ({
    exitStatus: 2,
    what: `Nobody is there to say yes to this: ${details.what}.`,
    why: 'It is asked for on a terminal only, and standard input or standard error is none.',
    fix: 'Say --yes, or look at it first with --dry-run.',
  }),
  'usage-unknown-rule': (details: { rule: string; nearest: string | undefined; known: readonly string[] }) => ({
    exitStatus: 2,
    what: `--rule: there is no rule "${details.rule}".`,
    why: 'The option takes RULE=off, RULE=warn or RULE=error, with a rule that docs/rules describes.',
    fix:
      details.nearest === undefined ? `Name one of ${details.known.join(', ')}.` : `Did you mean ${details.nearest}?`,
  }),
  'usage-missing-argument': (details: { command: string; missing: string }) => ({
    exitStatus: 2,
    what: `${details.command}: ${details.missing} is missing.`,
    why: 'The command cannot start without it.',
    fix: `Run \`${help(details.command)}\` to see what the command takes.`,
  }),
  'usage-extra-argument': (details: { command: string; argument: string }) => ({
    exitStatus: 2,
    what: `${details.command} has no use for the argument "${details.argument}".`,
    why: 'It got more arguments than it takes.',
    fix: `Remove it; \`${help(details.command)}\` shows what the command takes.`,
  }),
  'usage-no-working-directory': (_: Record<string, never>) => ({
    exitStatus: 2,
    what: 'The working directory does not exist any more.',
    why: 'It was deleted after the shell went there, and paths on the command line start from it.',
    fix: 'Go to another folder (`cd`), and run the command again.',
  }),
  'usage-two-trees': (details: { first: string; second: string }) => ({
    exitStatus: 2,
    what: `${details.first} and ${details.second} were both given.`,
    why: 'A livepatch is built from one source: that of out-of-tree modules (--oot), or that of the kernel.',
    fix: 'Leave one of them.',
  }),
  'usage-config-unreadable': (details: { file: string; reason: string }) => ({
    exitStatus: 2,
    what: `The configuration file ${details.file} cannot be read: ${details.reason}.`,
    why: 'Its settings would be missing from the build.',
    fix: 'Correct the path or the permissions, or leave out --config-file.',
  }),
  'usage-config-of-another-user': (details: { file: string }) => ({
    exitStatus: 2,
    what: `${details.file} belongs to another user.`,
    why: 'It was found above the working directory and not named, and a configuration can name programs to run.',
    fix: `If you trust it, name it: --config-file ${details.file}. If not, name one of your own.`,
  }),
  'usage-config-not-json': (details: { file: string; place: string; reason: string }) => ({
    exitStatus: 2,
    what: `${details.file}${details.place} is not valid JSON: ${details.reason}.`,
    why: 'None of its settings can be read. JSON allows neither comments nor a comma after the last entry.',
    fix: 'Correct the file.',
  }),
  'usage-config-unknown-key': (details: {
    file: string;
    key: string;
    nearest: string | undefined;
    known: readonly string[];
  }) => ({
    exitStatus: 2,
    what: `${details.file}: there is no setting "${details.key}".`,
    why: 'A setting that is not understood would be ignored without a word.',
    fix:
      details.nearest === undefined
        ? `Remove it. Known here: ${details.known.join(', ')}.`
        : `Did you mean "${details.nearest}"? Otherwise remove it.`,
  }),
  'usage-config-bad-value': (details: { file: string; key: string; problem: string }) => ({
    exitStatus: 2,
    what: `${details.file}: the value of "${details.key}" cannot be used.`,
    why: `${details.problem}.`,
    fix: 'Correct the value; docs/kpatch.config.schema.json describes every setting.',
  }),
} satisfies Record<string, (details: never) => Wording>;
