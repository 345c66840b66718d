/** The contributions of all objects made into one module: linked by the kernel's kbuild, finished and verified here. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { EntrySizes } from '../arch/arch.js';
import { type Diagnostic, KptoolError } from '../diagnostics/diagnostic.js';
import { tableEntrySizes } from '../diff/special-tables.js';
import { readElf } from '../elf/read.js';
import { writeElf } from '../elf/write.js';
import { buildLivepatchModule } from '../kbuild/module.js';
import type { ExportedSymbol } from '../kernel/symvers.js';
import { encodeIntermediate } from '../livepatch/encode-intermediate.js';
import { type ExposedCallback, exposeCallbacks } from '../livepatch/expose-callbacks.js';
import { type ExposedFunction, exposeReplacements } from '../livepatch/expose-replacements.js';
import { finishModule } from '../livepatch/finish.js';
import { scopeGlobals, unscopeGlobals } from '../livepatch/module-scopes.js';
import { moduleSource } from '../livepatch/module-source.js';
import { kernelModuleName } from '../livepatch/names.js';
import { verifyModule } from '../livepatch/verify.js';
import { indexExports } from '../lookup/exports.js';
import type { WorkFolder } from '../system/work-folder.js';
import type { Contribution } from './compare-objects.js';
import { writeSymversForModule } from './known-exports.js';
import type { BuildOptions } from './options.js';
import type { Target } from './target.js';
import type { TargetModule } from './target-modules.js';
import { workPlaces } from './work-places.js';

export interface LinkQuestion {
  readonly name: string;
  readonly contributions: readonly Contribution[];
  readonly targets: readonly TargetModule[];
  /** See `knownExports`. */
  readonly exports: readonly ExportedSymbol[];
  readonly options: BuildOptions;
  readonly target: Target;
  readonly entrySizes: EntrySizes;
  readonly work: WorkFolder;
  readonly report: (text: string) => void;
}

/** Links the module with kbuild; its livepatch parts are still in the intermediate format. */
export async function linkLivepatch(question: LinkQuestion): Promise<Uint8Array> {
  const { name, contributions, exports, options, target, work, report } = question;
  const folder = await work.step(3, 'diff');
  const exposed: ExposedFunction[] = [];
  const callbacks: ExposedCallback[] = [];
  const objects: { fileName: string; bytes: Uint8Array }[] = [];
  scopeGlobals(contributions.map(({ module, diff }) => ({ module, object: diff.object })));
  for (const [number, { object, module, diff, parts }] of contributions.entries()) {
    exposed.push(...exposeReplacements(diff.object, parts.functions, number));
    callbacks.push(...exposeCallbacks(diff.object, parts.callbacks, number));
    encodeIntermediate(diff.object, parts, diff.arch.absolute64);
    const bytes = writeElf(diff.object);
    const file = path.join(folder, module, object);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, bytes);
    // Whoever looks at the object from here on, the verification for one, means the symbols by their own names.
    unscopeGlobals(diff.object);
    objects.push({ fileName: `${module}/${object}`, bytes });
  }
  const namespaces = importedNamespaces(contributions, exports);
  return buildLivepatchModule({
    folder: await work.step(4, 'module'),
    name,
    kernel: target.kernel,
    compiler: target.compiler,
    objects,
    source: moduleSource({ name, replace: options.replace, functions: exposed, callbacks, namespaces }),
    extraSymvers: await writeSymversForModule(
      target,
      importable(exports, contributions),
      workPlaces(work.path).symvers,
    ),
    jobs: options.jobs,
    signal: options.signal,
    onLine: (line) => report(line.trim()),
  });
}

/** What a patched module exports is not there yet when the livepatch is loaded. */
function importable(exports: readonly ExportedSymbol[], contributions: readonly Contribution[]): ExportedSymbol[] {
  const patched = new Set(contributions.map(({ module }) => module));
  return exports.filter(({ moduleName }) => !patched.has(moduleName));
}

/** The namespaces of what the objects import in the ordinary way; the module loader refuses a module that does not name them. */
function importedNamespaces(contributions: readonly Contribution[], exports: readonly ExportedSymbol[]): string[] {
  const known = indexExports(exports);
  const imported = contributions
    .flatMap(({ diff }) => diff.object.symbols)
    .filter(({ place }) => place === 'undefined')
    .map(({ name }) => known.find(name)?.namespace ?? '');
  return [...new Set(imported)].filter((namespace) => namespace !== '').sort();
}

/**
 * Writes the klp relocations and symbols, and proves the result.
 * @throws KptoolError with what the verification finds
 */
export function finishLivepatch(
  linked: Uint8Array,
  { name, contributions, targets, exports, target, entrySizes }: LinkQuestion,
): { bytes: Uint8Array; warnings: readonly Diagnostic[] } {
  const arch = contributions[0]?.diff.arch;
  if (arch === undefined) throw new RangeError('a livepatch without contributions');
  // What the kernel accepted once it will accept again.
  const vermagic = targets.find(({ wasSeen }) => wasSeen)?.module.vermagic;
  const bytes = writeElf(finishModule(readElf(linked, `${name}.ko`), arch));
  const findings = verifyModule(readElf(bytes, `${name}.ko`), {
    machine: target.kernel.architecture.machine,
    name: kernelModuleName(name),
    release: target.kernel.release,
    ...(vermagic === undefined ? {} : { vermagic }),
    // The first of a name counts, and of a map's entries the last.
    exports: new Map(
      importable(exports, contributions)
        .reverse()
        .map(({ name: symbol, crc }) => [symbol, crc]),
    ),
    functions: contributions.flatMap(({ parts }) =>
      parts.functions.map(({ object, name: functionName, sympos }) => ({ object, name: functionName, sympos })),
    ),
    callbacks: contributions.flatMap(({ parts }) =>
      parts.callbacks.map(({ object, kind, symbol }) => ({ object, kind, name: symbol.name })),
    ),
    entrySizes: tableEntrySizes(arch, entrySizes),
    rules: arch,
  });
  if (findings.some(({ severity }) => severity === 'error')) throw new KptoolError(findings);
  return { bytes, warnings: findings };
}
