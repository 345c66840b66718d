/**
 * What the rules of live patching say of a pair of objects (`diagnostics/object-rules.ts`), beyond what makes a livepatch
 * impossible: functions that change for another reason than the patch's lines, clones that stay, types laid out anew.
 * Where a rule needs to know other objects or the target, the facts are handed on.
 */
import { dereference } from '../arch/indirection.js';
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { STB, STT } from '../elf/constants.js';
import type { DebugTypes } from '../elf/debug-types.js';
import { groupBy } from '../elf/grouped.js';
import type { ElfSymbol } from '../elf/object.js';
import type { TouchedCode } from '../patch/touched-code.js';
import type { Comparison } from './compare.js';
import type { ChangeReason } from './explain.js';
import { cloneRoot, functionRoot } from './names.js';
import type { Correlation } from './pairing.js';
import type { PreparedObject } from './prepare.js';
import { findTypeChanges, type TypeFindings } from './type-changes.js';

export interface RuleQuestion {
  readonly touched: TouchedCode;
  /** Exported symbols of the object whose checksum the patch changes. */
  readonly changedExports: readonly string[];
}

export interface Observations {
  readonly findings: readonly Diagnostic[];
  /** `undefined` where one side has no debug data; absent where the patch cannot change a type. */
  readonly types?: TypeFindings | undefined;
  /** Global functions that the patch takes away. */
  readonly removed: readonly string[];
  /** All functions that the original object defines. */
  readonly originalFunctions: readonly string[];
  /** Names that the patched object refers to and the original one does not. */
  readonly newlyUsed: ReadonlySet<string>;
}

export interface RuleScene extends RuleQuestion {
  readonly original: PreparedObject;
  readonly patched: PreparedObject;
  readonly correlation: Correlation;
  readonly comparison: Comparison;
  /** Of the patched object, before others were made to change with them. */
  readonly changed: ReadonlySet<ElfSymbol>;
  /** All functions that are replaced or new. */
  readonly functions: readonly ElfSymbol[];
  readonly reasons: ReadonlyMap<ElfSymbol, ChangeReason>;
}

/** In the order of the list; each finding with its default severity. Throws nothing. */
const RULES: readonly ((scene: RuleScene) => Diagnostic[])[] = [
  inliningChanges,
  cloneChanges,
  unexpectedChanges,
  clonesLeftBehind,
];

/** To be asked while both objects are whole. Throws nothing. */
export function observe(scene: RuleScene): Observations {
  const { original, patched, correlation, touched, changedExports } = scene;
  const functions = original.object.symbols.filter(isFunction);
  const isGone = (symbol: ElfSymbol) =>
    symbol.bind !== STB.LOCAL && correlation.symbols.patchedOf(symbol) === undefined;
  const usedBefore = new Set(original.object.symbols.map(({ name }) => name));
  // Of an object that the patch adds, no function runs yet.
  const isNew = original.object.sections.length === 0;
  const needsTypes = !isNew && ((touched.mayChangeTypes && scene.functions.length > 0) || changedExports.length > 0);
  return {
    findings: RULES.flatMap((rule) => rule(scene)),
    ...(needsTypes ? { types: findTypeChanges({ ...scene, exports: changedExports }) } : {}),
    removed: functions.filter(isGone).map(({ name }) => name),
    originalFunctions: functions.map(({ name }) => name),
    newlyUsed: new Set(patched.object.symbols.map(({ name }) => name).filter((name) => !usedBefore.has(name))),
  };
}

function isFunction(symbol: ElfSymbol): boolean {
  return symbol.type === STT.FUNC && symbol.section !== undefined;
}

/** Functions that the compiler changes on its own account, each with the reason. */
function untouched({ changed, reasons, touched }: RuleScene): { symbol: ElfSymbol; reason: ChangeReason }[] {
  return [...changed].flatMap((symbol) => {
    const reason = reasons.get(symbol);
    return reason === undefined || isTouched(symbol.name, touched) ? [] : [{ symbol, reason }];
  });
}

/**
 * 1. By its name: `mad_send`, also as `mad_send.isra.0`.
 * 2. By what a macro makes of a name: `__do_sys_mad` of `SYSCALL_DEFINE1(mad, …)`, `ib_uverbs_handler_MAD` of `UVERBS_HANDLER(MAD)`.
 */
function isTouched(symbolName: string, { functions }: TouchedCode): boolean {
  const name = functionRoot(symbolName);
  return functions.has(name) || [...functions].some((touched) => name.endsWith(`_${touched}`));
}

