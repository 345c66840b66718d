/**
 * Which compiler builds the objects, and whether it is the one that built the target. Another compiler inlines and names
 * differently, so that functions which the patch does not touch would differ from those that run.
 */
import path from 'node:path';
import { diagnose, fail } from '../diagnostics/catalogue.js';
import { type Diagnostic, KptoolError } from '../diagnostics/diagnostic.js';
import { type Distribution, thisDistribution } from '../system/distribution.js';
import { findProgram } from '../system/find-program.js';
import { howToInstall, installCommand, packageOf } from '../system/packages.js';
import { runProgram } from '../system/run.js';
import { compilesFor, type KernelArchitecture } from './architectures.js';
import type { KernelConfig } from './config.js';
import type { ModuleFile } from './module-file.js';

/** What the kernel was built with. */
export interface KernelCompiler {
  /** `gcc-12`, `clang` */
  readonly program: string;
  /** `CONFIG_CC_VERSION_TEXT`, the first line of the compiler's `--version`; `''` where the configuration has none. */
  readonly versionText: string;
}

/** What will compile. */
export interface InstalledCompiler {
  /** Program and leading arguments: `['gcc-12']`, `['ccache', 'gcc-12']`. */
  readonly command: readonly string[];
  /** First line of its `--version`. */
  readonly versionText: string;
}

export interface CompilerQuestion {
  readonly kernel: {
    readonly release: string;
    readonly compiler: KernelCompiler;
    /** Without it any CPU will do. */
    readonly architecture?: Pick<KernelArchitecture, 'name'>;
  };
  /** `VAR=VALUE` for every make; a `CC=` among them names the compiler. */
  readonly makeArguments: readonly string[];
  readonly modules: readonly ModuleFile[];
  /** A difference becomes a warning. */
  readonly skipCheck: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The compiler that the configuration names: the first word of `CONFIG_CC_VERSION_TEXT` (`gcc-12 (Debian 12.2.0-14)
 * 12.2.0`), or clang, whose text does not begin with the program (`Debian clang version 14.0.6`). Kernels before 4.20
 * have no such text; they were built with gcc.
 */
export function compilerOfConfig(config: KernelConfig): KernelCompiler {
  const versionText = config.value('CONFIG_CC_VERSION_TEXT') ?? '';
  if (/\bclang version\b/.test(versionText)) return { program: 'clang', versionText };
  return { program: versionText.split(' ')[0] || 'gcc', versionText };
}

/**
 * Finds the compiler and compares it with what built the kernel and the modules. Returns warnings beside it: a compiler
 * that differs in the distribution's revision only (`compiler-revision-differs`), and with `skipCheck` every difference.
 * Throws `compiler-missing`, `compiler-other-machine` and `compiler-differs`.
 */
export async function checkCompiler(
  question: CompilerQuestion,
): Promise<{ readonly compiler: InstalledCompiler; readonly warnings: readonly Diagnostic[] }> {
  const { kernel, makeArguments, modules, skipCheck } = question;
  const command = commandFor(kernel.compiler, makeArguments);
  const versionText = await askVersion(command, question);
  await checkMachine(command, question);
  const targets = [
    { target: `kernel ${kernel.release}`, text: kernel.compiler.versionText },
    ...modules.flatMap((module) =>
      module.compilerComments.map((text) => ({ target: path.basename(module.path), text })),
    ),
  ];
  const findings = targets.flatMap(({ target, text }) => compare(command.join(' '), versionText, target, text));
  const errors = findings.filter((finding) => finding.severity === 'error');
  if (errors.length > 0 && !skipCheck) throw new KptoolError(errors);
  return {
    compiler: { command, versionText },
    warnings: findings.map((finding) => ({ ...finding, severity: 'warning' })),
  };
}

/** `CC=` of the last make argument that has one, as make takes it; else the kernel's own. */
function commandFor(compiler: KernelCompiler, makeArguments: readonly string[]): readonly string[] {
  const given = makeArguments.findLast((argument) => /^CC:?=/.test(argument));
  const words = given
    ?.replace(/^CC:?=/, '')
    .split(/\s+/)
    .filter((word) => word !== '');
  return words === undefined || words.length === 0 ? [compiler.program] : words;
}

async function askVersion(command: readonly string[], { kernel, signal }: CompilerQuestion): Promise<string> {
  const [program = '', ...leading] = command;
  for (const word of [program, ...leading.filter((word) => !word.startsWith('-'))]) {
    if ((await findProgram(word)) === undefined) {
      fail('compiler-missing', { program: word, install: howToInstall(word), ...builtWith(kernel) });
    }
  }
  const result = await runProgram({ program, arguments: [...leading, '--version'], directory: '/', signal });
  const [firstLine] = result.stdout.split('\n');
  if (result.exitStatus !== 0 || firstLine === undefined || firstLine === '') {
    fail('compiler-missing', { program: command.join(' '), install: howToInstall(program), ...builtWith(kernel) });
  }
  return firstLine;
}

/**
 * A compiler for another CPU has the same version, and fails on the first file only. clang is all compilers in one, by
 * options that kbuild passes, and what does not answer with a machine (`x86_64-linux-gnu`) is not judged.
 */
async function checkMachine(command: readonly string[], { kernel, signal }: CompilerQuestion): Promise<void> {
  const { architecture, compiler, release } = kernel;
  if (architecture === undefined || compiler.program === 'clang') return;
  const [program = '', ...leading] = command;
  const call = { program, arguments: [...leading, '-dumpmachine'], directory: '/', signal };
  const { stdout } = await runProgram(call);
  const machine = /^([a-z0-9_]+)-[a-z0-9_.-]+$/.exec(stdout.trim())?.[1];
  if (machine === undefined || compilesFor(architecture, machine)) return;
  const details = { program: command.join(' '), machine, release, architecture: architecture.name };
  fail('compiler-other-machine', details);
}

const builtWith = ({ release, compiler }: CompilerQuestion['kernel']) => ({
  release,
  versionText: compiler.versionText,
});

export interface CompilerIdentity {
  readonly vendor: 'gcc' | 'clang';
  /** `12.2.0` */
  readonly version: string;
  /** What stands in parentheses, `Debian 12.2.0-14+deb12u1`, or the words before `clang`. */
  readonly revision: string;
}

/**
 * Takes apart what compilers say of themselves, in `--version` and in `.comment`:
 * `gcc-12 (Debian 12.2.0-14) 12.2.0`, `gcc (GCC) 11.4.1 20230605 (Red Hat 11.4.1-2)`, `GCC: (Debian 12.2.0-14) 12.2.0`,
 * `Debian clang version 14.0.6`. Returns `undefined` for others, such as `rustc version 1.78.0`.
 */
export function compilerIdentity(text: string): CompilerIdentity | undefined {
  const clang = /^(?<revision>.*?)\bclang version (?<version>\d+\.\d+\.\d+)/.exec(text)?.groups;
  if (clang !== undefined) {
    return { vendor: 'clang', version: clang.version ?? '', revision: (clang.revision ?? '').trim() };
  }
  if (!/\b(gcc|cc)\b/i.test(text.split('(')[0] ?? '')) return undefined;
  const version = /\d+\.\d+\.\d+/.exec(text.replaceAll(/\([^()]*\)/g, ' '))?.[0];
  if (version === undefined) return undefined;
  // `(GCC)` of --version and `(GNU)` of .comment are the same compiler's name for itself.
  const revision = [...text.matchAll(/\((?!GCC\)|GNU\))([^()]*)\)/g)].map((match) => match[1]).join(' ');
  return { vendor: 'gcc', version, revision };
}

