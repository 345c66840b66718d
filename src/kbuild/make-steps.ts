/**
 * How a tree is built, decided once for both sides of the patch and then carried out in the private copy: the steps of
 * the configuration, else those of the tree's `dkms.conf`, else kbuild's ordinary way. The compiler wrapper, the user's
 * make variables and the copy's path reach each of them.
 */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { readingError } from '../system/system-error.js';
import { parseDkms } from './dkms.js';
import type { MakeStep } from './make-step.js';

export interface BuildPlan {
  readonly steps: readonly MakeStep[];
  /** In words: `make -C BUILD M=TREE modules`, `dkms.conf`, `oot.make in the configuration`. */
  readonly chosenBy: string;
  /** Names of the modules that are expected, as `dkms.conf` lists them; empty where nobody says. */
  readonly expectedModules: readonly string[];
}

export interface PlanQuestion {
  /** The user's tree, which is only read. */
  readonly tree: string;
  readonly configured?: readonly MakeStep[] | undefined;
  readonly release: string;
  readonly architecture: string;
}

const ordinary: MakeStep = { kind: 'make', directory: '.', arguments: [] };

/**
 * Decides how `tree` is built. Throws `oot-no-makefile` for a folder that says nothing about building,
 * `input-missing` for one that is not there, and `dkms-unsupported` for a `dkms.conf` that only a shell could understand.
 */
export async function planBuild({ tree, configured, release, architecture }: PlanQuestion): Promise<BuildPlan> {
  if (configured !== undefined && configured.length > 0) {
    return { steps: configured, chosenBy: 'oot.make in the configuration', expectedModules: [] };
  }
  const dkms = await readText(path.join(tree, 'dkms.conf'));
  if (dkms !== undefined) {
    const { steps, modules } = parseDkms(dkms, { release, architecture });
    return { steps: steps.length === 0 ? [ordinary] : steps, chosenBy: 'dkms.conf', expectedModules: modules };
  }
  for (const name of ['Kbuild', 'Makefile']) {
    if ((await readText(path.join(tree, name))) !== undefined) {
      return { steps: [ordinary], chosenBy: "kbuild's ordinary way", expectedModules: [] };
    }
  }
  await stat(tree).catch((error: unknown) => {
    throw readingError(error, tree);
  });
  return fail('oot-no-makefile', { tree });
}

async function readText(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}

/**
 * The folder of the tree that kbuild can be asked to compile single objects of (`make -C BUILD M=DIR cm.o`), with the
 * step's variables, or `undefined` where the tree is built in a way of its own and has to be built whole.
 */
export function singleObjectWay(
  plan: BuildPlan,
): { readonly directory: string; readonly variables: readonly string[] } | undefined {
  const [step, ...further] = plan.steps;
  if (step?.kind !== 'make' || further.length > 0) return undefined;
  const goals = step.arguments.filter((argument) => !isVariable(argument));
  if (goals.some((goal) => goal !== 'modules')) return undefined;
  return { directory: step.directory, variables: step.arguments.filter(isVariable) };
}

const isVariable = (argument: string) => /^[^=\s]+=/.test(argument);

/** What is the same for all steps of a build. */
export interface StepSurroundings {
  /** Absolute path of the copy that is built. */
  readonly tree: string;
  /** Absolute path of the user's tree; where an argument holds it, the copy is meant. */
  readonly originalTree: string;
  readonly buildDirectory: string;
  readonly release: string;
  /** The compiler wrapper. */
  readonly compiler: string;
  /** `VAR=VALUE` for every make, from the user. */
  readonly makeArguments: readonly string[];
  /** `VAR=VALUE` for every make, from kptool, such as `KBUILD_MODPOST_WARN=1`. */
  readonly settings: readonly string[];
  readonly jobs: number;
}

