/**
 * The rules of live patching that are decided from the objects, for a whole build: what the comparison of each pair has
 * observed is put together, and held against the other objects and against the modules as they run.
 */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { Observations } from '../diff/object-rules.js';
import type { ExportTypes, TypeChange } from '../diff/type-changes.js';
import { STB, STT } from '../elf/constants.js';
import { groupBy } from '../elf/grouped.js';
import { readImage } from '../elf/image.js';
import { importedNamespaces } from '../kernel/module-file.js';
import { VMLINUX } from '../livepatch/names.js';
import type { Exports } from '../lookup/exports.js';
import { callersInModule } from '../lookup/module-callers.js';
import { clonesByFunction, countFunctions } from '../lookup/other-clones.js';
import type { TargetTable } from '../lookup/symbol-table.js';
import type { TouchedCode } from '../patch/touched-code.js';
import type { PairOutcome } from './diff-pair.js';
import type { TargetModule } from './target-modules.js';

export interface RulesQuestion {
  readonly touched: TouchedCode;
  readonly targets: readonly TargetModule[];
  /** By module. */
  readonly tables: ReadonlyMap<string, TargetTable>;
  readonly exports: Exports;
}

interface Compared {
  /** Path in the tree, `core/agent.o`. */
  readonly object: string;
  readonly module: string;
  readonly patched: Uint8Array;
  readonly outcome: PairOutcome;
  readonly observations: Observations;
}

interface Scene extends RulesQuestion {
  readonly compared: readonly Compared[];
  /** Objects whose comparison was refused. */
  readonly refused: readonly Pick<Compared, 'object' | 'patched'>[];
}

type BuildRule = (scene: Scene) => Diagnostic[];

/** In the order of the list. */
const RULES: readonly BuildRule[] = [ofPairs, changedLayouts, unknownLayouts];

/** Those that take what was not compared for what was not compiled. */
const RULES_OF_ALL: readonly BuildRule[] = [clonesOfTarget, copiesOfHeaders, removedFunctions, missingNamespaces];

export class ObjectRules {
  readonly #compared: Compared[] = [];
  readonly #refused: Pick<Compared, 'object' | 'patched'>[] = [];

  constructor(readonly question: RulesQuestion) {}

  /** Notes a pair that has been compared; `patched` is the object file. */
  add(pair: Omit<Compared, 'observations'>): void {
    const { observations } = pair.outcome;
    if (observations !== undefined) this.#compared.push({ ...pair, observations });
  }

  /** Notes an object whose comparison was refused. */
  addRefused(pair: Pick<Compared, 'object' | 'patched'>): void {
    this.#refused.push(pair);
  }

  /** Everything that was found, each finding with its default severity. Throws `elf-*` for a target that cannot be read. */
  conclude(): Diagnostic[] {
    const scene = this.#scene();
    const rules = this.#refused.length === 0 ? [...RULES, ...RULES_OF_ALL] : RULES;
    return rules.flatMap((rule) => rule(scene));
  }

  /**
   * Rules of the source that the objects have decided: where the types of all of them could be compared, nobody need be told
   * that the patch changes the text of one.
   */
  settled(): string[] {
    const isBlind = this.#refused.length > 0 || unknownLayouts(this.#scene()).length > 0;
    return isBlind ? [] : ['type-layout-touched', 'enumerators-renumbered'];
  }

  /** What debug data tell of the types of exported symbols, by `core/agent.o:symbol`. */
  exportTypes(): Map<string, ExportTypes> {
    const types = this.#compared.flatMap(({ object, observations }) =>
      [...(observations.types?.exports ?? [])].map(([symbol, found]) => [`${object}:${symbol}`, found] as const),
    );
    return new Map(types);
  }

  #scene(): Scene {
    return { ...this.question, compared: this.#compared, refused: this.#refused };
  }
}

/** An object that two modules link is compared twice, and its findings are the same. */
function ofPairs({ compared }: Scene): Diagnostic[] {
  const byObject = new Map(compared.map(({ object, observations }) => [object, observations.findings]));
  return [...byObject.values()].flat();
}

/** A type of a header is told once, however many objects know it. */
function changedLayouts({ compared, refused, exports }: Scene): Diagnostic[] {
  const all = compared.flatMap(({ object, observations }) =>
    (observations.types?.changes ?? []).map((found) => ({ object, found })),
  );
  const same = groupBy(all, ({ found }) => JSON.stringify([found.type, found.change]));
  return [...same.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { found } = first;
    const unique = (names: readonly string[]) => [...new Set(names)].sort();
    return describeChange({
      ...found,
      objects: unique(group.map(({ object }) => object)),
      variables: unique(group.flatMap((one) => one.found.variables)),
      handedTo: outsiders(unique(group.flatMap((one) => one.found.handedTo)), [...compared, ...refused], exports),
    });
  });
}

function describeChange({ type, change, path, objects, variables, handedTo }: TypeChange & { objects: string[] }) {
  if (change.kind === 'values')
    return [diagnose('enum-values-changed', { type, objects, path, values: change.members })];
  const findings = [diagnose('type-layout-changed', { ...change, type, objects, path })];
  if (variables.length > 0 && !change.onlyFillsHoles)
    findings.push(diagnose('type-layout-of-data', { type, variables }));
  if (handedTo.length > 0) findings.push(diagnose('type-layout-shared', { type, functions: handedTo }));
  return findings;
}