function compare(program: string, installedText: string, target: string, targetText: string): Diagnostic[] {
  const installed = compilerIdentity(installedText);
  const built = compilerIdentity(targetText);
  // A module written in part in another language carries that compiler's signature too; it says nothing about C.
  if (built === undefined) return [];
  const install = howToInstallCompiler(built);
  const details = { program, installed: installedText, target, built: targetText, install };
  if (installed === undefined || installed.vendor !== built.vendor || installed.version !== built.version) {
    return [diagnose('compiler-differs', details)];
  }
  return installed.revision === built.revision ? [] : [diagnose('compiler-revision-differs', details)];
}

/**
 * What to type for a compiler of that version: its package where there is one a major version, and on the distribution
 * that made it the very revision (`gcc-12=12.2.0-14`). `undefined` where the distribution has one version only. Throws nothing.
 */
export function howToInstallCompiler(
  { vendor, version, revision }: CompilerIdentity,
  { name, family }: Distribution = thisDistribution(),
): string | undefined {
  // Fedora's and Red Hat's have the version in the package's version, and dnf takes both together.
  if (family === 'fedora') return installCommand([`${vendor}-${version}`], family);
  const [maker = '', exact = ''] = revision.split(' ');
  const ofMajor = packageOf(`${vendor}-${version.split('.')[0]}`, family);
  const isItsOwn = family === 'debian' && vendor === 'gcc' && exact !== '' && name.startsWith(maker);
  return installCommand([isItsOwn ? `${ofMajor}=${exact}` : ofMajor], family);
}
