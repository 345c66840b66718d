/**
 * What the verification of a module's objects comes to: one verdict, with the evidence for it. Rules in their order, of
 * which the first that holds decides.
 */
import type { BuildMarks } from './build-marks.js';
import { describeCompilers, describeOptions } from './build-marks.js';
import { describeOneSided } from './instruments.js';
import type { ObjectVerification } from './verification.js';

/**
 * `other module` is not among them: an object that is not part of the target (`membership.ts`) ends the comparison
 * before it begins.
 */
export type Verdict = 'same' | 'same but for names' | 'other compiler' | 'other configuration' | 'other source';

export interface VerdictInput {
  /** The objects of the module that were compiled, at least one. */
  readonly objects: readonly ObjectVerification[];
  readonly ours: BuildMarks;
  readonly theirs: BuildMarks;
  /** The release that the target kernel has, and the one that the module was built for. */
  readonly release: string;
  readonly targetRelease: string;
  /** Words of the module's version magic that contradict the kernel's configuration: `preempt_rt`. */
  readonly contradictions: readonly string[];
}

export interface Judgement {
  readonly verdict: Verdict;
  /** Sentences without a full stop, the decisive one first. */
  readonly evidence: readonly string[];
}

interface Rule {
  readonly verdict: Verdict;
  /** The decisive evidence; `undefined` where the rule does not hold. */
  readonly decide: (input: VerdictInput) => string | undefined;
}

/**
 * 1. The kernel would not load the module: `preempt_rt` in its version magic, and the kernel is none.
 * 2. Nothing differs: proof that stands above what signatures say.
 * 3. The signature of our compiler is none of the target's.
 * 4. The debug data of the target record other options: `-O3`.
 * 5. The module was built for another release: `6.1.0-13-rt-amd64`.
 * 6. All functions of one side, and none of the other, do what an option adds: call `__fentry__`.
 * 7. Nearly nothing is equal, in whatever object: an option or a header that all objects share.
 * 8. Some functions differ, as the source does. Where the target has no debug data, options that change little look the same.
 */
const RULES: readonly Rule[] = [
  { verdict: 'other configuration', decide: contradiction },
  { verdict: 'same', decide: ({ objects }) => (isSame(objects) && !hasMeaningless(objects) ? '' : undefined) },
  { verdict: 'same but for names', decide: ({ objects }) => (isSame(objects) ? meaningless(objects) : undefined) },
  { verdict: 'other compiler', decide: ({ ours, theirs }) => describeCompilers(ours, theirs) },
  { verdict: 'other configuration', decide: ({ ours, theirs }) => describeOptions(ours, theirs) },
  { verdict: 'other configuration', decide: otherRelease },
  { verdict: 'other configuration', decide: ({ objects }) => oneSided(objects) },
  { verdict: 'other configuration', decide: ({ objects }) => allOver(objects) },
  { verdict: 'other source', decide: ({ objects }) => someDiffer(objects) },
];

/** One or two functions of a small object may well be half of it. */
const LEAST_FUNCTIONS = 5;

/** Throws nothing. */
export function judge(input: VerdictInput): Judgement {
  for (const { verdict, decide } of RULES) {
    const decisive = decide(input);
    if (decisive === undefined) continue;
    return { verdict, evidence: [...(decisive === '' ? [] : [decisive]), describeCounts(input.objects)] };
  }
  // The last rule always holds.
  return { verdict: 'other source', evidence: [describeCounts(input.objects)] };
}

/** `134 of 134 functions of cm.o identical`, for several objects added up. */
function describeCounts(objects: readonly ObjectVerification[]): string {
  const functions = objects.reduce((sum, object) => sum + object.functions, 0);
  const identical = objects.reduce((sum, object) => sum + object.identical, 0);
  const names = objects.map(({ object }) => object);
  const where = names.length > 3 ? `${names.length} objects` : names.join(', ');
  return `${identical} of ${functions} functions of ${where} identical`;
}

function contradiction({ contradictions, release }: VerdictInput): string | undefined {
  if (contradictions.length === 0) return undefined;
  return `the version magic of the target says ${contradictions.join(' ')}, which kernel ${release} is not`;
}

function isSame(objects: readonly ObjectVerification[]): boolean {
  return objects.every(({ differences }) => differences.length === 0);
}

function hasMeaningless(objects: readonly ObjectVerification[]): boolean {
  return objects.some((object) => object.meaningless.length > 0);
}

function meaningless(objects: readonly ObjectVerification[]): string {
  const names = objects.flatMap((object) => object.meaningless);
  const further = names.length > 1 ? ` and ${names.length - 1} more` : '';
  return `missing are only ${names[0]}${further}`;
}

function otherRelease({ release, targetRelease }: VerdictInput): string | undefined {
  return release === targetRelease ? undefined : `the target was built for ${targetRelease}, not for ${release}`;
}

function oneSided(objects: readonly ObjectVerification[]): string | undefined {
  const found = describeOneSided(objects.map(({ instruments }) => instruments));
  return found.length === 0 ? undefined : found.join('; ');
}

function allOver(objects: readonly ObjectVerification[]): string | undefined {
  const functions = objects.reduce((sum, object) => sum + object.functions, 0);
  const identical = objects.reduce((sum, object) => sum + object.identical, 0);
  if (functions < LEAST_FUNCTIONS || identical * 2 >= functions) return undefined;
  return 'most functions differ, as under other compiler options, another configuration or with another header';
}

function someDiffer(objects: readonly ObjectVerification[]): string {
  const differing = objects.filter(({ differences }) => differences.length > 0).map(({ object }) => object);
  return `the source of ${differing.join(', ')} differs, or its options do a little`;
}