function inliningChanges(scene: RuleScene): Diagnostic[] {
  return (['inlined callee', 'un-inlined callee'] as const).flatMap((kind) => {
    const found = untouched(scene).filter(({ reason }) => reason.kind === kind);
    return [...groupBy(found, ({ reason }) => reason.about ?? '')].map(([callee, group]) => {
      const functions = group.map(({ symbol, reason }) => ({ name: symbol.name, reason: seen(reason) }));
      return diagnose('inlining-changed', { functions, callee, isInlined: kind === 'inlined callee' });
    });
  });
}

function cloneChanges(scene: RuleScene): Diagnostic[] {
  const found = untouched(scene).filter(({ reason }) => reason.kind === 'clone renamed');
  return [...groupBy(found, ({ reason }) => reason.about ?? '')].map(([clones, group]) => {
    return diagnose('clone-changed', { clones, callers: group.map(({ symbol }) => symbol.name) });
  });
}

/**
 * Whether a function holds an inlined one that the patch touches, only debug data tell; without them nothing is said. Where a
 * call was folded to a constant they do not tell either: of functions in touched files their text does, and of others, which
 * use what a touched header defines, nothing.
 */
function unexpectedChanges(scene: RuleScene): Diagnostic[] {
  const { touched } = scene;
  const explained = new Set<ChangeReason['kind']>(['inlined callee', 'un-inlined callee', 'clone renamed']);
  const suspects = untouched(scene).filter(({ reason }) => !explained.has(reason.kind));
  if (touched.touchesMore || touched.headerFunctions.size > 0 || suspects.length === 0) return [];
  const inlined = inlinedFunctions(scene);
  if (inlined === undefined) return [];
  return suspects
    .filter(({ symbol, reason }) => !touched.users.has(functionRoot(symbol.name)) && !isEntryMark(reason))
    .filter(({ symbol }) => ![...inlined(functionRoot(symbol.name))].some((name) => isTouched(name, touched)))
    .map(({ symbol, reason }) =>
      diagnose('function-changed-unexpectedly', { functionName: symbol.name, reason: seen(reason) }),
    );
}

/** A static function begins with `endbr64` from the first pointer to it on: the patch takes its address, or does no more. */
function isEntryMark({ original = '', patched = '' }: ChangeReason): boolean {
  return original.startsWith('endbr') !== patched.startsWith('endbr');
}

/** On either side; `undefined` where one of them does not tell. */
function inlinedFunctions({ original, patched }: RuleScene): ((name: string) => ReadonlySet<string>) | undefined {
  const facts = (types: DebugTypes, name: string) => types.functionFacts(name).inlined;
  return readable(() => {
    const [before, after] = [original.debugTypes(), patched.debugTypes()];
    return (name: string) =>
      readable(() => new Set([...facts(before, name), ...facts(after, name)])) ?? new Set<string>();
  });
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return undefined;
  }
}

/**
 * A clone that the patched build does not make any more has no callers left but those that are not replaced, although
 * they would be another way: the author ignores them.
 */
function clonesLeftBehind({ original, correlation, comparison, functions, touched }: RuleScene): Diagnostic[] {
  const replaced = new Set(functions.map(({ name }) => functionRoot(name)));
  const clones = original.object.symbols.filter((symbol) => {
    const root = cloneRoot(symbol.name);
    if (!isFunction(symbol) || root === symbol.name || correlation.symbols.patchedOf(symbol) !== undefined)
      return false;
    return !original.parentOf.has(symbol) && (replaced.has(root) || isTouched(root, touched));
  });
  if (clones.length === 0) return [];
  const callers = callersOf(new Set(clones), original);
  return clones.flatMap((clone) => {
    const kept = (callers.get(clone) ?? []).filter((caller) => {
      const twin = correlation.symbols.patchedOf(caller);
      return twin !== undefined && comparison.symbols.get(twin) === 'same' && caller !== clone;
    });
    if (kept.length === 0) return [];
    const names = { clone: clone.name, functionName: cloneRoot(clone.name), module: original.object.fileName };
    return [diagnose('clone-left-behind', { ...names, callers: kept.map(({ name }) => name) })];
  });
}

function callersOf(wanted: ReadonlySet<ElfSymbol>, { object, arch, ownSymbol }: PreparedObject) {
  const callers = new Map<ElfSymbol, ElfSymbol[]>();
  for (const section of object.sections) {
    const caller = ownSymbol.get(section);
    if (caller === undefined || caller.type !== STT.FUNC) continue;
    const called = new Set(section.relocations.map((relocation) => dereference(arch, relocation)?.symbol));
    for (const symbol of called) {
      if (symbol !== undefined && wanted.has(symbol)) callers.set(symbol, [...(callers.get(symbol) ?? []), caller]);
    }
  }
  return callers;
}

/** As the message shows it. */
function seen({ kind, where, offset, original, patched }: ChangeReason) {
  const place = offset === undefined ? undefined : `${where}+0x${offset.toString(16)}`;
  return { kind, place, original, patched };
}
