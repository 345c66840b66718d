/**
 * The target modules as they run: where each is found, and what its symbol table and exports say. The first place that
 * has the module counts: what the user named, the installed one, the one that lies in the tree, and last the one that
 * the unpatched source was just built to.
 */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { diagnose, fail } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { namesInMakefiles } from '../kbuild/affected-sources.js';
import { installedModules } from '../kernel/installed-module.js';
import type { KernelCode } from '../kernel/kernel-code.js';
import { type ModuleFile, readModuleFile } from '../kernel/module-file.js';
import type { ExportedSymbol } from '../kernel/symvers.js';
import { VMLINUX } from '../livepatch/names.js';
import { type TargetTable, tableOfImage } from '../lookup/symbol-table.js';

export interface TargetModule {
  readonly name: string;
  readonly module: ModuleFile;
  /** In words: `--module`, `installed`, `in the tree`, `built from the unpatched source`. */
  readonly chosenBy: string;
  /** The module as it runs was seen; false where only our own build of it is at hand. */
  readonly wasSeen: boolean;
  /** Where the module's file does not hold its symbols: of vmlinux. */
  readonly table?: TargetTable;
  /** Of vmlinux, where its file holds it. */
  readonly code?: KernelCode | undefined;
  /** Of vmlinux: the checksums of what it exports. */
  readonly versions?: ReadonlyMap<string, number>;
}

/** The symbols of the target as it runs. */
export function tableOfTarget({ module, table }: TargetModule): TargetTable {
  return table ?? tableOfImage(module.image);
}

/** The kernel as a klp object beside modules: one that depends on none, is always loaded, and is known by symbols and code only. */
export function vmlinuxTarget(
  table: TargetTable,
  { release, chosenBy, code }: Pick<TargetModule, 'chosenBy' | 'code'> & { readonly release: string },
  exports: readonly ExportedSymbol[],
): TargetModule {
  const { fileName } = table;
  const format = { byteOrder: 'little', machine: 0, flags: 0, osAbi: 0, abiVersion: 0 } as const;
  const module = {
    ...{ path: fileName, name: VMLINUX, vermagic: '', release, depends: [], exports: new Set<string>() },
    image: { fileName, format, type: 0, sections: [], symbols: [], bytes: new Uint8Array(0) },
    ...{ isStripped: false, compilerComments: [] },
  };
  const own = exports.filter(({ moduleName }) => moduleName === VMLINUX);
  const versions = new Map(own.map(({ name, crc }) => [name, crc]));
  return { name: VMLINUX, module, table, code, versions, chosenBy, wasSeen: true };
}

export interface ModuleSources {
  /** `--module` and the configuration. */
  readonly given: readonly ModuleFile[];
  /** Modules that lie in the user's tree. */
  readonly inTree: readonly ModuleFile[];
  readonly release: string;
  /** Names that `Module.symvers` of the kernel exports for; such a module needs no file of its own. */
  readonly kernelModules: ReadonlySet<string>;
  /** The kernel itself, where it may be patched too. */
  readonly vmlinux?: TargetModule;
  /** Holds a folder for each release; absent: `/lib/modules`. */
  readonly modulesFolder?: string;
}

/** Finds target modules by name, and those that they depend on. */
export class TargetModules {
  readonly #found = new Map<string, TargetModule>();
  #installed: Map<string, string> | undefined;
  #built: readonly ModuleFile[] = [];

  constructor(readonly sources: ModuleSources) {}

  /** Modules that the unpatched source was built to, for names that are found nowhere else. */
  addBuilt(modules: readonly ModuleFile[]): void {
    this.#built = modules;
  }

  /** Whether these modules are known without building anything. */
  async hasAll(names: readonly string[]): Promise<boolean> {
    const found = await Promise.all(names.map((name) => this.find(name)));
    return found.every((module) => module !== undefined);
  }

