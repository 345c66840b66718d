/**
 * The inputs of the steps `diff` and `finish` as a bundle carries them: into files and JSON, and back. What comes back is
 * what the steps take, so that a replay runs the same code as a build.
 */
import { readFile } from 'node:fs/promises';
import { readImage } from '../../elf/image.js';
import type { ModuleObjects } from '../../kbuild/module-objects.js';
import { parseKernelConfig } from '../../kernel/config.js';
import { KernelCode } from '../../kernel/kernel-code.js';
import { type ModuleFile, moduleFromImage } from '../../kernel/module-file.js';
import { type ExportedSymbol, parseSymvers } from '../../kernel/symvers.js';
import { symversText } from '../../kernel/write-symvers.js';
import type { NamePatterns } from '../../lookup/drifting-names.js';
import { nameRules } from '../../lookup/drifting-names.js';
import { type TargetTable, tableOfImage } from '../../lookup/symbol-table.js';
import { tableOfText, tableText } from '../../lookup/table-text.js';
import type { ResolvedPatch } from '../../patch/check.js';
import { patchIn } from '../../patch/read.js';
import type { CompareInput } from '../compare-step.js';
import type { FinishInput } from '../finish-livepatch.js';
import type { RebuiltModule } from '../rebuild.js';
import { vmlinuxTarget } from '../target-modules.js';
import type { BundleFiles } from './bundle-files.js';
import { lightModule } from './light-module.js';
import type { Manifest, ManifestInput } from './manifest.js';

/** What a build knows of its comparison. */
export interface ComparisonEvidence {
  readonly input: CompareInput;
  readonly names: NamePatterns;
  /** By module: what a rebuild gave, where one was asked for. */
  readonly rebuilt: ReadonlyMap<string, RebuiltModule | undefined>;
}

type BundledComparison = NonNullable<ManifestInput['comparison']>;

/** Puts the objects of both sides, the targets and the exports that matter into the bundle. */
export async function bundleComparison(
  { input, names, rebuilt }: ComparisonEvidence,
  bundle: BundleFiles,
): Promise<{ readonly comparison: BundledComparison; readonly exports: string }> {
  const known = new Set<string>();
  const object = async (side: string, name: string, file: string) => {
    const bytes = await readFile(file);
    for (const symbol of readImage(bytes, name).symbols) known.add(symbol.name);
    return bundle.binary(`${side}/${name}`, bytes);
  };
  const module = (folder: string, { name, path, image }: ModuleFile) => ({
    path: bundle.anonymiser.text(path),
    file: bundle.binary(`${folder}/${name}.ko`, lightModule(image.bytes, path)),
  });
  // Of vmlinux there are symbols, and the pages of its code that the comparison has seen.
  const vmlinux = (symbols: TargetTable, code: KernelCode | undefined) => ({
    path: bundle.anonymiser.text(symbols.fileName),
    file: bundle.binary('targets/vmlinux.json', Buffer.from(tableText(symbols))),
    isTable: true as const,
    ...(code === undefined ? {} : { code: bundle.binary('targets/vmlinux.code', code.packPagesRead()) }),
  });
  const pairs: BundledComparison['pairs'] = [];
  for (const { object: name, modules, original, patched } of input.pairs) {
    pairs.push({
      object: name,
      modules: [...modules],
      ...(original === undefined ? {} : { original: await object('original', name, original) }),
      patched: await object('patched', name, patched),
    });
  }
  const comparison = {
    pairs,
    targets: input.targets.map(({ name, chosenBy, wasSeen, ...target }) => ({
      ...{ name, wasSeen, chosenBy: bundle.anonymiser.text(chosenBy) },
      ...(target.table === undefined ? module('targets', target.module) : vmlinux(target.table, target.code)),
    })),
    built: input.built.map((one) => module('built', one)),
    rebuilt: [...rebuilt].map(([name, answer]) => ({
      module: name,
      ...(answer === undefined ? {} : { file: bundle.binary(`rebuilt/${name}.ko`, lightModule(answer.bytes, name)) }),
      objects: answer === undefined ? [] : linkOrders(answer.objects, bundle),
    })),
    linked: linkOrders(input.linked, bundle),
    versions: { original: [...input.versions.original], patched: [...input.versions.patched] },
    entrySizes: { ...input.entrySizes },
    explain: input.explain,
    names: { drifting: [...(names.drifting ?? [])], companions: [...(names.companions ?? [])] },
    release: input.verification.kernel.release,
    skipCheck: input.verification.skipCheck,
    skipCompilerCheck: input.verification.skipCompilerCheck,
    touched: {
      ...input.touched,
      functions: [...input.touched.functions],
      headerFunctions: [...input.touched.headerFunctions],
      users: [...input.touched.users],
    },
    rules: [...input.rules],
  };
  return { comparison, exports: bundleExports('diff/Module.symvers', input.exports, known, bundle) };
}

