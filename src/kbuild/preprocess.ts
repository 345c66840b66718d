/**
 * The sources of a build as the compiler saw them, without the headers that they need, so that they can be compiled elsewhere;
 * and the way to compile such a source again. Macros stay as they were written (`-fdirectives-only`, which clang calls
 * `-frewrite-includes`), so that errors are told at the same columns.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { runProgram } from '../system/run.js';
import { writingError } from '../system/system-error.js';
import type { CompiledObject } from './compiler-wrapper.js';

export interface PreprocessQuestion {
  /** What was compiled, or failed to. */
  readonly objects: readonly CompiledObject[];
  /** The compiler with leading arguments. */
  readonly command: readonly string[];
  /** Receives `core/agent.o.i` for `core/agent.o`. */
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Preprocesses the source of each object. A source that does not get so far has none. Throws `work-folder-unwritable`,
 * `disk-full`, and what else `runProgram` throws.
 */
export async function preprocess({ objects, command, folder, signal }: PreprocessQuestion): Promise<void> {
  const [program = '', ...leading] = command;
  for (const { object, directory, arguments: words } of objects) {
    const output = preprocessedFile(folder, object);
    await mkdir(path.dirname(output), { recursive: true }).catch((error: unknown) => {
      throw writingError(error, output, 'work-folder-unwritable');
    });
    const kept = withoutOutput(words);
    const flag = isClang(program) ? '-frewrite-includes' : '-fdirectives-only';
    const all = [...leading, ...kept, '-E', flag, '-o', output];
    await runProgram({ program, arguments: all, directory, signal });
  }
}

/** Where `preprocess` puts the source of an object. */
export function preprocessedFile(folder: string, object: string): string {
  return path.join(folder, `${object}.i`);
}

const isClang = (program: string) => path.basename(program).includes('clang');

/** The arguments without those that say what comes out and where it goes. */
function withoutOutput(words: readonly string[]): string[] {
  return words.filter((word, index) => {
    if (word === '-c' || word === '-o' || words[index - 1] === '-o') return false;
    return !/^-o./.test(word) && !/^-Wp,-MM?D,/.test(word);
  });
}

/** A compiler's name as distributions have them: `gcc-12`, `aarch64-linux-gnu-gcc`, `clang-14`. */
const compilerName = /^(?:[a-z0-9_]+-linux-gnu[a-z0-9]*-)?(?:gcc|clang)(?:-\d+(?:\.\d+)*)?$/;

/** Options that change code or what is told of it, and name no file and no program. */
const harmless =
  /^-(?:std=[\w+:]+|O[0-3sgz]?|g\w*|pg?|W[\w+-]*(?:=[\w,+-]+)?|w|pedantic|nostdinc|ansi|m[\w-]+(?:=[\w,.+-]+)?|f[\w-]+(?:=[\w,.:+-]+)?|-param=[\w-]+=\d+)$/;
const harmful =
  /^-(?:fplugin|fdump|fprofile|fauto-profile|fcallgraph|fopt-info|fsave|fcompare|fpre|fuse-ld|flto|specs|wrapper)/;

/**
 * The command that compiles a preprocessed source again, out of a bundle that anybody may have made: a known compiler, and
 * of the arguments those that can do nothing but change code. `undefined` for another program.
 */
export function compileAgain(
  command: readonly string[],
  words: readonly string[],
  source: string,
  output: string,
): { readonly program: string; readonly arguments: readonly string[] } | undefined {
  const program = command.find((word) => compilerName.test(word));
  if (program === undefined) return undefined;
  const kept = words.filter((word, index) => {
    const isParameter = (place: number) => /^[\w-]+=\d+$/.test(words[place] ?? '');
    if (word === '--param') return isParameter(index + 1);
    if (words[index - 1] === '--param') return isParameter(index);
    return harmless.test(word) && !harmful.test(word);
  });
  const as = isClang(program) ? [] : ['-fpreprocessed', '-fdirectives-only'];
  return { program, arguments: [...kept, ...as, '-x', 'c', '-c', source, '-o', output] };
}
