/** The programs that a build runs besides the compiler, and whether this machine has them. */
import { diagnose } from '../diagnostics/catalogue.js';
import { KptoolError } from '../diagnostics/diagnostic.js';
import { findProgram } from '../system/find-program.js';
import { howToInstall } from '../system/packages.js';

export interface BuildProgram {
  readonly name: string;
  readonly purpose: string;
}

/**
 * By what was seen to run in builds for Debian's 6.1 and 6.12. Binutils' are called by the prefix that `CROSS_COMPILE=` gives
 * them; `LLVM=` puts clang's in their place, and `LD=` a linker.
 */
export function buildPrograms(makeArguments: readonly string[]): BuildProgram[] {
  const value = (variable: string) =>
    makeArguments.findLast((argument) => argument.startsWith(`${variable}=`))?.slice(variable.length + 1) ?? '';
  const prefix = value('CROSS_COMPILE');
  const linker = value('LD') || (value('LLVM') === '' ? `${prefix}ld` : 'ld.lld');
  const binutils = value('LLVM') === '' ? ['as', 'nm'].map((name) => `${prefix}${name}`) : [];
  return [
    { name: 'make', purpose: 'runs the kernel’s build system' },
    { name: 'patch', purpose: 'applies the patches' },
    { name: linker, purpose: 'links modules' },
    ...binutils.map((name) => ({ name, purpose: 'is run by the kernel’s build system' })),
    { name: 'awk', purpose: 'is run by the kernel’s build system' },
  ];
}

/** Throws `program-missing` for every one that is not there, all at once. */
export async function requireBuildPrograms(makeArguments: readonly string[]): Promise<void> {
  const programs = buildPrograms(makeArguments);
  const found = await Promise.all(programs.map(({ name }) => findProgram(name)));
  const missing = programs.filter((_, index) => found[index] === undefined);
  if (missing.length === 0) return;
  throw new KptoolError(
    missing.map(({ name }) => diagnose('program-missing', { program: name, install: howToInstall(name) })),
  );
}
