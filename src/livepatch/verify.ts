/**
 * Structural proof of a finished livepatch module, as read back from its file: everything that would make the kernel
 * refuse it, or accept it and crash. For the pipeline's last step; all findings are returned, not the first.
 */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { SHF, STB } from '../elf/constants.js';
import type { ElfObject, ElfSymbol } from '../elf/object.js';
import type { RelocationRules } from './finish.js';
import { isIntermediateSection } from './intermediate-layout.js';
import { type KlpTables, readKlpTables } from './klp-tables.js';
import { moduleInfo, symbolVersions } from './module-info.js';
import { verifyKlpRelocations } from './verify-klp.js';
import { verifyReturnsAndSeals, verifyUnwindData } from './verify-objtool.js';

/** What the module must be, from target and diff. */
export interface ModuleExpectations {
  /** `e_machine` of the target. */
  readonly machine: number;
  /** As the kernel will list it, with `_` for `-`. */
  readonly name: string;
  /** Of the target kernel, `6.1.0-18-amd64`. */
  readonly release: string;
  /** The whole text of the target's own modules, where one was seen. */
  readonly vermagic?: string;
  /** Exported symbols of the kernel and of other modules that will be loaded, with their checksums (`Module.symvers`). */
  readonly exports: ReadonlyMap<string, number>;
  /** What must be replaced, and nothing else. */
  readonly functions: readonly { readonly object: string; readonly name: string; readonly sympos: number }[];
  /** What must be called around the patching, and nothing else; by the name of the function. */
  readonly callbacks?: readonly { readonly object: string; readonly kind: string; readonly name: string }[];
  /** Bytes of an entry, by section name. */
  readonly entrySizes: ReadonlyMap<string, number>;
  /** The kernel unwinds stacks by tables that objtool makes (CONFIG_UNWINDER_ORC). */
  readonly hasUnwindData?: boolean;
  readonly rules: RelocationRules;
}

/** Symbols that stay undefined on purpose: the loader of the architecture knows them (`.TOC.`: arch/powerpc). */
const loaderSymbols = new Set(['.TOC.']);

/** All findings, in the order of the checks; none means that the module is sound. */
export function verifyModule(module: ElfObject, expected: ModuleExpectations): Diagnostic[] {
  const tables = readKlpTables(module);
  const patchedObjects = 'problem' in tables ? undefined : new Set(tables.objects);
  return [
    // Would the kernel take it for a livepatch built for it?
    ...verifyIdentity(module, expected),
    ...verifyNothingLeft(module),
    // Can every reference be resolved, at the time when it is?
    ...verifyKlpRelocations(module, patchedObjects, expected.rules),
    ...verifyUndefined(module, expected),
    ...verifyVersions(module, expected),
    // Does it redirect what it should, to where it should?
    ...('problem' in tables
      ? [diagnose('verify-functions-unreadable', { file: module.fileName, problem: tables.problem })]
      : [...verifyFunctions(module, tables, expected), ...verifyCallbacks(module, tables, expected)]),
    ...verifyEntrySizes(module, expected),
    // Has every function what objtool adds?
    ...(expected.hasUnwindData === true ? verifyUnwindData(module) : []),
    ...(expected.rules.objtool === undefined ? [] : verifyReturnsAndSeals(module, expected.rules.objtool)),
  ];
}

function verifyIdentity(module: ElfObject, expected: ModuleExpectations): Diagnostic[] {
  const file = module.fileName;
  const findings: Diagnostic[] = [];
  if (module.format.machine !== expected.machine) {
    findings.push(diagnose('verify-machine', { file, expected: expected.machine, found: module.format.machine }));
  }
  const vermagic = moduleInfo(module, 'vermagic') ?? '';
  // The release is the first word; the others name features that change the layout of structures.
  const isMeant =
    expected.vermagic === undefined
      ? vermagic.split(' ')[0] === expected.release
      : vermagic.trim() === expected.vermagic.trim();
  if (!isMeant) {
    findings.push(
      diagnose('verify-vermagic', { file, expected: expected.vermagic ?? expected.release, found: vermagic }),
    );
  }
  // `check_modinfo_livepatch` (kernel/module/main.c) asks for the key only; kptool and the samples write Y.
  if (moduleInfo(module, 'livepatch') !== 'Y') findings.push(diagnose('verify-not-livepatch', { file }));
  const name = moduleInfo(module, 'name') ?? '';
  if (name !== expected.name) findings.push(diagnose('verify-name', { file, expected: expected.name, found: name }));
  return findings;
}