/** Functions that none of the objects defines, with their module where it is known: `mad_core_post of ib_core`. */
function outsiders(names: readonly string[], objects: Scene['refused'], exports: Exports): string[] {
  if (names.length === 0) return [];
  const own = new Set(
    objects.flatMap(({ object, patched }) =>
      readImage(patched, object)
        .symbols.filter(({ bind, section }) => bind !== STB.LOCAL && section !== 'undefined')
        .map(({ name }) => name),
    ),
  );
  return names
    .filter((name) => !own.has(name))
    .map((name) => {
      const exporter = exports.find(name)?.moduleName;
      return exporter === undefined ? name : `${name} of ${exporter}`;
    });
}

function unknownLayouts({ compared, touched }: Scene): Diagnostic[] {
  if (!touched.mayChangeTypes) return [];
  const blind = compared.filter(({ observations }) => 'types' in observations && observations.types === undefined);
  const objects = [...new Set(blind.map(({ object }) => object))];
  return objects.length === 0 ? [] : [diagnose('type-layout-unknown', { objects })];
}

/** Of each module, names of what the livepatch replaces, and of all functions of the objects that were compared. */
function byModule({ compared }: Scene) {
  return [...groupBy(compared, ({ module }) => module)].map(([module, pairs]) => {
    const replaced = pairs.flatMap(({ outcome }) => (outcome.kind === 'changed' ? outcome.parts.functions : []));
    const known = pairs.flatMap(({ observations }) => observations.originalFunctions);
    return { module, pairs, replaced, known };
  });
}

/**
 * A clone that the target has of a replaced function and no object as built: another compiler, or another source, made it.
 * Only where FILE symbols say that it is of the same source; a static function of that name in another one is another.
 */
function clonesOfTarget(scene: Scene): Diagnostic[] {
  return byModule(scene).flatMap(({ module, replaced, known }) => {
    const table = scene.tables.get(module);
    if (table === undefined || table.files.length === 0) return [];
    const clones = clonesByFunction(table);
    const accounted = new Set([...known, ...replaced.map(({ name }) => name)]);
    return replaced.flatMap(({ name }) => {
      const files = new Set(table.named(name).map(({ file }) => file));
      return (clones.get(name) ?? [])
        .filter((clone) => clone.file !== undefined && files.has(clone.file) && !accounted.has(clone.name))
        .map((clone) => diagnose('clone-left-behind', { clone: clone.name, functionName: name, module, callers: [] }));
    });
  });
}

/** Every object that was compiled and defines it has been compared; what the target has beyond these was not. */
function copiesOfHeaders(scene: Scene): Diagnostic[] {
  return byModule(scene).flatMap(({ module, replaced, known }) => {
    const table = scene.tables.get(module);
    if (table === undefined) return [];
    const names = replaced.map(({ name }) => name).filter((name) => scene.touched.headerFunctions.has(name));
    return [...new Set(names)].flatMap((functionName) => {
      const found = countFunctions(table, functionName);
      const compiled = known.filter((name) => name === functionName).length;
      if (found <= compiled) return [];
      return [diagnose('copy-left-behind', { functionName, module, found, replaced: compiled })];
    });
  });
}

function removedFunctions(scene: Scene): Diagnostic[] {
  return byModule(scene).flatMap(({ module, pairs, replaced }) => {
    const target = scene.targets.find(({ name }) => name === module);
    // Moved to another object, it is still there.
    const defined = new Set(pairs.flatMap(({ object, patched }) => functionsOf(patched, object)));
    const removed = pairs.flatMap(({ observations }) => observations.removed).filter((name) => !defined.has(name));
    // Of vmlinux no code is at hand.
    if (target === undefined || target.table !== undefined || removed.length === 0) return [];
    const gone = new Set([...removed, ...replaced.map(({ name }) => name)]);
    const callers = callersInModule(target.module.image, new Set(removed));
    return removed.flatMap((functionName) => {
      const kept = (callers.get(functionName) ?? []).filter((caller) => !gone.has(caller));
      return kept.length === 0 ? [] : [diagnose('removed-function-in-use', { functionName, module, callers: kept })];
    });
  });
}

function functionsOf(bytes: Uint8Array, object: string): string[] {
  return readImage(bytes, object)
    .symbols.filter(({ type, section }) => type === STT.FUNC && section !== 'undefined')
    .map(({ name }) => name);
}

/** vmlinux may use every namespace; a module names those that it uses (kernel/module/main.c, verify_namespace_is_imported). */
function missingNamespaces(scene: Scene): Diagnostic[] {
  return byModule(scene).flatMap(({ module, pairs }) => {
    const target = scene.targets.find(({ name }) => name === module);
    if (target === undefined || module === VMLINUX) return [];
    const patched = pairs.map((pair) => importedNamespaces(readImage(pair.patched, pair.object)));
    const imported = new Set([importedNamespaces(target.module.image), ...patched].flat());
    const used = pairs.flatMap(({ outcome, observations }) => {
      return symbolsUsed(outcome).filter((name) => observations.newlyUsed.has(name));
    });
    const inNamespace = [...new Set(used)].map((name) => ({
      name,
      namespace: scene.exports.find(name)?.namespace ?? '',
    }));
    const missing = inNamespace.filter(({ namespace }) => namespace !== '' && !imported.has(namespace));
    return [...groupBy(missing, ({ namespace }) => namespace)].map(([namespace, symbols]) =>
      diagnose('namespace-not-imported', { module, namespace, symbols: symbols.map(({ name }) => name) }),
    );
  });
}

/** Whoever resolves them. */
function symbolsUsed(outcome: PairOutcome): string[] {
  if (outcome.kind !== 'changed') return [];
  const { diff, parts } = outcome;
  const undefinedSymbols = diff.object.symbols.filter(({ place }) => place === 'undefined').map(({ name }) => name);
  return [...undefinedSymbols, ...parts.relocations.map(({ symbol }) => symbol.name)];
}
