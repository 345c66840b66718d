/** Words what the verification of a module found: an error for what the patch is about, a warning for the rest. */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { Judgement } from './verdict.js';
import type { Difference, ObjectVerification } from './verification.js';

/** What a patch is about in an object, by the names that the object or the target has for it. */
export interface TouchedNames {
  /** Functions that the livepatch takes the place of. */
  readonly changed: ReadonlySet<string>;
  /** Functions and data that it refers to. */
  readonly needed: ReadonlySet<string>;
}

/** Of an object in which nothing changed. */
export const untouched: TouchedNames = { changed: new Set(), needed: new Set() };

export interface VerifiedObject {
  readonly verification: ObjectVerification;
  /** Empty where the object did not change; `undefined` where the comparison came to no end. */
  readonly touched: TouchedNames | undefined;
}

export interface VerifiedModule {
  /** The klp object: `ib_cm`. */
  readonly module: string;
  /** The file that was compared, for messages. */
  readonly target: string;
  readonly objects: readonly VerifiedObject[];
  readonly judgement: Judgement;
  /** The version magic says that the kernel never loads it. */
  readonly isOfAnotherKernel: boolean;
}

/** How many differences are told one by one. */
const MOST_LINES = 20;

/** The findings, errors first; none for a target that is the same. Throws nothing. */
export function describeVerification({ module, target, objects, ...found }: VerifiedModule): Diagnostic[] {
  const { verdict, evidence } = found.judgement;
  const findings = found.isOfAnotherKernel ? [diagnose('target-of-another-kernel', { module, target, evidence })] : [];
  findings.push(...describeOverridden(module, target, objects));
  if (verdict === 'same' || verdict === 'same but for names') return findings;
  const base = { module, target, verdict, evidence };

  const told = objects.map(({ verification, touched }) => {
    const { changed, needed } = touched ?? untouched;
    const callers = possibleCopies(verification.differences, changed);
    const isTouched = (difference: Difference) =>
      callers.has(difference) || namesOf(difference).some((name) => changed.has(name) || needed.has(name));
    return { ...verification, touched: verification.differences.filter(isTouched), isTouched };
  });
  const touched = told.flatMap((object) => object.touched);
  if (touched.length > 0) {
    const inObjects = told.filter((object) => object.touched.length > 0).map(({ object }) => object);
    const names = touched.map(({ name }) => name);
    findings.push(
      diagnose('target-function-differs', { ...base, touched: names, objects: inObjects, texts: linesOf(touched) }),
    );
  }
  const others = told.flatMap(({ differences, isTouched }) => differences.filter((one) => !isTouched(one)));
  if (others.length > 0) {
    const names = others.map(({ name }) => name);
    const isUntouched = objects.every((object) => object.touched !== undefined);
    findings.push(diagnose('target-differs', { ...base, names, isUntouched, texts: linesOf(others) }));
  }
  return findings;
}

function describeOverridden(module: string, target: string, objects: readonly VerifiedObject[]): Diagnostic[] {
  return objects.flatMap(({ verification: { object, overridden }, touched = untouched }) =>
    overridden
      .filter(({ name }) => touched.changed.has(name))
      .map(({ name, text }) => diagnose('weak-function-overridden', { module, target, object, name, text })),
  );
}

/**
 * Functions of the target that may hold a copy of a changed function, which would stay in force: `cm_show` of ours calls
 * the changed `cm_show_connection`, the target has another `cm_show`, and gcc may have inlined the callee there. What calls such
 * a function and differs too may hold both.
 */
function possibleCopies(differences: readonly Difference[], changed: ReadonlySet<string>): ReadonlySet<Difference> {
  const suspect = new Set(changed);
  const found = new Set<Difference>();
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const difference of differences) {
      if (!difference.callees.some((callee) => suspect.has(callee))) continue;
      found.add(difference);
      suspect.add(difference.name);
    }
  }
  return found;
}

/** The cold part belongs to its function: who replaces `cm_send` leaves `cm_send.cold` behind as well. */
function namesOf({ name, targetName }: Difference): string[] {
  return [name, targetName ?? name].flatMap((known) => [known, known.replace(/\.cold(?:\.\d+)?$/, '')]);
}

function linesOf(differences: readonly Difference[]): string[] {
  const lines = differences.slice(0, MOST_LINES).map(({ text }) => text);
  const further = differences.length - lines.length;
  return further > 0 ? [...lines, `and ${further} more`] : lines;
}