  /**
   * Whether it is worth while to compile single objects first and see to which modules they belong. Where no module is
   * named or lies in the tree, the modules are most likely installed nowhere either, and the tree is built whole.
   */
  async mayKnowAll(mentioned: (name: string) => boolean): Promise<boolean> {
    const { given, inTree, release } = this.sources;
    if (given.length > 0 || inTree.some((module) => module.release === release)) return true;
    return [...(await this.#allInstalled()).keys()].some(mentioned);
  }

  /** The module, or `undefined` where it is found nowhere. Throws what reading a module file throws. */
  async find(name: string): Promise<TargetModule | undefined> {
    const known = this.#found.get(name);
    if (known !== undefined) return known;
    const module = await this.#search(name);
    if (module !== undefined) this.#found.set(name, module);
    return module;
  }

  async #search(name: string): Promise<TargetModule | undefined> {
    const { given, inTree, release, vmlinux } = this.sources;
    if (name === vmlinux?.name) return vmlinux;
    const seen = (module: ModuleFile | undefined, chosenBy: string) =>
      module && { name, module, chosenBy, wasSeen: true };
    const isIt = (module: ModuleFile) => module.name === name;
    const named = seen(given.find(isIt), '--module');
    if (named !== undefined) return named;
    const installed = (await this.#allInstalled()).get(name);
    if (installed !== undefined) return seen(await readModuleFile(installed), 'installed');
    const lying = seen(
      inTree.find((module) => isIt(module) && module.release === release),
      'in the tree',
    );
    if (lying !== undefined) return lying;
    const built = this.#built.find(isIt);
    return built && { name, module: built, chosenBy: 'built from the unpatched source', wasSeen: false };
  }

  async #allInstalled(): Promise<Map<string, string>> {
    this.#installed ??= await installedModules(this.sources.release, this.sources.modulesFolder);
    return this.#installed;
  }

  /**
   * The modules of these names and all that they depend on, as far as the kernel does not export for them.
   * Throws `target-module-missing` for a name that is found nowhere.
   */
  async closure(names: readonly string[]): Promise<TargetModule[]> {
    const modules = new Map<string, TargetModule>();
    const pending = [...names];
    for (const name of pending) {
      if (modules.has(name)) continue;
      const found = await this.find(name);
      if (found === undefined) {
        if (names.includes(name)) fail('target-module-missing', { module: name, release: this.sources.release });
        continue;
      }
      modules.set(name, found);
      pending.push(...found.module.depends.filter((needed) => !this.sources.kernelModules.has(needed)));
    }
    return [...modules.values()];
  }
}

/** Says of each module that was not seen as it runs that the livepatch rests on our own build of it. */
export function unseenWarnings(modules: readonly TargetModule[]): Diagnostic[] {
  return modules
    .filter(({ wasSeen }) => !wasSeen)
    .map(({ name, module }) => diagnose('target-not-seen', { module: name, release: module.release }));
}

/**
 * Says of each module that the user names that it was not needed, where a module that the patch changes came from another
 * place: most likely the two should have been the same.
 */
export function unusedWarnings(
  given: readonly ModuleFile[],
  targets: readonly TargetModule[],
  patched: readonly string[],
): Diagnostic[] {
  const used = new Set(targets.map(({ module }) => module.path));
  const others = targets.filter(({ name, chosenBy }) => patched.includes(name) && chosenBy !== '--module');
  if (others.length === 0) return [];
  const unused = given.filter((module) => !used.has(module.path));
  return unused.map(({ path: file, name }) =>
    diagnose('module-not-used', {
      file,
      name,
      patched: others.map((other) => ({ ...other, file: other.module.path })),
    }),
  );
}

/** All modules that lie in the user's tree and can be read. A damaged one is as good as none: it is not what runs. */
export async function modulesInTree(tree: string): Promise<ModuleFile[]> {
  const entries = await readdir(tree, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries
    .filter((entry) => entry.isFile() && /\.ko(\.(xz|zst|gz))?$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
  const modules = await Promise.all(files.map((file) => readModuleFile(file).catch(() => undefined)));
  return modules.filter((module) => module !== undefined);
}

/** Whether the modules that `tree` makes may all be at hand as they run, so that none has to be linked. */
export async function mayKnowModules(tree: string, modules: TargetModules): Promise<boolean> {
  const mentioned = await namesInMakefiles(tree);
  return modules.mayKnowAll((name) => mentioned.has(name));
}