/** Objects outside the tree stand there with their whole paths. */
function linkOrders(modules: readonly ModuleObjects[], { anonymiser }: BundleFiles): BundledComparison['linked'] {
  return modules.map(({ file, module, objects }) => ({ file, module, objects: anonymiser.value([...objects]) }));
}

/** Puts what kbuild linked into the bundle, and the exports that it may import. */
export function bundleFinish(
  input: FinishInput,
  bundle: BundleFiles,
): { readonly finish: NonNullable<ManifestInput['finish']>; readonly exports: string } {
  const { name, linked, machine, release, vermagic, functions, callbacks, entrySizes } = input;
  const known = new Set(readImage(linked, name).symbols.map((symbol) => symbol.name));
  return {
    finish: {
      linked: bundle.binary(`module/${name}.ko`, linked),
      ...{ machine, release, functions: [...functions], callbacks: [...callbacks], entrySizes: { ...entrySizes } },
      ...(vermagic === undefined ? {} : { vermagic }),
    },
    exports: bundleExports('finish/Module.symvers', input.exports, known, bundle),
  };
}

/** Of 25,000 exports, those that a symbol of the objects is called after. */
function bundleExports(
  path: string,
  exports: readonly ExportedSymbol[],
  known: ReadonlySet<string>,
  bundle: BundleFiles,
): string {
  const relevant = exports.filter(({ name }) => known.has(name));
  return bundle.text(path, symversText(relevant, 'namespace last'));
}

/** Gives the content of a file of the bundle. Throws where it is not there. */
export type ReadFile = (path: string) => Buffer;

/**
 * The input of the step `diff` out of a bundle; `placeOf` gives a path from which a file of it can be read. Throws `elf-*` and
 * what else the readers of its parts throw.
 */
export function comparisonOf(
  manifest: Manifest,
  read: ReadFile,
  placeOf: (path: string) => string,
): CompareInput | undefined {
  const { comparison: known, exports, kernel } = manifest;
  if (known === undefined) return undefined;
  const module = ({ path, file }: { readonly path: string; readonly file: string }) =>
    moduleFromImage(readImage(read(file), path), path);
  const { release, skipCheck, skipCompilerCheck } = known;
  const config = parseKernelConfig(kernel.config === undefined ? '' : read(kernel.config).toString('utf8'));
  return {
    pairs: known.pairs.map(({ object, modules, original, patched }) => ({
      ...{ object, modules, patched: placeOf(patched) },
      original: original === undefined ? undefined : placeOf(original),
    })),
    targets: known.targets.map(({ name, chosenBy, wasSeen, isTable, ...target }) => {
      if (isTable === undefined) return { name, chosenBy, wasSeen, module: module(target) };
      const symbols = tableOfText(read(target.file).toString('utf8'), target.path);
      const code = target.code === undefined ? undefined : KernelCode.unpack(read(target.code));
      return { ...vmlinuxTarget(symbols, { release, chosenBy, code }, exportsOf(exports.diff, read)), wasSeen };
    }),
    built: known.built.map(module),
    linked: known.linked,
    findRebuild: async (name) => {
      const answer = known.rebuilt.find((one) => one.module === name);
      if (answer?.file === undefined) return undefined;
      const { objects, file } = answer;
      const bytes = read(file);
      return { objects, bytes, table: tableOfImage(readImage(bytes, name)) };
    },
    exports: exportsOf(exports.diff, read),
    entrySizes: known.entrySizes,
    explain: known.explain,
    names: nameRules(known.names),
    verification: { kernel: { release, config }, skipCheck, skipCompilerCheck },
    // What depended on the kernel's own list is worded again, see `isOfMachine`.
    findKernelSeals: async () => ({ has: () => false }),
    versions: { original: new Map(known.versions.original), patched: new Map(known.versions.patched) },
    patches: manifest.patches.map((patch) => patchOf(patch, read)),
    touched: {
      ...known.touched,
      functions: new Set(known.touched.functions),
      headerFunctions: new Set(known.touched.headerFunctions),
      users: new Set(known.touched.users),
    },
    rules: new Map(known.rules),
  };
}

/** The input of the step `finish` out of a bundle. */
export function finishOf({ name, finish, exports }: Manifest, read: ReadFile): FinishInput | undefined {
  if (finish === undefined) return undefined;
  const { vermagic, linked, ...rest } = finish;
  return { ...rest, name, vermagic, linked: read(linked), exports: exportsOf(exports.finish, read) };
}

function exportsOf(file: string | undefined, read: ReadFile): ExportedSymbol[] {
  return file === undefined ? [] : parseSymvers(read(file).toString('utf8'), file);
}

/** The patch as it was fitted to the tree: which of its files is which of the tree is known. */
function patchOf({ file, path, strip, files }: Manifest['patches'][number], read: ReadFile): ResolvedPatch {
  const patch = patchIn(read(file), path);
  const fitted = files.flatMap(([index, inTree]) => {
    const change = patch.files[index];
    return change === undefined ? [] : [{ path: inTree, change }];
  });
  return { patch, strip, isStripGiven: false, files: fitted, findings: [] };
}
