/**
 * The commands and their options, as tables: the command line is parsed by them, `--help` is printed from them, and the
 * README's table is held against them. Where kpatch-build has an option for the same thing, the name is the same.
 */

import { buildSteps, laterSteps } from '../pipeline/options.js';

export type FlagName =
  | 'oot'
  | 'sourcedir'
  | 'source-archive'
  | 'vmlinux'
  | 'module'
  | 'kernel'
  | 'build-directory'
  | 'make-arg'
  | 'extra-symvers'
  | 'jobs'
  | 'max-objects'
  | 'timeout'
  | 'skip-compiler-check'
  | 'skip-target-check'
  | 'name'
  | 'output'
  | 'non-replace'
  | 'rule'
  | 'dry-run'
  | 'explain'
  | 'explain-lookup'
  | 'from'
  | 'keep'
  | 'bundle'
  | 'no-bundle'
  | 'bundle-full'
  | 'last'
  | 'step'
  | 'into'
  | 'older-than'
  | 'keep-size'
  | 'all'
  | 'yes'
  | 'package-version'
  | 'cache'
  | 'config-file'
  | 'format'
  | 'json'
  | 'no-color'
  | 'debug';

export interface Flag {
  readonly name: FlagName;
  /** One letter, without the dash. */
  readonly short?: string;
  /** What follows the option, as the help shows it; absent for switches. */
  readonly value?: string;
  readonly isRepeatable?: true;
  readonly group: 'The target' | 'How it is built' | 'The livepatch' | 'The run';
  /** Part of a sentence, without a full stop. */
  readonly text: string;
  /** The setting of `kpatch.config.json` that it wins over. */
  readonly setting?: string;
  /** The one word of its command's `verbs` that it belongs to; absent: all. */
  readonly verb?: string;
}

export interface Command {
  readonly name: string;
  /** What the command works on, as the help calls it; absent where it takes none. */
  readonly argumentName?: string;
  /** The words that may stand there, where only some may: what is to be done. */
  readonly verbs?: readonly string[];
  readonly usageLine: string;
  readonly text: string;
  /** The same, for the message that it is missing. */
  readonly argument?: string;
  readonly takesMany: boolean;
  /** The command may do without it; it says itself when. */
  readonly isArgumentOptional?: true;
  readonly flags: readonly Flag[];
  readonly examples: readonly (readonly [string, string])[];
}

const colorFlag: Flag = {
  name: 'no-color',
  group: 'The run',
  text: 'no colours; NO_COLOR and FORCE_COLOR are honoured too',
};
const debugFlag: Flag = {
  name: 'debug',
  short: 'd',
  group: 'The run',
  text: 'show what is done in detail, and the stack of a bug',
};
const explainLookupFlag: Flag = {
  name: 'explain-lookup',
  group: 'The run',
  text: 'say for each symbol of the target which rule found it, or that none did, also of a refused build; with --json that is always told',
};
const presentation: readonly Flag[] = [
  {
    name: 'json',
    group: 'The run',
    text: 'print one JSON document to standard output, all else to standard error: the format json',
  },
  colorFlag,
  debugFlag,
];

const cacheFlag: Flag = {
  name: 'cache',
  value: 'DIR',
  group: 'The run',
  text: 'holds work folders and caches; default: $XDG_CACHE_HOME/kptool or ~/.cache/kptool',
  setting: 'cache',
};

/** A check compares nothing, so there is nothing to explain, and it leaves nothing. */
const buildOnly: readonly FlagName[] = [
  ...(['dry-run', 'explain', 'explain-lookup', 'skip-target-check'] as const),
  ...(['from', 'bundle', 'no-bundle', 'bundle-full'] as const),
];

/** What doctor takes of them: what holds without any patch. */
const machineOnly: readonly FlagName[] = ['kernel', 'build-directory', 'make-arg', 'cache', 'config-file'];

