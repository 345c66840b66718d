/**
 * Reads `dkms.conf`, which says how many out-of-tree packages are built. The file is a bash script to dkms; here the
 * part of the language that packages use is understood, and everything else is refused by name rather than guessed.
 */
import { fail } from '../diagnostics/catalogue.js';
import type { MakeStep } from './make-step.js';
import { expandWords, readAssignments, type Variables } from './shell-words.js';

export interface DkmsPlan {
  /** Empty where the file does not say, which means the ordinary way. */
  readonly steps: readonly MakeStep[];
  /** `BUILT_MODULE_NAME`s. */
  readonly modules: readonly string[];
}

export interface DkmsTarget {
  readonly release: string;
  /** As `uname -m` says it. */
  readonly architecture: string;
}

/**
 * The steps that dkms would take for the target kernel, in the order in which it takes them: `PRE_BUILD`, then the one
 * `MAKE` that applies. Of several, dkms takes the last whose `MAKE_MATCH` matches the release, else the one without
 * (dkms(8), MAKE and MAKE_MATCH). Throws `dkms-unsupported` with the line or the construct.
 */
export function parseDkms(text: string, { release, architecture }: DkmsTarget): DkmsPlan {
  const place: Variables = new Map([
    ['kernelver', release],
    ['arch', architecture],
    ['kernel_source_dir', '{build}'],
    ['source_tree', '{sources}'],
    ['dkms_tree', '{dkms}'],
  ]);
  const refuse = (construct: string): never => fail('dkms-unsupported', { construct });
  const assigned = readAssignments(
    text,
    place,
    { 'uname -r': release, 'uname -m': architecture, nproc: '{jobs}' },
    refuse,
  );
  const folder = new RegExp(
    `\\{(?:dkms|sources)\\}/${escaped(assigned.get('PACKAGE_NAME'))}[/-]${escaped(assigned.get('PACKAGE_VERSION'))}(?:/build|/source)?`,
    'g',
  );
  for (const [name, value] of assigned) assigned.set(name, value.replaceAll(folder, '{tree}'));
  if ([...assigned.keys()].some((name) => /^PATCH(\[|$)/.test(name))) refuse('PATCH');
  const makeLine = chooseMake(assigned, release);
  const lines = [assigned.get('PRE_BUILD'), makeLine].filter((line) => line !== undefined && line !== '');
  const steps = lines.flatMap((line, index) =>
    stepsOf(line ?? '', index === lines.length - 1 && line === makeLine, release, refuse),
  );
  return { steps, modules: builtModules(assigned) };
}

const escaped = (value: string | undefined) => (value ?? '').replaceAll(/[^\w]/g, '\\$&');

/** `MAKE`, which is `MAKE[0]`, and `MAKE[1]` … in order of their numbers. */
function elements(assigned: Variables, name: string): string[] {
  const values: string[] = [];
  for (const [key, value] of assigned) {
    const index = key === name ? '0' : new RegExp(`^${name}\\[(\\d+)\\]$`).exec(key)?.[1];
    if (index !== undefined && Number(index) < 1000) values[Number(index)] = value;
  }
  return Array.from(values, (value) => value ?? '');
}

function chooseMake(assigned: Variables, release: string): string | undefined {
  const lines = elements(assigned, 'MAKE');
  const matches = elements(assigned, 'MAKE_MATCH');
  let chosen: string | undefined;
  for (const [index, line] of lines.entries()) {
    const match = matches[index] ?? '';
    if (match === '' ? chosen === undefined : isMatch(match, release)) chosen = line;
  }
  return chosen;
}

function isMatch(pattern: string, release: string): boolean {
  try {
    return new RegExp(pattern).test(release);
  } catch {
    return fail('dkms-unsupported', { construct: `MAKE_MATCH="${pattern}"` });
  }
}

function builtModules(assigned: Variables): string[] {
  const names = elements(assigned, 'BUILT_MODULE_NAME').filter((name) => name !== '');
  const only = assigned.get('PACKAGE_NAME');
  return names.length > 0 || only === undefined ? names : [only];
}

/** `cd src && make KVER=6.1` becomes a command in `src`. `isMake`: dkms adds its own arguments to a leading `make`. */
function stepsOf(line: string, isMake: boolean, release: string, refuse: (construct: string) => never): MakeStep[] {
  // Another package's folder, which only dkms knows.
  if (/\{(dkms|sources)\}/.test(line))
    refuse(line.replace('{dkms}', '$dkms_tree').replace('{sources}', '$source_tree'));
  const steps: MakeStep[] = [];
  let directory = '.';
  const dkmsLine = isMake ? line.replace(/^make(?=\s|$)/, `make -j{jobs} KERNELRELEASE=${release}`) : line;
  for (const words of expandWords(dkmsLine, refuse)) {
    const [program = '', ...rest] = words;
    if (program === 'cd' || program === 'pushd') {
      const [target = ''] = rest;
      if (rest.length !== 1 || target.startsWith('/') || target.split('/').includes('..')) refuse(line);
      directory = target.replace(/^\{tree\}\/?/, '') || '.';
      continue;
    }
    steps.push(asKbuildCall(words, directory) ?? command(words, directory, isMake));
  }
  return steps;
}

/** PRE_BUILD names a script of the tree without `./`; dkms runs it from there. `VAR=x make` sets the environment. */
function command(words: readonly string[], directory: string, isMake: boolean): MakeStep {
  const [program = ''] = words;
  if (program.includes('=')) return { kind: 'command', directory, command: ['env', ...words] };
  const isScript = !isMake && !program.startsWith('/') && !program.startsWith('.');
  return { kind: 'command', directory, command: isScript ? [`./${program}`, ...words.slice(1)] : words };
}

/**
 * `make -C BUILD M=TREE[/SUBDIRECTORY] …` is kbuild's ordinary call in other words; known as such, single objects can be
 * compiled. Returns `undefined` for any other command.
 */
function asKbuildCall(words: readonly string[], directory: string): MakeStep | undefined {
  const [program, ...rest] = words;
  if (program !== 'make' || directory !== '.') return undefined;
  let build: string | undefined;
  let folder: string | undefined;
  const further: string[] = [];
  for (let index = 0; index < rest.length; index += 1) {
    const word = rest[index] ?? '';
    if (word === '-C') {
      build = rest[index + 1];
      index += 1;
    } else if (word.startsWith('-C')) build = word.slice(2);
    else if (/^(M|SUBDIRS)=/.test(word)) folder = word.slice(word.indexOf('=') + 1);
    else if (/^-j(\{jobs\}|\d*)$/.test(word) || word.startsWith('KERNELRELEASE=')) continue;
    else if (word.startsWith('-')) return undefined;
    else further.push(word);
  }
  const inside = /^\{tree\}(?:\/(?<folder>.*))?$/.exec(folder ?? '')?.groups;
  if (build?.replace(/\/$/, '') !== '{build}' || inside === undefined) return undefined;
  return { kind: 'make', directory: inside.folder || '.', arguments: further };
}
