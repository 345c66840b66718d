/** The step `module`: the contributions of all objects made into one module, which the kernel's kbuild links. */
import path from 'node:path';
import { writeElf } from '../elf/write.js';
import { buildLivepatchModule } from '../kbuild/module.js';
import { writeWorkFile } from '../kbuild/work-file.js';
import type { ExportedSymbol } from '../kernel/symvers.js';
import { encodeIntermediate } from '../livepatch/encode-intermediate.js';
import { type ExposedCallback, exposeCallbacks } from '../livepatch/expose-callbacks.js';
import { type ExposedFunction, exposeReplacements } from '../livepatch/expose-replacements.js';
import { scopeGlobals, unscopeGlobals } from '../livepatch/module-scopes.js';
import { moduleSource } from '../livepatch/module-source.js';
import { VMLINUX } from '../livepatch/names.js';
import { indexExports } from '../lookup/exports.js';
import { hashFile } from '../system/hash.js';
import type { WorkFolder } from '../system/work-folder.js';
import { makeStepFolder } from './build-steps.js';
import type { Contribution } from './compare-objects.js';
import { writeSymversForModule } from './known-exports.js';
import type { BuildOptions } from './options.js';
import { hashOf, type StepInputs } from './step-stamps.js';
import type { Target } from './target.js';
import { workPlaces } from './work-places.js';

export interface LinkQuestion {
  readonly name: string;
  readonly contributions: readonly Contribution[];
  /** See `knownExports`. */
  readonly exports: readonly ExportedSymbol[];
  readonly options: BuildOptions;
  readonly target: Target;
}

/** What kbuild links the module from. */
export interface LivepatchSources {
  /** In link order; their livepatch parts are in the intermediate format. */
  readonly objects: readonly { readonly fileName: string; readonly bytes: Uint8Array }[];
  /** C source of the module's own part. */
  readonly source: string;
  /** What modules export to it, without those that it patches: they are not there yet when it is loaded. */
  readonly exports: readonly ExportedSymbol[];
}

/** Brings the contributions into the form that they are linked in. */
export function livepatchSources({ name, contributions, exports, options }: LinkQuestion): LivepatchSources {
  const exposed: ExposedFunction[] = [];
  const callbacks: ExposedCallback[] = [];
  const objects: { fileName: string; bytes: Uint8Array }[] = [];
  scopeGlobals(contributions.map(({ module, diff }) => ({ module, object: diff.object })));
  for (const [number, { object, module, diff, parts }] of contributions.entries()) {
    exposed.push(...exposeReplacements(diff.object, parts.functions, number));
    callbacks.push(...exposeCallbacks(diff.object, parts.callbacks, number));
    encodeIntermediate(diff.object, parts, diff.arch.absolute64);
    objects.push({ fileName: `${module}/${object}`, bytes: writeElf(diff.object) });
    // Whoever looks at the object from here on, the verification for one, means the symbols by their own names.
    unscopeGlobals(diff.object);
  }
  const namespaces = importedNamespaces(contributions, exports);
  const source = moduleSource({ name, replace: options.replace, functions: exposed, callbacks, namespaces });
  return { objects, source, exports: importable(exports, contributions) };
}

/** Everything that the link depends on. Throws what reading the kernel's files throws. */
export async function linkInputs({ target }: LinkQuestion, sources: LivepatchSources): Promise<StepInputs> {
  const { kernel, compiler } = target;
  return {
    ...Object.fromEntries(sources.objects.map(({ fileName, bytes }) => [`the object ${fileName}`, hashOf(bytes)])),
    'the source of the livepatch': hashOf(sources.source),
    'the exports of modules': hashOf(JSON.stringify(sources.exports)),
    'the kernel': `${kernel.release} ${kernel.buildDirectory}`,
    'the configuration of the kernel': await hashFile(path.join(kernel.buildDirectory, '.config')),
    'the compiler': [...compiler.command, compiler.versionText].join(' '),
  };
}

/**
 * Links the module with kbuild in `folder`, and returns the path of what came out.
 * @throws KptoolError with what `buildLivepatchModule` throws
 */
export async function linkLivepatch(
  { name, options, target }: LinkQuestion,
  sources: LivepatchSources,
  { work, folder, report }: { work: WorkFolder; folder: string; report: (text: string) => void },
): Promise<string> {
  for (const { fileName, bytes } of sources.objects) {
    await writeWorkFile(path.join(await makeStepFolder(work, 'diff'), fileName), bytes);
  }
  return buildLivepatchModule({
    folder,
    name,
    kernel: target.kernel,
    compiler: target.compiler,
    objects: sources.objects,
    source: sources.source,
    extraSymvers: await writeSymversForModule(target, sources.exports, workPlaces(work.path).symvers),
    jobs: options.jobs,
    timeout: options.timeout,
    signal: options.signal,
    onLine: (line) => report(line.trim()),
  });
}

/** What a patched module exports is not there yet when the livepatch is loaded; the kernel itself always is. */
function importable(exports: readonly ExportedSymbol[], contributions: readonly Contribution[]): ExportedSymbol[] {
  const patched = new Set(contributions.map(({ module }) => module));
  patched.delete(VMLINUX);
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