export interface Invocation {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** kbuild takes LC_ALL out of the environment (top Makefile), which would leave compilers with the user's language. */
export const messageLanguage = { LANG: 'C', LC_MESSAGES: 'C' } as const;

/** `make -C BUILD M=DIR` with all variables, for the given folder of the copy and goals. */
export function kbuildInvocation(
  directory: string,
  argumentsAndGoals: readonly string[],
  surroundings: StepSurroundings,
): Invocation {
  const { tree, buildDirectory, jobs } = surroundings;
  return {
    program: 'make',
    arguments: [
      '-C',
      buildDirectory,
      `M=${path.join(tree, directory)}`,
      `-j${jobs}`,
      ...argumentsAndGoals,
      ...variablesOf(surroundings),
    ],
    directory: tree,
    environment: messageLanguage,
  };
}

/**
 * The program that carries out a step. Our own make gets its variables on the command line. A command of the tree's own
 * may call make anywhere below it, so they go into MAKEFLAGS, which every make reads and hands on, and there count as
 * much as on its command line.
 */
export function invocationOf(step: MakeStep, surroundings: StepSurroundings): Invocation {
  const { tree } = surroundings;
  const inCopy = (word: string) => fillIn(word, surroundings);
  if (step.kind === 'make') {
    const words = step.arguments.map(inCopy);
    return kbuildInvocation(step.directory, words.every(isVariable) ? [...words, 'modules'] : words, surroundings);
  }
  const [program = '', ...words] = step.command.map(inCopy);
  const directory = path.join(tree, step.directory);
  return {
    // A program of the tree is named from the folder that the step runs in; others are looked up in PATH.
    program: program.includes('/') ? path.resolve(directory, program) : program,
    arguments: words,
    directory,
    environment: { ...messageLanguage, MAKEFLAGS: makeFlags(surroundings) },
  };
}

/** The user's `CC` is what the wrapper calls; to make, the wrapper is the compiler. Last wins in make. */
function variablesOf({ makeArguments, settings, compiler, ...surroundings }: StepSurroundings): string[] {
  const users = makeArguments.filter((argument) => !/^CC:?=/.test(argument));
  const inCopy = (word: string) => withCopyPath(word, surroundings);
  return [...users.map(inCopy), 'CONFIG_DEBUG_INFO_BTF_MODULES=', ...settings, `CC=${compiler}`];
}

/**
 * MAKEFLAGS as make itself would write it for its children: flags, `--`, then the variables, in which backslash and
 * blanks are escaped and `$` is doubled (GNU make, src/main.c, quote_for_env).
 */
function makeFlags(surroundings: StepSurroundings): string {
  const escaped = variablesOf(surroundings).map((variable) =>
    variable.replaceAll(/[\\\s]/g, '\\$&').replaceAll('$', '$$$$'),
  );
  return `-j${surroundings.jobs} -- ${escaped.join(' ')}`;
}

function fillIn(word: string, surroundings: StepSurroundings): string {
  const values: Readonly<Record<string, string>> = {
    '{build}': surroundings.buildDirectory,
    '{tree}': surroundings.tree,
    '{release}': surroundings.release,
    '{jobs}': String(surroundings.jobs),
  };
  return withCopyPath(word, surroundings).replaceAll(
    /\{(?:build|tree|release|jobs)\}/g,
    (name) => values[name] ?? name,
  );
}

/** `/src/ib_mad/include` becomes `COPY/include`; `/src/ib_mad-old` is another folder and stays. */
function withCopyPath(word: string, { tree, originalTree }: Pick<StepSurroundings, 'tree' | 'originalTree'>): string {
  let result = '';
  for (let rest = word; ; ) {
    const start = rest.indexOf(originalTree);
    if (start === -1) return result + rest;
    const end = start + originalTree.length;
    const isWhole = !/[\w.+-]/.test(rest[end] ?? '/');
    result += rest.slice(0, start) + (isWhole ? tree : originalTree);
    rest = rest.slice(end);
  }
}
