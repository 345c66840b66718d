/**
 * What a livepatch for a kernel tree is for: vmlinux and the modules of the kernel package, built from one source. The
 * source is copied and prepared before the patches are read, since they are held against it.
 */
import { KptoolError } from '../diagnostics/diagnostic.js';
import { openPreparedKernel } from '../kbuild/prepared-kernel.js';
import { requireBuildPrograms } from '../kernel/build-programs.js';
import { checkCompiler } from '../kernel/compiler.js';
import { checkSourceVersion, findKernelSource } from '../kernel/kernel-source.js';
import { checkTargetRules } from '../kernel/livepatch-options.js';
import { readModuleFile } from '../kernel/module-file.js';
import { resolveKernel } from '../kernel/resolve.js';
import { type KernelSymbols, readKernelSymbols } from '../kernel/vmlinux-symbols.js';
import { type TargetTable, tableOfImage } from '../lookup/symbol-table.js';
import { parseSystemMap } from '../lookup/system-map.js';
import { allOrFindings } from './all-findings.js';
import { readKernelSymvers } from './known-exports.js';
import type { BuildOptions } from './options.js';
import type { Progress } from './progress.js';
import { applyRuleLevels } from './rule-levels.js';
import type { Target } from './target.js';
import { TargetModules, vmlinuxTarget } from './target-modules.js';

/**
 * Throws what `readModuleFile`, `resolveKernel`, `checkCompiler`, `findKernelSource`, `openPreparedKernel` and
 * `readKernelSymbols` throw, and `kernel-source-differs`. The target is to be closed.
 */
export async function resolveKernelTarget(options: BuildOptions, progress: Progress): Promise<Target> {
  const { signal, cache, makeArguments, jobs, timeout, skipCompilerCheck } = options;
  const found = await progress.step('Resolving the target', async () => {
    const given = await Promise.all(options.modules.map(readModuleFile));
    const kernel = await resolveKernel({
      requested: options.kernel,
      configured: options.configuredKernel,
      buildDirectory: options.buildDirectory,
      modules: given,
    });
    const [checked, source, symbols] = await allOrFindings([
      checkCompiler({ kernel, makeArguments, modules: given, skipCheck: skipCompilerCheck, signal }),
      findKernelSource({ ...options.kernelSource, release: kernel.release, cache }),
      readKernelSymbols({ ...kernel, given: options.vmlinux, cache }),
      requireBuildPrograms(makeArguments),
    ]);
    return { given, kernel, ...checked, source, symbols };
  });
  const { given, kernel, compiler, source, symbols } = found;
  const { entries: symvers, layout: symversLayout } = await readKernelSymvers(kernel.symversPath);

  const prepared = await progress.step('Preparing the kernel source', (report) =>
    openPreparedKernel({ source, kernel, compiler, makeArguments, cache, jobs, timeout, signal, onLine: report }),
  );
  try {
    const differing = await checkSourceVersion({ ...kernel, tree: prepared.tree, source: source.path });
    if (differing !== undefined && !options.skipTargetCheck) throw new KptoolError([differing]);
    const modules = new TargetModules({
      given,
      inTree: [],
      release: kernel.release,
      kernelModules: new Set(symvers.map(({ moduleName }) => moduleName)),
      vmlinux: vmlinuxTarget(
        tableOf(symbols),
        { release: kernel.release, chosenBy: symbols.kind, code: symbols.code },
        symvers,
      ),
    });
    const places = { tree: prepared.tree, buildDirectory: kernel.buildDirectory, release: kernel.release, steps: [] };
    return {
      ...{ kernel, compiler, symvers, symversLayout, modules, place: source.path, tree: prepared.tree, prepared },
      extraSymvers: {
        entries: [],
        files: [],
        places: { ...places, chosenBy: source.chosenBy, makeArguments, environment: '' },
        ofMakefiles: [],
        warnings: [],
      },
      plan: { steps: [], chosenBy: source.chosenBy, expectedModules: [] },
      findings: [
        ...applyRuleLevels(checkTargetRules(kernel), options.rules),
        ...found.warnings,
        ...(differing === undefined ? [] : [{ ...differing, severity: 'warning' as const }]),
      ],
    };
  } catch (error) {
    await prepared.close();
    throw error;
  }
}

function tableOf({ file, image, map }: KernelSymbols): TargetTable {
  return image === undefined ? parseSystemMap(map, file) : tableOfImage(image);
}
