/**
 * Is the object part of the target at all? Asked before anything else is looked up, since a livepatch for a module that
 * does not link the object can only be wrong: `cm.o` and an `ib_mad.ko` that was linked from `ib_mad_dummy.c`.
 */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
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
  /** Some that it has not. */
  readonly absent: readonly string[];
}

/**
 * A target that names the object's source and has a quarter of its functions, or has half of them under whatever file
 * names, contains the object: compilers inline and split differently, but not three functions of four. Without `FILE`
 * symbols the quarter suffices.
 */
export function checkMembership(original: ElfObject, table: TargetTable): Membership {
  const sources = sourceNames(original);
  const targetSources = [...new Set(table.files.map(({ name }) => baseName(name)))].filter((name) => name !== '');
  const names = functionsOf(original, table).map(({ name }) => name);
  const absent = names.filter((name) => !isDefined(name, table));
  const found = names.length - absent.length;
  const isNamed = targetSources.length === 0 || sources.some((source) => targetSources.includes(source));
  const hasQuarter = found * 4 >= names.length;
  const hasHalf = names.length > 0 && found * 2 >= names.length;
  const isMember = (isNamed && hasQuarter) || hasHalf;
  return { isMember, sources, targetSources, found, total: names.length, absent };
}

/** What a person wants to know of the objects around: where the object really belongs. */
export interface Origin {
  /** `cm.o`, as the tree has it. */
  readonly object: string;
  /** The klp object: `ib_mad`. */
  readonly objectName: string;
  /** Modules of the tree that link the object, if known. */
  readonly linkedInto?: readonly string[];
}

/** The finding `object-not-in-target`, or nothing if the object is part of the target. */
export function describeForeignObject(original: ElfObject, table: TargetTable, origin: Origin): Diagnostic | undefined {
  const membership = checkMembership(original, table);
  if (membership.isMember) return undefined;
  return diagnose('object-not-in-target', {
    ...origin,
    ...membership,
    linkedInto: origin.linkedInto ?? [],
    target: table.fileName,
  });
}

function isDefined(name: string, table: TargetTable): boolean {
  return table.named(name).some(({ place }) => typeof place !== 'string');
}