/** What is known of a kernel also hangs on where its source and its symbols are. */
const infoOnly: readonly FlagName[] = ['sourcedir', 'source-archive', 'vmlinux', 'make-arg'];

/** What create-diff-object takes, in this order: the operands of kpatch's program of that name. */
export const diffOperands = [
  'original.o',
  'patched.o',
  'parent-name',
  'parent-symtab',
  'Module.symvers',
  'patch-name',
  'output.o',
] as const;

export const buildFlags: readonly Flag[] = [
  { name: 'oot', value: 'DIR', group: 'The target', text: 'source of the out-of-tree modules', setting: 'oot.dir' },
  {
    name: 'sourcedir',
    value: 'DIR',
    group: 'The target',
    text: 'source of the kernel, where the patches are for it; default without a module tree: the installed source package',
    setting: 'sourcedir',
  },
  {
    name: 'source-archive',
    value: 'FILE',
    group: 'The target',
    text: 'the same, packed (.tar.xz and the like)',
    setting: 'sourceArchive',
  },
  {
    name: 'vmlinux',
    value: 'FILE',
    group: 'The target',
    text: 'where the kernel’s own symbols are: vmlinux, System.map or the boot image; default: what is installed',
    setting: 'vmlinux',
  },
  {
    name: 'module',
    value: 'FILE.ko',
    isRepeatable: true,
    group: 'The target',
    text: 'a module as it runs; repeatable; default: the installed one of that name, else the one in the source folder',
    setting: 'oot.modules',
  },
  {
    name: 'kernel',
    value: 'RELEASE',
    group: 'The target',
    text: 'the kernel that will load the livepatch, as `uname -r` prints it there',
    setting: 'kernel',
  },
  {
    name: 'build-directory',
    value: 'DIR',
    group: 'The target',
    text: 'build tree of that kernel, where it is not /lib/modules/RELEASE/build',
    setting: 'buildDirectory',
  },
  {
    name: 'make-arg',
    value: 'VAR=VALUE',
    isRepeatable: true,
    group: 'How it is built',
    text: 'a variable for every call of make; repeatable',
    setting: 'oot.makeArguments',
  },
  {
    name: 'extra-symvers',
    value: 'FILE',
    isRepeatable: true,
    group: 'How it is built',
    text: 'the Module.symvers of another tree whose modules export symbols to these; repeatable',
    setting: 'oot.extraSymvers',
  },
  {
    name: 'jobs',
    short: 'j',
    value: 'N',
    group: 'How it is built',
    text: 'how many compilers run at a time; default: one a CPU',
    setting: 'jobs',
  },
  {
    name: 'timeout',
    value: 'SECONDS',
    group: 'How it is built',
    text: 'end a call of make that takes longer; default: none does',
    setting: 'timeout',
  },
  {
    name: 'max-objects',
    value: 'N',
    group: 'How it is built',
    text: 'stop where more objects of the kernel would have to be compiled, for a header that many include; default: 200',
    setting: 'maxObjects',
  },
  {
    name: 'skip-compiler-check',
    group: 'How it is built',
    text: 'go on although the compiler is not the one that built the kernel',
    setting: 'skipCompilerCheck',
  },
  {
    name: 'skip-target-check',
    group: 'How it is built',
    text: 'go on although the modules that run have other code than this source gives; what differs is told as warnings',
    setting: 'skipTargetCheck',
  },
  {
    name: 'name',
    short: 'n',
    value: 'NAME',
    group: 'The livepatch',
    text: 'its name; default: livepatch-, and the name of the first patch file',
    setting: 'name',
  },
  {
    name: 'output',
    short: 'o',
    value: 'DIR',
    group: 'The livepatch',
    text: 'folder that receives the .ko; default: the working directory',
    setting: 'output',
  },
  {
    name: 'non-replace',
    short: 'R',
    group: 'The livepatch',
    text: 'add to the livepatches that are loaded; without it this one replaces them',
    setting: 'replace',
  },
  {
    name: 'rule',
    value: 'RULE=LEVEL',
    isRepeatable: true,
    group: 'The livepatch',
    text: 'how much a rule weighs: off, warn or error; repeatable; the rules are described in docs/rules',
    setting: 'rules',
  },
  { name: 'dry-run', group: 'The run', text: 'stop after the check; nothing is built' },
  { name: 'explain', group: 'The run', text: 'say why each function changed; with --json that is always told' },
  explainLookupFlag,
  {
    name: 'from',
    value: 'STEP',
    group: 'The run',
    text: `go on with the last build of this name and tree from a step: ${laterSteps.join(', ')}; what the steps before it have made is taken, unless something that went into it has changed`,
  },
  { name: 'keep', group: 'The run', text: 'keep the work folder after success; after a failure it is always kept' },
  {
    name: 'bundle',
    value: 'DIR',
    group: 'The run',
    text: 'folder that receives the bundle of a failed build; default: the working directory',
    setting: 'bundle',
  },
  { name: 'no-bundle', group: 'The run', text: 'leave no bundle of a failed build' },
  {
    name: 'bundle-full',
    group: 'The run',
    text: 'put preprocessed sources into the bundle, so that compiling can be repeated',
  },
  cacheFlag,
  {
    name: 'config-file',
    value: 'FILE',
    group: 'The run',
    text: 'settings; default: the nearest kpatch.config.json, here or in a folder above',
  },
  {
    name: 'format',
    value: 'FORMAT',
    group: 'The run',
    text: 'form of the answer on standard output: text, json, or github for annotations in a workflow of GitHub Actions',
  },
  ...presentation,
];

