/**
 * `KBUILD_EXTRA_SYMBOLS`: the `Module.symvers` of other trees, by which modpost knows what their modules export. It may be
 * set in many places; here the files that they name are found, and one file is given to kbuild in place of them all.
 */
import path from 'node:path';
import type { MakeStep } from './make-step.js';
import { readMakefiles } from './tree-files.js';

/** A `Module.symvers` of another tree. */
export interface NamedSymvers {
  /** Absolute. */
  readonly file: string;
  /** In words, who named it: `--make-arg`, `the environment`. */
  readonly namedBy: string;
  /** A makefile that kbuild may never read names it: it need not be there. */
  readonly isOptional: boolean;
}

/** Everything that may set the variable. */
export interface ExtraSymbolsPlaces {
  /** Absolute path of the user's tree. */
  readonly tree: string;
  readonly buildDirectory: string;
  readonly release: string;
  readonly steps: readonly MakeStep[];
  /** Where the steps come from, in words. */
  readonly chosenBy: string;
  readonly makeArguments: readonly string[];
  /** The variable's value in the environment. */
  readonly environment: string;
}

/** What is known of the variable, and the file that takes the place of all that were read. */
export interface ExtraSymbols extends ExtraSymbolsPlaces {
  /** Absolute path of the file that holds the entries of all others. */
  readonly merged: string;
  /** Absolute paths of the files whose entries it holds. */
  readonly read: readonly string[];
  /** What the tree's own makefiles set. */
  readonly ofMakefiles: readonly MakefileWords[];
}

/** What the makefile of one folder sets the variable to. */
export interface MakefileWords {
  /** Folder in the tree, `.` for the tree itself. */
  readonly directory: string;
  readonly words: readonly string[];
}

const assignment = /^KBUILD_EXTRA_SYMBOLS(?<operator>:{0,3}=|\+=|\?=)/;

/**
 * The files outside the tree that the variable names, in the order in which they are found: on the command line, in the
 * steps, in the tree's makefiles, in the environment. A file of the tree itself is made by the steps of the tree's own
 * build, and what it exports is read from the modules. A word that only make understands, `$(OFED)/Module.symvers`, is
 * left to make.
 */
export function findExtraSymbols(places: ExtraSymbolsPlaces, ofMakefiles: readonly MakefileWords[]): NamedSymvers[] {
  const found: NamedSymvers[] = [];
  const add = (words: readonly string[], namedBy: string, directory = '.', isOptional = false) => {
    for (const word of words) {
      const file = resolveWord(word, places, directory);
      if (file !== undefined && found.every((known) => known.file !== file)) found.push({ file, namedBy, isOptional });
    }
  };
  add(places.makeArguments.flatMap(assignedWords), '--make-arg or oot.makeArguments');
  for (const step of places.steps) add(wordsOf(step).flatMap(assignedWords), places.chosenBy, step.directory);
  for (const { directory, words } of ofMakefiles) add(words, "the tree's makefile", directory, true);
  add(splitWords(places.environment), 'KBUILD_EXTRA_SYMBOLS in the environment');
  return found;
}

/**
 * What the tree's makefiles set the variable to, as text. kbuild reads it from the makefile of the folder that it is
 * called for (scripts/Makefile.modpost); expressions stay as they are.
 */
export async function extraSymbolsOfMakefiles(tree: string): Promise<MakefileWords[]> {
  const line = /^[ \t]*(?:export[ \t]+)?KBUILD_EXTRA_SYMBOLS[ \t]*(?::{0,3}|\+|\?)=(.*)$/gm;
  const makefiles = await readMakefiles(tree);
  return makefiles.flatMap(({ file, text }) => {
    const values = [...text.replaceAll('\\\n', ' ').matchAll(line)].flatMap(([, value = '']) => splitWords(value));
    return values.length === 0 ? [] : [{ directory: path.dirname(file), words: values }];
  });
}

/**
 * The steps and variables with which kbuild gets the merged file. Where something sets the variable already, the files that
 * were read are taken out there, since modpost stops when it reads an entry twice; where nothing does, it is added.
 */
export function passExtraSymbols(extra: ExtraSymbols): {
  readonly steps: readonly MakeStep[];
  readonly makeArguments: readonly string[];
} {
  const { makeArguments, steps } = extra;
  if (makeArguments.some((word) => assignment.test(word))) {
    return { steps, makeArguments: makeArguments.map((word) => replaced(word, extra, '.')) };
  }
  return { steps: steps.map((step) => passToStep(step, extra)), makeArguments };
}

function passToStep(step: MakeStep, extra: ExtraSymbols): MakeStep {
  const { directory } = step;
  const hasOwn = wordsOf(step).some((word) => assignment.test(word));
  const words = wordsOf(step).map((word) => replaced(word, extra, directory));
  const isOwn = (makefile: MakefileWords) => makefile.directory === path.normalize(directory);
  const own = extra.ofMakefiles.filter(isOwn).flatMap(({ words: value }) => value);
  const added = hasOwn
    ? []
    : [`KBUILD_EXTRA_SYMBOLS=${withMerged([...own, ...splitWords(extra.environment)], extra, directory)}`];
  if (step.kind === 'make') return { kind: 'make', directory, arguments: [...added, ...words] };
  return { kind: 'command', directory, command: hasOwn ? words : ['env', ...added, ...words] };
}

function replaced(word: string, extra: ExtraSymbols, directory: string): string {
  const operator = assignment.exec(word)?.groups?.operator;
  if (operator === undefined) return word;
  return `KBUILD_EXTRA_SYMBOLS${operator}${withMerged(assignedWords(word), extra, directory)}`;
}

function withMerged(words: readonly string[], extra: ExtraSymbols, directory: string): string {
  const left = words.filter((word) => !extra.read.includes(resolveWord(word, extra, directory) ?? ''));
  return [extra.merged, ...new Set(left)].join(' ');
}

const wordsOf = (step: MakeStep) => (step.kind === 'make' ? step.arguments : step.command);

const splitWords = (value: string) => value.split(/\s+/).filter((word) => word !== '');

function assignedWords(word: string): string[] {
  const prefix = assignment.exec(word)?.[0];
  return prefix === undefined ? [] : splitWords(word.slice(prefix.length));
}

/** The absolute path that a word means; `undefined` for a file of the tree and for what only make can tell. */
function resolveWord(word: string, places: ExtraSymbolsPlaces, directory: string): string | undefined {
  const { tree, buildDirectory, release } = places;
  const folder = path.join(tree, directory);
  const filled = word
    .replaceAll('{build}', buildDirectory)
    .replaceAll('{tree}', tree)
    .replaceAll('{release}', release)
    .replaceAll(/\$[({](?:src|obj|M|KBUILD_EXTMOD|PWD|CURDIR)[)}]/g, folder);
  if (filled.includes('$')) return undefined;
  // kbuild runs in the kernel's build tree.
  const file = path.resolve(buildDirectory, filled);
  return `${file}/`.startsWith(`${tree}/`) ? undefined : file;
}
