/**
 * Checksums of exported symbols: whether the patch changed a type that other modules were built with. A module that was
 * built against the old type would hand the new code what it does not expect.
 */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { ExportTypes } from '../diff/type-changes.js';
import { groupBy } from '../elf/grouped.js';
import { readImage } from '../elf/image.js';
import type { CompiledObject } from '../kbuild/compiler-wrapper.js';
import { versionsInCommandFile } from '../kbuild/symbol-versions.js';
import { checksumsOf } from '../kernel/module-exports.js';
import type { ResolvedPatch } from '../patch/check.js';
import { readInput } from '../system/files.js';
import type { TargetModule } from './target-modules.js';

/** The checksum of an export, and the object that defines it. */
export interface SymbolVersion {
  readonly crc: number;
  /** Path in the tree, `core/agent.o`. */
  readonly object: string;
  /** Modules that link the object. */
  readonly modules: readonly string[];
}

/** By symbol; empty where the kernel has no symbol versions (`CONFIG_MODVERSIONS`). */
export interface VersionsOfSides {
  readonly original: ReadonlyMap<string, SymbolVersion>;
  readonly patched: ReadonlyMap<string, SymbolVersion>;
}

/**
 * The checksums of everything that the objects export, where kbuild has just put them: in the object's `.cmd` file, or, as
 * older kernels do, in the object. To be asked before the other side is built in the same place. Throws `elf-*`.
 */
export async function readVersions(objects: readonly CompiledObject[]): Promise<Map<string, SymbolVersion>> {
  const versions = new Map<string, SymbolVersion>();
  for (const { object, file, modules } of objects) {
    const found = (await versionsInCommandFile(file)) ?? checksumsOf(readImage(await readInput(file), object));
    for (const [name, crc] of found) versions.set(name, { crc, object, modules });
  }
  return versions;
}

/** By object, the exported symbols whose checksum the patch changes. Throws nothing. */
export function changedExports({ original, patched }: VersionsOfSides): Map<string, string[]> {
  const changed = [...patched].filter(([symbol, { crc }]) => (original.get(symbol)?.crc ?? crc) !== crc);
  const byObject = groupBy(changed, ([, { object }]) => object);
  return new Map([...byObject].map(([object, entries]) => [object, entries.map(([symbol]) => symbol)]));
}

/** Of `LivepatchParts`. */
interface Used {
  readonly functions: readonly { readonly object: string; readonly name: string }[];
  readonly relocations: readonly { readonly symbol: { readonly object: string; readonly name: string } }[];
}

export interface VersionsQuestion {
  readonly versions: VersionsOfSides;
  readonly targets: readonly Pick<TargetModule, 'name' | 'module' | 'versions'>[];
  /** What the livepatch replaces and refers to. */
  readonly contributions: readonly { readonly parts: Used }[];
  readonly patches: readonly ResolvedPatch[];
  /** What debug data tell of the types of exports, by `core/agent.o:symbol`. */
  readonly exportTypes: ReadonlyMap<string, ExportTypes>;
}

/**
 * Holds the checksums of the patched side against those of the target modules, or of the original side where a target does
 * not tell.
 * @returns for each symbol that differs `export-version-changed` where the livepatch replaces or uses it, else
 *   `export-version-changed-unused`; `export-version-foreign` where the unpatched source differs from the target already
 */
export function compareVersions({
  versions,
  targets,
  contributions,
  patches,
  exportTypes,
}: VersionsQuestion): Diagnostic[] {
  const ofTargets = new Map(
    targets.map(({ name, module, versions: known }) => [name, known ?? checksumsOf(module.image)]),
  );
  const used = usedSymbols(contributions);
  const findings: Diagnostic[] = [];
  for (const [symbol, { crc, object, modules }] of versions.patched) {
    const before = versions.original.get(symbol)?.crc;
    for (const module of modules) {
      const running = ofTargets.get(module)?.get(symbol) ?? before;
      if (running === undefined || running === crc) continue;
      const details = { symbol, module, object, expected: running, found: crc };
      if (before === crc) {
        findings.push(diagnose('export-version-foreign', details));
        continue;
      }
      const code = used.has(`${module}:${symbol}`) ? 'export-version-changed' : 'export-version-changed-unused';
      const types = exportTypes.get(`${object}:${symbol}`);
      findings.push(diagnose(code, { ...details, includes: addedIncludes(patches, object), types }));
    }
  }
  return findings;
}

/** `ib_mad:ib_mad_post` for every symbol that the livepatch replaces or refers to. */
function usedSymbols(contributions: VersionsQuestion['contributions']): Set<string> {
  const symbols = contributions.flatMap(({ parts }) => [
    ...parts.functions,
    ...parts.relocations.map(({ symbol }) => symbol),
  ]);
  return new Set(symbols.map(({ object, name }) => `${object}:${name}`));
}

/**
 * The includes that the patches add, `mad.c: #include <linux/mm.h>`, in the object's own source or in a header, but not
 * those that only moved within a file.
 */
function addedIncludes(patches: readonly ResolvedPatch[], object: string): string[] {
  const source = object.replace(/\.o$/, '.c');
  const found = patches
    .flatMap(({ files }) => files)
    .flatMap(({ path, change }) => {
      if (path !== source && !path.endsWith('.h')) return [];
      const lines = change.hunks.flatMap((hunk) => hunk.lines).filter(({ text }) => /^\s*#\s*include\b/.test(text));
      const removed = new Set(lines.filter(({ kind }) => kind === '-').map(({ text }) => text.trim()));
      const added = lines.filter(({ kind, text }) => kind === '+' && !removed.has(text.trim()));
      return added.map(({ text }) => `${path}: ${text.trim()}`);
    });
  return [...new Set(found)];
}
