/**
 * What is exported, by whom, and with which checksum: by the modules of this tree as they run, by other out-of-tree
 * modules, by the kernel. The lookup asks, kbuild is given a file of it, and the finished livepatch is held against it.
 */
import path from 'node:path';
import { diagnose } from '../diagnostics/catalogue.js';
import { type Diagnostic, KptoolError } from '../diagnostics/diagnostic.js';
import {
  type ExtraSymbols,
  type ExtraSymbolsPlaces,
  extraSymbolsOfMakefiles,
  findExtraSymbols,
  type MakefileWords,
} from '../kbuild/extra-symbols.js';
import { writeWorkFile } from '../kbuild/work-file.js';
import { exportedSymbols } from '../kernel/module-exports.js';
import type { ModuleFile } from '../kernel/module-file.js';
import { type ExportedSymbol, parseSymvers } from '../kernel/symvers.js';
import { layoutOf, type SymversLayout, symversText } from '../kernel/write-symvers.js';
import { readInput } from '../system/files.js';
import type { Target } from './target.js';
import type { TargetModule } from './target-modules.js';

/** The exports of other out-of-tree modules, and where kbuild was told of them. */
export interface ExtraSymvers {
  /** Each symbol once. */
  readonly entries: readonly ExportedSymbol[];
  /** Absolute paths of the files that were read. */
  readonly files: readonly string[];
  readonly places: ExtraSymbolsPlaces;
  readonly ofMakefiles: readonly MakefileWords[];
  readonly warnings: readonly Diagnostic[];
}

/** The kernel's `Module.symvers`, and the order of its columns. */
export interface KernelSymvers {
  readonly entries: readonly ExportedSymbol[];
  readonly layout: SymversLayout;
}

/** Throws `symvers-malformed` and what `readInput` throws. */
export async function readKernelSymvers(file: string): Promise<KernelSymvers> {
  const text = (await readInput(file)).toString('utf8');
  return { entries: parseSymvers(text, file), layout: layoutOf(text) };
}

/**
 * Reads the files that `--extra-symvers` names (`given`, absolute), then those of `KBUILD_EXTRA_SYMBOLS`. Of several
 * modules that export one name, the first counts, with a warning: only one of them can be loaded.
 * Throws `extra-symvers-missing` for all that are not there, `symvers-malformed`.
 */
export async function readExtraSymvers(
  given: readonly string[],
  places: ExtraSymbolsPlaces,
  kernel: readonly ExportedSymbol[],
): Promise<ExtraSymvers> {
  const ofMakefiles = await extraSymbolsOfMakefiles(places.tree);
  const named = [
    ...given.map((file) => ({ file, namedBy: '--extra-symvers or oot.extraSymvers', isOptional: false })),
    ...findExtraSymbols(places, ofMakefiles),
  ];
  const unique = named.filter(({ file }, index) => named.findIndex((other) => other.file === file) === index);
  const texts = await Promise.all(unique.map(async (source) => ({ ...source, text: await readIfThere(source.file) })));
  const missing = texts.filter(({ text, isOptional }) => text === undefined && !isOptional);
  if (missing.length > 0) throw new KptoolError(missing.map((source) => diagnose('extra-symvers-missing', source)));
  const files = texts.flatMap(({ file, text }) => (text === undefined ? [] : [{ file, text }]));
  const { entries, conflicts } = firstOfEach(files.flatMap(({ file, text }) => parseSymvers(text, file)));
  const warnings = conflicts.length === 0 ? [] : [diagnose('extra-symvers-conflict', { conflicts })];
  return {
    ...{ entries: withoutVmlinux(entries, kernel), files: files.map(({ file }) => file) },
    ...{ places, ofMakefiles, warnings },
  };
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return (await readInput(file)).toString('utf8');
  } catch (error) {
    if (error instanceof KptoolError && error.diagnostics.some(({ code }) => code === 'input-missing'))
      return undefined;
    throw error;
  }
}

/** The same module may come with several files; another one of the same export cannot be loaded beside it. */
function firstOfEach(all: readonly ExportedSymbol[]): {
  readonly entries: readonly ExportedSymbol[];
  readonly conflicts: { readonly symbol: string; readonly first: string; readonly other: string }[];
} {
  const first = new Map<string, ExportedSymbol>();
  const conflicts = [];
  for (const entry of all) {
    const known = first.get(entry.name);
    if (known === undefined) first.set(entry.name, entry);
    else if (known.moduleName !== entry.moduleName || known.crc !== entry.crc)
      conflicts.push({ symbol: entry.name, first: known.module, other: entry.module });
  }
  return { entries: [...first.values()], conflicts };
}

/**
 * All exports, those that count first: of the tree's modules as they run, of other trees, of the kernel. A tree that
 * rebuilds a module of the kernel exports the same names again, and so does one like OFED, whose `ib_core` takes the place
 * of the kernel's: what runs, and what the user names, is meant. modpost decides in the same way.
 */
export function knownExports(
  target: Pick<Target, 'modules' | 'extraSymvers' | 'symvers'>,
  targets: readonly TargetModule[],
  built: readonly ModuleFile[],
): ExportedSymbol[] {
  const { given, inTree, release } = target.modules.sources;
  const lying = inTree.filter((module) => module.release === release);
  const modules = new Map<string, ModuleFile>();
  for (const module of [...targets.map((found) => found.module), ...given, ...lying, ...built]) {
    if (!modules.has(module.name)) modules.set(module.name, module);
  }
  const ofTree = withoutVmlinux([...modules.values()].flatMap(exportedSymbols), target.symvers);
  return [...ofTree, ...target.extraSymvers.entries, ...target.symvers];
}

/** How kbuild is told of the other trees while this one is built; `undefined` where there are none. */
export async function extraSymbolsForTree(target: Target, folder: string): Promise<ExtraSymbols | undefined> {
  const extraSymbols = mergedExtraSymbols(target, folder);
  if (extraSymbols === undefined) return undefined;
  await writeWorkFile(extraSymbols.merged, symversText(target.extraSymvers.entries, target.symversLayout));
  return extraSymbols;
}

/** The same, without writing the file to `folder` that it names. */
export function mergedExtraSymbols({ extraSymvers }: Target, folder: string): ExtraSymbols | undefined {
  const { files, places, ofMakefiles } = extraSymvers;
  if (files.length === 0) return undefined;
  return { ...places, ofMakefiles, merged: path.join(folder, 'extra.symvers'), read: files };
}

/** The file that tells kbuild, when it links the livepatch, of everything that is not the kernel's. */
export async function writeSymversForModule(
  { symvers, symversLayout }: Pick<Target, 'symvers' | 'symversLayout'>,
  exports: readonly ExportedSymbol[],
  file: string,
): Promise<string> {
  const ofKernel = new Set(symvers);
  const { entries } = firstOfEach(exports.filter((entry) => !ofKernel.has(entry)));
  await writeWorkFile(file, symversText(entries, symversLayout));
  return file;
}

/** A name that vmlinux exports stops modpost ("exported twice"), and the module that exports it again cannot be loaded. */
function withoutVmlinux(entries: readonly ExportedSymbol[], kernel: readonly ExportedSymbol[]): ExportedSymbol[] {
  const ofVmlinux = new Set(kernel.filter(({ moduleName }) => moduleName === 'vmlinux').map(({ name }) => name));
  return entries.filter(({ name }) => !ofVmlinux.has(name));
}
