/** Questions that do not need each other's answers are asked together, and what is wrong is told together. */
import { type Diagnostic, KptoolError } from '../diagnostics/diagnostic.js';

/**
 * As Promise.all, but waits for all of them: a machine that lacks make and the compiler is told both.
 * @throws KptoolError with the findings of all that have any; any other exception, which is a bug, comes first
 */
export async function allOrFindings<Answers extends readonly unknown[]>(
  questions: {
    readonly [Index in keyof Answers]: Promise<Answers[Index]>;
  },
): Promise<Answers> {
  const settled = await Promise.allSettled(questions);
  // A question that waits for another one's answer fails with it, of the same reason.
  const reasons = [...new Set(settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : [])))];
  const bug = reasons.find((reason) => !(reason instanceof KptoolError));
  if (bug !== undefined) throw bug;
  const [only, ...more] = reasons as KptoolError[];
  if (only !== undefined && more.length === 0) throw only;
  if (only !== undefined) throw new KptoolError([only, ...more].flatMap(({ diagnostics }) => diagnostics));
  return settled.map((one) => (one as PromiseFulfilledResult<unknown>).value) as unknown as Answers;
}

/** Runs `question`; where it is refused, `earlier` findings are told with what it found. Throws what it throws. */
export async function withEarlier<Answer>(
  earlier: readonly Diagnostic[],
  question: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await question();
  } catch (error) {
    if (earlier.length === 0 || !(error instanceof KptoolError)) throw error;
    throw new KptoolError([...earlier, ...error.diagnostics]);
  }
}

/** What speaks against it, where the answer itself is not wanted; empty where nothing does. Throws nothing but bugs. */
export async function findingsOf(question: () => Promise<unknown>): Promise<readonly Diagnostic[]> {
  try {
    await question();
    return [];
  } catch (error) {
    if (error instanceof KptoolError) return error.diagnostics;
    throw error;
  }
}
