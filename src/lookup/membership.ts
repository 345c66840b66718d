/**
 * Is the object part of the target at all? Asked before anything else is looked up, since a livepatch for a module that
 * does not link the object can only be wrong: `cm.o` and an `ib_mad.ko` that was linked from `ib_mad_dummy.c`.
 */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { STT } from '../elf/constants.js';
import type { ElfObject } from '../elf/object.js';
import { baseName, functionsOf, sourceNames } from './static-symbols.js';
import type { TargetTable } from './symbol-table.js';

export interface Membership {
  readonly isMember: boolean;
  /** Sources of the object: `cm.c`. */
  readonly sources: readonly string[];
  /** Sources that the target names; empty where it was stripped of them. */
  readonly targetSources: readonly string[];
  /** How many of the object's functions the target has by name. */
  readonly found: number;
  readonly total: number;
  /** Those that it has not. */
  readonly absent: readonly string[];
  /** The target's functions that the object has not; all of them where it has none of the object's. */
  readonly others: readonly string[];
}

/**
 * A target that names the object's source and has a quarter of its functions, or has half of them under whatever file
 * names, contains the object: compilers inline and split differently, but not three functions of four. Without `FILE`
 * symbols the quarter suffices.
 */
export function checkMembership(original: ElfObject, table: TargetTable): Membership {
  const sources = sourceNames(original);
  const targetSources = sourcesOf(table);
  const names = functionsOf(original, table).map(({ name }) => name);
  const absent = names.filter((name) => !isDefined(name, table));
  const found = names.length - absent.length;
  const isNamed = targetSources.length === 0 || sources.some((source) => targetSources.includes(source));
  const hasQuarter = found * 4 >= names.length;
  const others = functionsOfTarget(table).filter((name) => !names.includes(name));
  const hasHalf = names.length > 0 && found * 2 >= names.length;
  const isMember = (isNamed && hasQuarter) || hasHalf;
  return { isMember, sources, targetSources, found, total: names.length, absent, others };
}

/** What a person wants to know of the objects around: where the object really belongs. */
export interface Origin {
  /** `cm.o`, as the tree has it. */
  readonly object: string;
  /** The klp object: `ib_mad`. */
  readonly objectName: string;
  /** Modules of the tree that link the object, if known. */
  readonly linkedInto?: readonly string[];
  /** Where the target was found, in words: `installed`. */
  readonly chosenBy?: string;
  /** Files of modules that have a source of that name. */
  readonly foundIn?: readonly string[];
}

/** The finding `object-not-in-target`, or nothing if the object is part of the target. */
export function describeForeignObject(original: ElfObject, table: TargetTable, origin: Origin): Diagnostic | undefined {
  const membership = checkMembership(original, table);
  return membership.isMember ? undefined : describe(membership, table, origin);
}

/**
 * The same finding from the source alone, before anything is compiled, where it is certain: the target names its sources and
 * this is none of them, and it has no function that is defined in `text`. Which of these the configuration leaves out is not
 * known; one that is there is enough to wait for the object.
 */
export function describeForeignSource(
  source: string,
  text: string,
  table: TargetTable,
  origin: Origin,
): Diagnostic | undefined {
  const targetSources = sourcesOf(table);
  const names = functionsInSource(text);
  if (targetSources.length === 0 || targetSources.includes(baseName(source)) || names.length === 0) return undefined;
  if (names.some((name) => isDefined(name, table))) return undefined;
  const others = functionsOfTarget(table);
  const membership = {
    sources: [baseName(source)],
    targetSources,
    found: 0,
    total: names.length,
    absent: names,
    others,
  };
  return describe(membership, table, origin);
}

/** What stands at the start of a line before a parameter list and a body; the kernel's style, which checkpatch enforces. */
function functionsInSource(text: string): string[] {
  const definition = /^[A-Za-z_][\w \t*]*?[\s*](\w+)\s*\([^;{}()]*(?:\([^;{}()]*\)[^;{}()]*)*\)\s*\{/gm;
  return [...new Set([...text.matchAll(definition)].map(([, name = '']) => name))];
}

/** Without the two that the loader calls: every module has them. */
function functionsOfTarget(table: TargetTable): string[] {
  const functions = table.symbols.filter(({ type, place }) => type === STT.FUNC && typeof place !== 'string');
  const names = [...new Set(functions.map(({ name }) => name))];
  return names.filter((name) => name !== 'init_module' && name !== 'cleanup_module');
}

function sourcesOf(table: TargetTable): string[] {
  return [...new Set(table.files.map(({ name }) => baseName(name)))].filter((name) => name !== '');
}

function describe(membership: Omit<Membership, 'isMember'>, table: TargetTable, origin: Origin): Diagnostic {
  return diagnose('object-not-in-target', {
    linkedInto: [],
    foundIn: [],
    ...origin,
    ...membership,
    target: table.fileName,
  });
}

function isDefined(name: string, table: TargetTable): boolean {
  return table.named(name).some(({ place }) => typeof place !== 'string');
}