function verifyNothingLeft(module: ElfObject): Diagnostic[] {
  const left = module.sections.filter(({ name }) => isIntermediateSection(name));
  return left.map(({ name }) => diagnose('verify-leftover-section', { file: module.fileName, section: name }));
}

/** Weak symbols may stay undefined: the loader gives them 0 (`simplify_symbols` in kernel/module/main.c). */
function verifyUndefined(module: ElfObject, { exports }: ModuleExpectations): Diagnostic[] {
  const missing = module.symbols.filter(
    ({ place, bind, name }) =>
      place === 'undefined' && bind !== STB.WEAK && !exports.has(name) && !loaderSymbols.has(name),
  );
  return missing.map((symbol) =>
    diagnose('verify-undefined-symbol', { file: module.fileName, symbol: symbol.name, users: usersOf(module, symbol) }),
  );
}

/** The first few places that refer to a symbol. */
function usersOf(module: ElfObject, symbol: ElfSymbol): string[] {
  const places = module.sections.flatMap(({ name, relocations }) =>
    relocations
      .filter((relocation) => relocation.symbol === symbol)
      .map(({ offset }) => `${name}+0x${offset.toString(16)}`),
  );
  return places.slice(0, 5);
}

function verifyVersions(module: ElfObject, { exports }: ModuleExpectations): Diagnostic[] {
  const findings: Diagnostic[] = [];
  for (const [symbol, found] of symbolVersions(module)) {
    const wanted = exports.get(symbol);
    if (wanted === undefined || wanted === found) continue;
    findings.push(diagnose('verify-crc', { file: module.fileName, symbol, expected: wanted, found }));
  }
  return findings;
}

function verifyFunctions(
  module: ElfObject,
  { functions: tables }: KlpTables,
  { functions }: ModuleExpectations,
): Diagnostic[] {
  const file = module.fileName;
  const key = ({ object, name, sympos }: { object: string; name: string; sympos: number }) =>
    `${object}:${name},${sympos}`;
  const present = new Set(tables.map(key));
  const wanted = new Set(functions.map(key));
  return [
    ...functions
      .filter((replaced) => !present.has(key(replaced)))
      .map(({ object, name, sympos }) => diagnose('verify-function-missing', { file, object, name, sympos })),
    ...tables
      .filter((replaced) => !wanted.has(key(replaced)))
      .map(({ object, name, sympos }) => diagnose('verify-function-unexpected', { file, object, name, sympos })),
    ...tables
      .filter((replaced) => !isCallable(replaced))
      .map(({ object, name, sympos }) => diagnose('verify-function-target', { file, object, name, sympos })),
  ];
}

function verifyCallbacks(
  module: ElfObject,
  { callbacks: found }: KlpTables,
  { callbacks = [] }: ModuleExpectations,
): Diagnostic[] {
  const file = module.fileName;
  const key = ({ object, kind }: { object: string; kind: string }) => `${object}:${kind}`;
  const present = new Map(found.map((callback) => [key(callback), callback]));
  const wanted = new Set(callbacks.map(key));
  const missing = callbacks.filter((callback) => {
    const entry = present.get(key(callback));
    return entry === undefined || !isCallable(entry) || entry.symbol?.name !== callback.name;
  });
  const unexpected = found.filter((callback) => !wanted.has(key(callback)));
  return [...missing, ...unexpected].map(({ object, kind }) => diagnose('verify-callback', { file, object, kind }));
}

/** A function begins there, and its section is code that the kernel does not free after loading. */
function isCallable({ symbol }: { readonly symbol: ElfSymbol | undefined }): boolean {
  const section = symbol?.section;
  return section !== undefined && (section.flags & SHF.EXECINSTR) !== 0 && !section.name.startsWith('.init');
}

/**
 * The last entry may lack the padding behind it, as those of `.parainstructions` do: the section then has whole entries
 * once it is rounded up to its alignment.
 */
function verifyEntrySizes(module: ElfObject, { entrySizes }: ModuleExpectations): Diagnostic[] {
  const findings: Diagnostic[] = [];
  for (const { name, size, alignment } of module.sections) {
    const entrySize = entrySizes.get(name);
    if (entrySize === undefined) continue;
    const rounded = Math.ceil(size / Math.max(alignment, 1)) * Math.max(alignment, 1);
    if (size % entrySize === 0 || rounded % entrySize === 0) continue;
    findings.push(diagnose('verify-entry-size', { file: module.fileName, section: name, size, entrySize }));
  }
  return findings;
}
