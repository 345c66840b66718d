/**
 * Names that the kernel takes apart again: livepatch symbols, livepatch relocation tables and the module's own name. The
 * only place that spells them, for everyone who writes or reads a livepatch module.
 */
import { fail } from '../diagnostics/catalogue.js';

/** Bytes of a module's name: `MODULE_NAME_LEN` less the final zero (Linux, include/linux/module.h, 64-bit). */
const MODULE_NAME_LIMIT = 55;

/**
 * Bytes of a symbol's name: `KSYM_NAME_LEN` less the final zero. 512 since Linux commit b8a94bfb3395 ("kallsyms: increase
 * maximum kernel symbol length to 512"); kernels before it have no longer names in their symbol tables either.
 */
const SYMBOL_NAME_LIMIT = 511;

/** The klp object that stands for the kernel itself. */
export const VMLINUX = 'vmlinux';

const LIVEPATCH_PREFIX = 'livepatch-';

/** `klp_resolve_symbols` (kernel/livepatch/core.c) reads `.klp.sym.%55[^.].%511[^,],%lu`. */
const symbolPattern = /^\.klp\.sym\.([^.]+)\.([^,]+),(\d{1,15})$/s;

/** `klp_write_section_relocs` (kernel/livepatch/core.c) reads `.klp.rela.%55[^.]`. */
const tablePattern = /^\.klp\.rela\.([^.]+)\.(.+)$/s;

/** What the name of a livepatch symbol says. */
export interface KlpSymbolName {
  /** Where the symbol is defined: `vmlinux` or a module's name. */
  readonly object: string;
  readonly name: string;
  /** Position among namesakes of the object, from 1; 0 where the name must be unique. */
  readonly sympos: number;
}

/** What the name of a livepatch relocation table says. */
export interface KlpTableName {
  /** The table is applied when this object is loaded: `vmlinux` or a module's name. */
  readonly object: string;
  /** Name of the section that the table relocates. */
  readonly section: string;
}

/** Throws `klp-object-name-unusable` where the kernel could not read the object's name back. */
export function requireObjectName(object: string): void {
  const problem = objectNameProblem(object);
  if (problem !== undefined) fail('klp-object-name-unusable', { object, problem });
}

/** Throws `klp-symbol-name-unusable` where the kernel could not read the symbol's name back. */
export function requireSymbolName(name: string, object: string): void {
  const problem = symbolNameProblem(name);
  if (problem !== undefined) fail('klp-symbol-name-unusable', { symbol: name, object, problem });
}

/**
 * `.klp.sym.OBJECT.SYMBOL,SYMPOS` (Documentation/livepatch/module-elf-format.rst, "Livepatch symbol format").
 * Throws `klp-object-name-unusable` and `klp-symbol-name-unusable`.
 */
export function klpSymbolName({ object, name, sympos }: KlpSymbolName): string {
  requireObjectName(object);
  requireSymbolName(name, object);
  return `.klp.sym.${object}.${name},${sympos}`;
}

/** Takes a livepatch symbol's name apart as the kernel does; `undefined` where the kernel would refuse it. */
export function parseKlpSymbolName(text: string): KlpSymbolName | undefined {
  const [, object, name, sympos] = symbolPattern.exec(text) ?? [];
  if (object === undefined || name === undefined || sympos === undefined) return undefined;
  if (objectNameProblem(object) !== undefined || symbolNameProblem(name) !== undefined) return undefined;
  return { object, name, sympos: Number(sympos) };
}

/**
 * `.klp.rela.OBJECT.SECTION` (Documentation/livepatch/module-elf-format.rst, "Livepatch relocation section format");
 * the section's own dot makes it two: `.klp.rela.vmlinux..text.foo`. Throws `klp-object-name-unusable`.
 */
export function klpTableName({ object, section }: KlpTableName): string {
  requireObjectName(object);
  return `.klp.rela.${object}.${section}`;
}

/** Takes a livepatch relocation table's name apart; `undefined` where the kernel would refuse it. */
export function parseKlpTableName(text: string): KlpTableName | undefined {
  const [, object, section] = tablePattern.exec(text) ?? [];
  if (object === undefined || section === undefined || objectNameProblem(object) !== undefined) return undefined;
  return { object, section };
}

/**
 * The livepatch's name for a patch file: `livepatch-` and the file's name without folder and `.patch` or `.diff`; what
 * kbuild could not take becomes `-`, and what is too long for the kernel is cut off.
 */
export function livepatchName(patchFileName: string): string {
  const base = patchFileName.split('/').at(-1) ?? '';
  const stem = base.replace(/\.(patch|diff)$/, '').replace(/[^A-Za-z0-9_-]/g, '-');
  return `${LIVEPATCH_PREFIX}${stem}`.slice(0, MODULE_NAME_LIMIT);
}

/** The name under which the kernel knows a module whose file has this name: `_` for `-` (KBUILD_MODNAME). */
export function kernelModuleName(name: string): string {
  return name.replaceAll('-', '_');
}

/**
 * Holds a name that the user chose against the rules of kbuild and kernel, and against the modules to be patched, which
 * would be loaded under the same name. Throws `livepatch-name-invalid` and `livepatch-name-taken`.
 */
export function requireLivepatchName(name: string, targetModules: readonly string[]): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name) || name.length > MODULE_NAME_LIMIT) {
    fail('livepatch-name-invalid', { name, limit: MODULE_NAME_LIMIT });
  }
  const taken = [VMLINUX, ...targetModules].find((target) => kernelModuleName(target) === kernelModuleName(name));
  if (taken !== undefined) fail('livepatch-name-taken', { name, target: taken });
}

function objectNameProblem(object: string): string | undefined {
  if (object === '') return 'it is empty';
  if (/[.\s\0]/.test(object)) return 'it contains a dot, a space or a control character';
  if (byteLength(object) > MODULE_NAME_LIMIT) return `it is longer than ${MODULE_NAME_LIMIT} bytes`;
  return undefined;
}

function symbolNameProblem(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (/[,\0]/.test(name)) return 'it contains a comma or a zero byte';
  if (byteLength(name) > SYMBOL_NAME_LIMIT) return `it is longer than ${SYMBOL_NAME_LIMIT} bytes`;
  return undefined;
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
