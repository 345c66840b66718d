/**
 * Makes the `Lookup` of one object: numbered levels, the surest first, of which the first that knows decides. For the
 * pipeline, which makes one per changed object and hands it to the diff and the livepatch assembly.
 */
import { STB, STT } from '../elf/constants.js';
import { groupBy } from '../elf/grouped.js';
import type { ElfObject, ElfSection, ElfSymbol } from '../elf/object.js';
import { decideByAddress } from './address-range.js';
import { answerAmbiguous, answerFound } from './answer.js';
import { discardedBy } from './discarded-sections.js';
import { isDrifting, mayDrift, type NameRules, stemOf } from './drifting-names.js';
import type { Exports } from './exports.js';
import { indexLocals, type LocalIndex } from './local-index.js';
import type { Lookup, LookupAnswer } from './lookup.js';
import { decideByNeighbours } from './neighbours.js';
import { clonesByFunction, describeOtherClones } from './other-clones.js';
import type { Decision, Question } from './question.js';
import { alignRebuild, decideByRebuild, type Rebuild } from './reference-table.js';
import { areNumbersDoubtful, type Family, findRenumbered } from './renumbered.js';
import { type FileResolution, type LinkOrder, resolveFile } from './resolve-file.js';
import { compareSize } from './size-agreement.js';
import { decideBySize } from './size-match.js';
import { isStatic, type TableSymbol, type TargetTable } from './symbol-table.js';

export interface LookupInput {
  /** The klp object: `vmlinux` or a module's name. */
  readonly objectName: string;
  /** The object as built from the unpatched source. */
  readonly original: ElfObject;
  /** Of the klp object as it runs. */
  readonly table: TargetTable;
  readonly exports: Exports;
  /** How the klp object was linked, where kbuild tells. */
  readonly linkOrder?: LinkOrder;
  /** Of the klp object as rebuilt from the unpatched source, with its `FILE` symbols. */
  readonly referenceTable?: TargetTable;
  /** Which names are not the same in two builds; absent: what kptool knows by itself. */
  readonly names?: NameRules | undefined;
}

/** The levels by number, for `--explain-lookup`. */
export const LOOKUP_LEVELS: ReadonlyMap<number, string> = new Map([
  [1, 'exported'],
  [2, 'global in the target'],
  [3, 'local, and the only one of its name and type'],
  [4, 'local, told from its namesakes by the file it belongs to'],
  [5, 'local, told by a rebuild that agrees with the target'],
  [6, 'local, told by its neighbours in the symbol table'],
  [7, 'local, told by the addresses of its neighbours'],
  [8, 'local, told by its size'],
  [9, 'local, under another number of the compiler'],
]);

/** Nothing is searched before it is asked for, but for the object's file block. Throws nothing. */
export function createLookup(input: LookupInput): Lookup {
  const { objectName, original, table, linkOrder, referenceTable: reference, names } = input;
  const scene: Scene = {
    ...input,
    file: resolveFile(original, table, linkOrder, names),
    locals: lazily(() => indexLocals(original, names)),
    numbered: lazily(() => byStem(table, names)),
    clones: lazily(() => clonesByFunction(table)),
    discarded: lazily(() => discardedBy(original, table)),
    rebuild: lazily(() =>
      reference === undefined ? undefined : alignRebuild(original, { table, reference }, linkOrder, names),
    ),
  };
  return {
    objectName,
    local: (name, type) => findLocal(name, type, scene),
    global: (name) => findGlobal(name, scene),
  };
}

interface Scene extends LookupInput {
  readonly file: FileResolution;
  readonly locals: () => LocalIndex;
  /** The target's local symbols whose names may drift, by stem. */
  readonly numbered: () => ReadonlyMap<string, readonly TableSymbol[]>;
  /** The target's clones by the function that they were made of. */
  readonly clones: () => ReadonlyMap<string, readonly TableSymbol[]>;
  readonly discarded: () => (section: ElfSection) => boolean;
  /** The rebuild, where there is one and it agrees with the target. */
  readonly rebuild: () => Rebuild | undefined;
}

interface Level {
  readonly number: number;
  readonly decide: (question: Question, scene: Scene) => Decision | undefined;
}

/** Independent of each other, so that one which names another symbol than the rest is a warning. */
const WITNESSES = [decideByNeighbours, decideByAddress, decideBySize];

/** Where witnesses contradict each other, none is believed. */
function uncontradicted(decide: (question: Question) => Decision | undefined): Level['decide'] {
  return (question) => {
    const decision = decide(question);
    if (decision === undefined) return undefined;
    const others = WITNESSES.flatMap((witness) => witness(question) ?? []);
    return others.every(({ symbol }) => symbol === decision.symbol) ? decision : undefined;
  };
}