export const commands: readonly Command[] = [
  {
    name: 'build',
    argumentName: 'patch',
    usageLine: 'build [options] <patch…>',
    text: 'Build a livepatch module from source patches',
    argument: 'a patch file',
    takesMany: true,
    flags: buildFlags,
    examples: [
      ['$0 build --oot ./ib_mad fix.patch', 'patch the modules built from ./ib_mad'],
      ['$0 build fix.patch', 'patch the kernel and its modules, from the installed source package'],
      ['$0 build --oot . --module ./running/ib_mad.ko fix.patch', 'name the module as it runs'],
      ['$0 build --oot . -j 8 --make-arg CONFIG_X=y 1.patch 2.patch', 'two patches, applied in this order'],
    ],
  },
  {
    name: 'check',
    argumentName: 'patch',
    usageLine: 'check [options] <patch…>',
    text: 'Say whether the patches can be built, and for what; the same as build --dry-run',
    argument: 'a patch file',
    takesMany: true,
    flags: buildFlags.filter((flag) => !buildOnly.includes(flag.name)),
    examples: [['$0 check --oot ./ib_mad fix.patch', 'which kernel, which modules, which files']],
  },
  {
    name: 'reproduce',
    argumentName: 'bundle',
    usageLine: 'reproduce [options] <bundle>',
    text:
      'Do the step that failed once more, from the bundle that a failed build has left; exit status: 0 it fails as it did,' +
      ' 1 it fails otherwise, 3 it does not fail',
    argument: 'a bundle (kptool-failure-….tar.gz, or a folder that one was unpacked into), or --last',
    takesMany: false,
    isArgumentOptional: true,
    flags: [
      { name: 'last', group: 'The run', text: 'the bundle of the last build that failed here' },
      {
        name: 'step',
        value: 'STEP',
        group: 'The run',
        text: `another step than the one that failed: ${buildSteps.join(', ')}`,
      },
      { name: 'into', value: 'DIR', group: 'The run', text: 'unpack the bundle into a new or empty folder, too' },
      cacheFlag,
      ...presentation,
    ],
    examples: [
      ['$0 reproduce kptool-failure-livepatch-fix-1a2b3c4d.tar.gz', 'on any machine, without kernel and headers'],
      ['$0 reproduce --last --into look', 'and leave its files in ./look'],
    ],
  },
  {
    name: 'clean',
    usageLine: 'clean [options]',
    text: 'List what earlier runs left in the cache folder, and remove what the options say; without one, nothing',
    takesMany: false,
    flags: [
      {
        name: 'older-than',
        value: 'AGE',
        group: 'The run',
        text: 'remove what has not changed for so long: 12h, 7d, 4w',
      },
      {
        name: 'keep-size',
        value: 'SIZE',
        group: 'The run',
        text: 'remove what changed longest ago until so much is left: 500M, 2G',
      },
      { name: 'all', group: 'The run', text: 'remove everything that no running build uses' },
      { name: 'dry-run', group: 'The run', text: 'only say what would be removed' },
      cacheFlag,
      ...presentation,
    ],
    examples: [['$0 clean --older-than 7d', 'work folders of failed builds take most of the space']],
  },
  {
    name: 'create-diff-object',
    argumentName: 'operand',
    usageLine: `create-diff-object [options] ${diffOperands.map((operand) => `<${operand}>`).join(' ')}`,
    text:
      'Compare two objects and write what changed, in the place of kpatch’s program of that name; parent-symtab is what' +
      ' `readelf -s --wide` printed of the target, the target itself, or System.map of vmlinux; the *_STRUCT_SIZE' +
      ' variables are honoured, but the tables tell sizes themselves',
    argument: `the operand ${diffOperands[0]}`,
    takesMany: true,
    flags: [
      { ...explainLookupFlag, text: 'say for each symbol of the target which rule found it, or that none did' },
      colorFlag,
      debugFlag,
    ],
    examples: [],
  },
  {
    name: 'inspect',
    argumentName: 'file',
    usageLine: 'inspect [options] <file>',
    text: 'Show what is in a livepatch module or in a diffed object',
    argument: 'a livepatch module (.ko) or a diffed object (.o)',
    takesMany: false,
    flags: presentation,
    examples: [['$0 inspect livepatch-fix.ko', 'replaced functions, livepatch relocations and symbols']],
  },
  {
    name: 'doctor',
    usageLine: 'doctor [options]',
    text: 'Say what this machine has and lacks for building livepatches, and what to type for it',
    takesMany: false,
    flags: [...buildFlags.filter(({ name }) => machineOnly.includes(name)), ...presentation],
    examples: [['$0 doctor --kernel 6.1.0-56-amd64', 'the same for a build that names its kernel']],
  },
  {
    name: 'kernel',
    argumentName: 'verb',
    verbs: ['info', 'fetch'],
    usageLine: 'kernel info|fetch [options]',
    text: 'Say what is known of the target kernel and where each fact comes from, or fetch its source for the cache',
    argument: 'what to do (info or fetch)',
    takesMany: false,
    flags: [
      ...buildFlags.filter(({ name }) => machineOnly.includes(name) && !infoOnly.includes(name)),
      ...buildFlags.filter(({ name }) => infoOnly.includes(name)).map((flag) => ({ ...flag, verb: 'info' })),
      {
        name: 'package-version',
        value: 'VERSION',
        group: 'The target',
        text: 'this version of the source package; default: the one that the kernel was built from',
        verb: 'fetch',
      },
      { name: 'yes', short: 'y', group: 'The run', text: 'download without asking', verb: 'fetch' },
      { name: 'dry-run', group: 'The run', text: 'only say what would be downloaded', verb: 'fetch' },
      ...presentation,
    ],
    examples: [
      ['$0 kernel info --kernel 6.1.0-56-amd64', 'its build tree, compiler, symbols, source and options'],
      ['$0 kernel fetch --kernel 6.1.0-56-amd64', 'its source, in the version that it was built from, through apt'],
    ],
  },
];

/** For the suggestion that follows a mistyped command. */
export const commandNames: readonly string[] = commands.map((command) => command.name);
