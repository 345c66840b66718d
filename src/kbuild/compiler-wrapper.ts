/**
 * The compiler as make sees it during a build. A small script stands in for it, so that whatever a tree's Makefiles do,
 * kernel objects get a section per function and per datum, and kptool learns which objects were compiled, from what, and
 * for which module. Time stamps are not asked.
 */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { writingError } from '../system/system-error.js';
import type { TraceFolder } from './trace-headers.js';
import { writeWorkFile } from './work-file.js';

export interface CompilerWrapper {
  /** Absolute path of the script; what make gets as `CC`. */
  readonly program: string;
  /** Folder with one file per compiled object. */
  readonly log: string;
}

/** One call of the compiler that made an object of the tree. */
export interface CompiledObject {
  /** Path in the tree, `core/agent.o`. */
  readonly object: string;
  /** Absolute path of the object. */
  readonly file: string;
  /** Path in the tree, `core/agent.c`; as the compiler got it where it lies elsewhere. */
  readonly source: string;
  /** Modules that the object is linked into, by the names they run under; empty for an object that is in no module. */
  readonly modules: readonly string[];
  /** Modules that it was compiled for one by one, each time with another `KBUILD_MODNAME`, the last of which is in it. */
  readonly compiledFor?: readonly string[];
  /** Where the compiler ran, and its arguments, those of the wrapper included. */
  readonly directory: string;
  readonly arguments: readonly string[];
}

/** A section for every function and datum, so that single ones can be taken out of an object. */
const sectionFlags = ['-ffunction-sections', '-fdata-sections'];

/** Holds `kpatch-macros.h`. It is searched after the tree's own folders. */
export const macrosFolder = fileURLToPath(new URL('./include', import.meta.url));

const shellWord = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/**
 * The script's text. The loop knows a kernel object by what kbuild passes for one (scripts/Makefile.build, cmd_cc_o_c):
 * `-c`, `-D__KERNEL__`, `-o X.o` and a C source. Feature tests compile /dev/null to no `.o`, assembly has
 * `-D__ASSEMBLY__`, and host programs have no `-D__KERNEL__`: they all pass unchanged. A source that is only preprocessed, for
 * the checksums of its exports (cmd_gensymtypes_c), needs the author's macros too. The loop uses no program, since kbuild
 * calls the compiler some sixty times before it compiles anything.
 */
function wrapperScript(question: WrapperQuestion, log: string): string {
  const { command, tree, traceFolders = [], isPlain = false, drawsNumbers = false } = question;
  const includes = [...traceFolders.map(({ include }) => include), macrosFolder].map((folder) => `-I${folder}`);
  // Both spellings: with the slash for `__FILE__`, without it for the compilation directory in debug information.
  const flags = [
    ...(isPlain ? [] : sectionFlags),
    ...(drawsNumbers ? ['-frandom-seed=kptool'] : []),
    `-ffile-prefix-map=${macrosFolder}=kptool`,
    `-ffile-prefix-map=${tree}=.`,
    `-ffile-prefix-map=${tree}/=`,
    ...traceFolders.map(({ root }) => `-ffile-prefix-map=${root}/=`),
  ];
  return `#!/bin/sh
# Stands in for the compiler during a build by kptool.
is_compile= is_kernel= is_object= is_assembly= before=
for word do
  case $before in -o) case $word in *.o) is_object=1 ;; esac ;; esac
  case $word in
    -c) is_compile=1 ;;
    -D__KERNEL__) is_kernel=1 ;;
    -D__ASSEMBLY__ | -D__ASSEMBLER__ | *.S | *.s | /dev/null) is_assembly=1 ;;
    -o?*.o) is_object=1 ;;
  esac
  before=$word
done
if [ -n "$is_kernel" ] && [ -z "$is_assembly" ]; then set -- "$@" ${includes.map(shellWord).join(' ')}; fi
if [ "$is_compile$is_kernel$is_object" = 111 ] && [ -z "$is_assembly" ]; then
  set -- "$@" ${flags.map(shellWord).join(' ')}
  # The name must be new also where process numbers are given out again during a long build.
  set -C
  count=0
  until { true >${shellWord(log)}/$$-$count; } 2>/dev/null; do
    count=$((count + 1))
    if [ $count -gt 1000 ]; then
      echo 'kptool: cannot write to '${shellWord(log)} >&2
      exit 1
    fi
  done
  set +C
  printf '%s\\0' "$(pwd -P)" "$@" >${shellWord(log)}/$$-$count || exit 1
fi
exec ${command.map(shellWord).join(' ')} "$@"
`;
}

export interface WrapperQuestion {
  /** The real compiler with leading arguments. */
  readonly command: readonly string[];
  /**
   * The copy that is built. Its path is taken out of `__FILE__` and debug information, so that the objects do not depend
   * on where they were built.
   */
  readonly tree: string;
  /** Searched for headers after the tree's own folders; the paths of their roots are taken out of `__FILE__` as well. */
  readonly traceFolders?: readonly TraceFolder[];
  /** Name of the log, `original`. */
  readonly side: string;
  /** Leave out the section flags, so that the code becomes what an ordinary build makes. */
  readonly isPlain?: boolean | undefined;
  /**
   * The compiler puts random numbers into code, as the kernel's latent_entropy plugin does: fix them, so that both sides have
   * the same. Nowhere else, since debug data name the option and are compared with the target's.
   */
  readonly drawsNumbers?: boolean | undefined;
}