/** What tells several local namesakes apart, the surest first. */
const LEVELS_FOR_NAMESAKES: readonly Level[] = [
  { number: 5, decide: byRebuild },
  { number: 6, decide: uncontradicted(decideByNeighbours) },
  { number: 7, decide: uncontradicted(decideByAddress) },
  { number: 8, decide: uncontradicted(decideBySize) },
];

/**
 * 1. Exported: `ib_register_client` of ib_core, which the module loader resolves.
 * 2. Global in the target: `cm_alloc_id` of another object of the same module.
 *
 * What the target defines itself comes first, exported or not: a module may define a name that another one exports, and its
 * own objects are linked to its own.
 */
function findGlobal(name: string, { table, exports, objectName }: Scene): LookupAnswer {
  const exported = exports.find(name);
  const isOwnExport = exported?.moduleName === objectName;
  const defined =
    table.named(name).find(({ bind, place }) => bind !== STB.LOCAL && place !== 'undefined') ??
    onlyOfUnknownBinding(table.named(name));
  if (defined !== undefined) {
    const evidence = isOwnExport
      ? `${objectName} defines and exports it`
      : `${objectName} defines it as a global symbol`;
    return answerFound(
      { symbol: defined, evidence },
      { level: isOwnExport ? 1 : 2, isExported: isOwnExport, table, objectName },
    );
  }
  if (exported === undefined) return { kind: 'missing' };
  if (isOwnExport) {
    return {
      kind: 'missing',
      reason: `Module.symvers says that ${objectName} exports it, but its symbol table lacks it`,
    };
  }
  const symbol = { name, object: exported.moduleName, sympos: 0, size: 0, address: 0n };
  const evidence = `exported by ${exported.moduleName} (${exported.exportType})`;
  return { kind: 'found', symbol, isExported: true, level: 1, evidence };
}

/** kallsyms does not tell the binding of per-CPU data: `runqueues`, which every object of the scheduler uses. */
function onlyOfUnknownBinding(namesakes: readonly TableSymbol[]): TableSymbol | undefined {
  const [only, second] = namesakes;
  return second === undefined && only?.isBindingUnknown === true ? only : undefined;
}

function findLocal(name: string, type: number, scene: Scene): LookupAnswer {
  const { original, table, file, names } = scene;
  const own = scene.locals().named(name, type);
  const namesakes = table.named(name).filter((symbol) => {
    return isStatic(symbol) && symbol.type === type && !isAnotherNumber(symbol, own, names);
  });
  const family = own === undefined ? undefined : familyOf(own, scene);
  if (namesakes.length === 0) return withOtherClones(findDrifted(family, scene), { name, type }, scene);
  if (family !== undefined && areNumbersDoubtful(family)) return findDrifted(family, scene);
  if (own !== undefined && namesakes.every((symbol) => symbol.room !== undefined && isAnother(symbol, own))) {
    return { kind: 'missing', reason: `there is no room for its ${own.size} bytes where the target has that name` };
  }
  const candidates = withinFile(namesakes, file);
  const [only, second] = candidates;
  if (only === undefined) {
    return {
      kind: 'missing',
      reason: `the target has ${describeFiles(namesakes)}, but none in ${file.sources.join(', ')}`,
    };
  }
  if (namesakes.length === 1) return answerUnique(only, own, scene);
  if (second === undefined) return answerLocal({ symbol: only, evidence: file.evidence }, 4, scene);
  if (own === undefined) return answerAmbiguous(candidates, scene, 'the original object does not define it');

  const question = { own, candidates, original, table, names };
  for (const { number, decide } of LEVELS_FOR_NAMESAKES) {
    const decision = decide(question, scene);
    if (decision !== undefined) return answerLocal(decision, number, scene);
  }
  return answerAmbiguous(
    candidates,
    scene,
    `${file.evidence}; neither neighbours, addresses nor sizes tell them apart`,
  );
}

/**
 * Level 3. The only one of its name may still be another object's, where gcc inlined ours in the target: a stripped target has
 * one `show` of 40 bytes, the object one of 96. What is not in the object's file block and differs in size needs a witness.
 * A size may differ without harm: within one section the assembler shortens jumps, which a section per function prevents.
 */
function answerUnique(symbol: TableSymbol, own: ElfSymbol | undefined, scene: Scene): LookupAnswer {
  const evidence = `the only local symbol of its name and type in ${scene.objectName}`;
  // Tables without sizes exist: System.map.
  const isSizeKnown = own !== undefined && own.size > 0 && symbol.size > 0;
  if (!isSizeKnown || symbol.size === own.size) return answerLocal({ symbol, evidence }, 3, scene);
  const sizes = `${symbol.size} bytes instead of ${own.size}`;
  if (symbol.file !== undefined && scene.file.blocks.includes(symbol.file)) {
    return answerLocal({ symbol, evidence: `${evidence}, with ${sizes}; ${scene.file.evidence}` }, 3, scene);
  }
  const { original, table, names } = scene;
  const question = { own, candidates: [symbol], original, table, names };
  const rebuilt = byRebuild(question, scene);
  if (rebuilt !== undefined) return answerLocal(rebuilt, 5, scene);
  const witness = decideByNeighbours(question) ?? decideByAddress(question);
  if (witness !== undefined) {
    return answerLocal({ symbol, evidence: `${evidence}, with ${sizes}, but ${witness.evidence}` }, 3, scene);
  }
  return answerAmbiguous(
    [symbol],
    scene,
    `it has ${sizes}, and neither its file nor its neighbours show that it comes from this object`,
  );
}

