/**
 * Builds the livepatch module: its source and the diffed objects, linked by the kernel's own kbuild, so that version
 * magic, symbol checksums and module structure are the kernel's.
 */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { InstalledCompiler } from '../kernel/compiler.js';
import type { TargetKernel } from '../kernel/resolve.js';
import { runProgram } from '../system/run.js';
import { judge } from './make-output.js';
import { type Invocation, messageLanguage } from './make-steps.js';
import { objtoolSettings } from './objtool.js';
import { writeWorkFile } from './work-file.js';

export interface ModuleQuestion {
  /** Private folder with a path that kbuild can take; made anew. */
  readonly folder: string;
  /** The livepatch's name; the file is called so, the kernel replaces `-` by `_`. */
  readonly name: string;
  readonly kernel: TargetKernel;
  readonly compiler: InstalledCompiler;
  /** Objects in link order, as they shall be linked. `fileName` is for messages and tells which part it is. */
  readonly objects: readonly { readonly fileName: string; readonly bytes: Uint8Array }[];
  /** C source of the module's own part. */
  readonly source: string;
  readonly jobs: number;
  /** Absolute path of a `Module.symvers` with what out-of-tree modules export. */
  readonly extraSymvers?: string;
  /** Milliseconds for the call of make. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
}

/**
 * Links the module in one call of make and returns its path. The bytes depend on the inputs only, not on the folder. Throws
 * `livepatch-undefined-symbols` with the names, `livepatch-link-failed` for anything else that stops kbuild, and
 * `work-folder-unwritable` or `disk-full`.
 */
export async function buildLivepatchModule(question: ModuleQuestion): Promise<string> {
  const { folder, name, kernel } = question;
  await writeParts(question);
  const log = path.join(path.dirname(folder), `${path.basename(folder)}.log`);
  const result = await runProgram({
    ...moduleInvocation(question, await objtoolSettings(kernel.config, folder)),
    logFile: log,
    timeout: question.timeout,
    signal: question.signal,
    ...(question.onLine === undefined ? {} : { onLine: question.onLine }),
  });
  if (result.exitStatus === 0) return path.join(folder, `${name}.ko`);
  return judge({ kind: 'link', output: result.output, log });
}

/** The command that links the livepatch in `folder`. */
export function moduleInvocation(
  question: Pick<ModuleQuestion, 'folder' | 'kernel' | 'compiler' | 'jobs' | 'extraSymvers'>,
  objtool: readonly string[],
): Invocation {
  const { folder, kernel, compiler, jobs, extraSymvers } = question;
  return {
    program: 'make',
    arguments: [
      '-C',
      kernel.buildDirectory,
      `M=${folder}`,
      `-j${jobs}`,
      'modules',
      `CC=${compiler.command.join(' ')}`,
      `KCFLAGS=-ffile-prefix-map=${folder}=. -ffile-prefix-map=${folder}/=`,
      'CONFIG_DEBUG_INFO=',
      'CONFIG_DEBUG_INFO_BTF_MODULES=',
      ...objtool,
      // Also where it is empty: the variable in the environment was read, and is not meant twice.
      `KBUILD_EXTRA_SYMBOLS=${extraSymvers ?? ''}`,
    ],
    directory: folder,
    environment: messageLanguage,
  };
}

/**
 * The parts lie in a folder of their own, so that no livepatch name can collide with theirs. Objects are `_shipped`:
 * kbuild copies them and leaves them alone (Documentation/kbuild/makefiles.rst). modpost opens a `.cmd` file beside every
 * object for checksums of exports; a shipped object has none, so an empty one stands in.
 */
async function writeParts({ folder, name, objects, source }: ModuleQuestion): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const members = ['parts/livepatch.o', ...objects.map((_, index) => `parts/object-${index}.o`)];
  const write = (file: string, content: string | Uint8Array) => writeWorkFile(path.join(folder, file), content);
  await write('Kbuild', `obj-m := ${name}.o\n${name}-y := ${members.join(' ')}\n`);
  await write('parts/livepatch.c', source);
  for (const [index, { bytes, fileName }] of objects.entries()) {
    await write(`parts/object-${index}.o_shipped`, bytes);
    await write(`parts/.object-${index}.o.cmd`, `# ${fileName}\n`);
  }
}