/** Path of the script that `writeCompilerWrapper` writes to `folder`. */
export function wrapperIn(folder: string): string {
  return path.join(folder, 'cc');
}

/**
 * Writes the script into `folder` (of the work folder), and makes the log folder of the side. The script has one path for
 * all sides: to kbuild, another compiler would be a reason to compile everything again. A log that is there is kept, since
 * what an earlier call of make compiled is compiled still. Throws `work-folder-unwritable` or `disk-full`.
 */
export async function writeCompilerWrapper(folder: string, question: WrapperQuestion): Promise<CompilerWrapper> {
  const log = path.join(folder, `compiled-${question.side}`);
  const program = wrapperIn(folder);
  await writeWorkFile(program, wrapperScript(question, log), { isProgram: true });
  await mkdir(log, { recursive: true }).catch((error: unknown) => {
    throw writingError(error, log, 'work-folder-unwritable');
  });
  return { program, log };
}

/**
 * What has been compiled of `tree` for the side that the log belongs to, sorted by object; an object that was compiled
 * several times appears once, with the modules of all times. What kbuild adds to a module by itself (`X.mod.o`, `.module-common.o`, `.vmlinux.export.o`) is
 * left out.
 */
export async function readCompileLog(log: string, tree: string): Promise<CompiledObject[]> {
  const entries = await Promise.all(
    (await readdir(log)).map(async (name) => (await readFile(path.join(log, name), 'utf8')).split('\0').slice(0, -1)),
  );
  const objects = new Map<string, CompiledObject>();
  for (const [directory, ...words] of entries) {
    const compiled = directory === undefined ? undefined : describe(directory, words, tree);
    if (compiled === undefined) continue;
    const before = objects.get(compiled.object);
    const modules = [...new Set([...(before?.modules ?? []), ...compiled.modules])];
    const isAnother = compiled.modules.length > 0 && modules.length > compiled.modules.length;
    const compiledFor = isAnother ? modules : before?.compiledFor;
    objects.set(compiled.object, { ...compiled, modules, ...(compiledFor === undefined ? {} : { compiledFor }) });
  }
  return [...objects.values()].sort((a, b) => (a.object < b.object ? -1 : 1));
}

function describe(directory: string, words: readonly string[], tree: string): CompiledObject | undefined {
  const output = outputOf(words);
  const source = words.find((word, index) => /\.c$/.test(word) && !takesWord.has(words[index - 1] ?? ''));
  if (output === undefined || source === undefined) return undefined;
  const file = finalObject(path.resolve(directory, output));
  const object = path.relative(tree, file);
  const base = path.basename(object);
  if (object.startsWith('..') || base.endsWith('.mod.o') || base.startsWith('.')) return undefined;
  const sourceInTree = path.relative(tree, path.resolve(directory, source));
  return {
    object,
    file,
    source: sourceInTree.startsWith('..') ? source : sourceInTree,
    modules: modulesOf(words),
    directory,
    arguments: words,
  };
}

/** Options whose next word is a value, which may well end in `.c`. */
const takesWord = new Set(['-include', '-imacros', '-o', '-MF', '-MT', '-MQ', '-I', '-D', '-isystem']);

function outputOf(words: readonly string[]): string | undefined {
  const separate = words.lastIndexOf('-o');
  if (separate !== -1) return words[separate + 1];
  return words.findLast((word) => word.startsWith('-o') && word.endsWith('.o'))?.slice(2);
}

/** kbuild before v5.12 or so compiles to `.tmp_cm.o` and renames it, where symbols have checksums. */
function finalObject(file: string): string {
  return path.join(path.dirname(file), path.basename(file).replace(/^\.tmp_/, ''));
}

/**
 * kbuild says for which module it compiles: `-D__KBUILD_MODNAME=kmod_ib_mad`, before v5.9 only
 * `-DKBUILD_MODNAME="ib_mad"`; `a:b` for an object that two modules share (scripts/Makefile.lib, modname). It says so
 * also of objects that no module links, with the object's own name, but leaves out `-DMODULE`.
 */
function modulesOf(words: readonly string[]): string[] {
  if (!words.includes('-DMODULE')) return [];
  const name =
    words.findLast((word) => word.startsWith('-D__KBUILD_MODNAME=kmod_'))?.slice('-D__KBUILD_MODNAME=kmod_'.length) ??
    words.findLast((word) => word.startsWith('-DKBUILD_MODNAME='))?.slice('-DKBUILD_MODNAME='.length);
  return (name ?? '')
    .replaceAll('"', '')
    .split(':')
    .filter((module) => module !== '')
    .map(runningName);
}

const runningName = (module: string) => module.replaceAll(/[-,]/g, '_');