/**
 * Data under a compiler's number, `state.3`, is the same only if it has the same size: in another build the number may have
 * gone to another function's `state`.
 */
function isAnotherNumber(symbol: TableSymbol, own: ElfSymbol | undefined, names: NameRules | undefined): boolean {
  if (symbol.type !== STT.OBJECT || own === undefined || !isDrifting(symbol.name, names)) return false;
  return isAnother(symbol, own);
}

function isAnother(symbol: TableSymbol, own: ElfSymbol): boolean {
  return compareSize(symbol, own) === 'different';
}

/**
 * Level 4: `helper` is in `cm.c` and in `mad.c`, and the object is `cm.o`. Where the object's block is known, a symbol of
 * another block is never the answer, not even the only one of its name: gcc may have inlined ours in the target. What
 * stands in no block, or below the linker's nameless one, is not excluded.
 */
function withinFile(namesakes: readonly TableSymbol[], { blocks }: FileResolution): readonly TableSymbol[] {
  if (blocks.length === 0) return namesakes;
  const inside = namesakes.filter(({ file }) => file !== undefined && blocks.includes(file));
  if (inside.length > 0) return inside;
  return namesakes.filter(({ file }) => file === undefined || file.name === '');
}

function byRebuild(question: Question, scene: Scene): Decision | undefined {
  const rebuild = scene.rebuild();
  return rebuild && decideByRebuild(question, rebuild);
}

/** Level 9, where the exact name is absent or its number means something else in the target. */
function findDrifted(family: Family | undefined, scene: Scene): LookupAnswer {
  if (family === undefined) return { kind: 'missing' };
  const renumbered = findRenumbered(family);
  if (renumbered.symbol !== undefined) return answerLocal(renumbered, 9, scene);
  return renumbered.reason === undefined ? { kind: 'missing' } : { kind: 'missing', reason: renumbered.reason };
}

/** Where nothing else is known, the reason why a function is missing may be that gcc cloned it in one of the builds only. */
function withOtherClones(
  answer: LookupAnswer,
  { name, type }: Pick<TableSymbol, 'name' | 'type'>,
  { original, table, clones, file }: Scene,
): LookupAnswer {
  if (answer.kind !== 'missing' || answer.reason !== undefined || type !== STT.FUNC) return answer;
  const isOwn = (symbol: TableSymbol) =>
    isStatic(symbol)
      ? withinFile([symbol], file).length > 0
      : original.symbols.some((own) => definesGlobal(own, symbol));
  const reason = describeOtherClones(name, table, clones(), isOwn);
  return reason === undefined ? answer : { kind: 'missing', reason };
}

function definesGlobal({ name, bind, section }: ElfSymbol, symbol: TableSymbol): boolean {
  return name === symbol.name && bind !== STB.LOCAL && section !== undefined;
}

/** What may stand for the symbol under another number, on either side; nothing for a name without one. */
function familyOf(own: ElfSymbol, scene: Scene): Family | undefined {
  const { file, names } = scene;
  if (own.size === 0 || !mayDrift(own.name, names)) return undefined;
  const stem = stemOf(own.name, names);
  const isDiscarded = scene.discarded();
  const ours = scene.locals().ofStem(stem, own.type);
  return {
    own,
    ours: ours.filter((symbol) => symbol === own || symbol.section === undefined || !isDiscarded(symbol.section)),
    theirs: withinFile(
      (scene.numbered().get(stem) ?? []).filter(({ type }) => type === own.type),
      file,
    ),
    isFileKnown: file.blocks.length === 1,
  };
}

function byStem(table: TargetTable, names: NameRules | undefined): ReadonlyMap<string, readonly TableSymbol[]> {
  const numbered = table.locals.filter(({ name }) => mayDrift(name, names));
  return groupBy(numbered, ({ name }) => stemOf(name, names));
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function answerLocal(decision: Decision, level: number, { table, objectName }: Scene): LookupAnswer {
  return answerFound(decision, { level, isExported: false, table, objectName });
}

function describeFiles(namesakes: readonly TableSymbol[]): string {
  const files = [...new Set(namesakes.map(({ file }) => file?.name ?? 'no file'))];
  const count = namesakes.length === 1 ? 'one of that name' : `${namesakes.length} of that name`;
  return `${count} in ${files.slice(0, 5).join(', ')}${files.length > 5 ? ', ...' : ''}`;
}
