/** The rules that the tree around a patch decides, asked before anything is compiled. */
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { type Affected, includersOf, type TreeIncludes } from '../kbuild/affected-sources.js';
import { type BuildPlan, singleObjectWay } from '../kbuild/make-steps.js';
import type { MakefileTexts } from '../kbuild/makefile-change.js';
import { isMakefile, type Makefile, makefilesAbove, withoutComments } from '../kbuild/tree-files.js';
import { checkHeaders, checkMakefiles, checkReach } from '../kbuild/tree-rules.js';
import type { KernelConfig } from '../kernel/config.js';
import type { SourceTexts } from '../patch/source-change.js';

export interface TreeQuestion {
  /** By path in the tree, every file that the patches touch. */
  readonly texts: ReadonlyMap<string, SourceTexts>;
  readonly includes: TreeIncludes;
  /** As `withPatched` gives them. */
  readonly makefiles: readonly Makefile[];
  readonly config: KernelConfig;
  readonly plan: BuildPlan;
  /** `VAR=VALUE` for every make. */
  readonly makeArguments: readonly string[];
}

/** Throws nothing. */
export function checkTree(question: TreeQuestion): Diagnostic[] {
  const { includes, texts, makefiles, config, plan, makeArguments } = question;
  const kept = [...texts].filter(([, { patched }]) => patched !== undefined).map(([file]) => file);
  const code = kept.filter((file) => /\.[ch]$/.test(file));
  const includers = includersOf(code, includes);
  const given = plan.steps.flatMap((step) => ('arguments' in step ? step.arguments : []));
  return [
    ...checkMakefiles({
      // One that others include is compiled with them.
      sources: code.filter((file) => file.endsWith('.c') && includers.get(file)?.length === 0),
      makefiles,
      config,
      makeArguments: [...given, ...makeArguments],
      ...(singleObjectWay(plan) === undefined && { cannotTell: `how ${plan.chosenBy} builds it` }),
    }),
    ...checkHeaders(
      new Map(code.filter((file) => file.endsWith('.h')).map((file) => [file, includers.get(file) ?? []])),
    ),
  ];
}

interface KernelTreeQuestion {
  readonly affected: Affected;
  /** Those that the patches touch. */
  readonly makefiles: ReadonlyMap<string, MakefileTexts>;
  readonly config: KernelConfig;
}

/** The same of a kernel's tree, of which kbuild has said what is compiled. Reads makefiles, and throws nothing. */
export async function checkKernelTree(
  tree: string,
  touched: readonly string[],
  { affected, makefiles: touchedMakefiles, config }: KernelTreeQuestion,
): Promise<Diagnostic[]> {
  const compiled = affected.kind === 'some' ? affected.sources : [];
  const sources = touched.filter((file) => compiled.some(({ source }) => source === file));
  const makefiles = withPatched(await makefilesAbove(tree, sources), touchedMakefiles);
  const usersOf = (header: string) =>
    compiled.filter(({ because }) => because.includes(header)).map(({ source }) => source);
  const headers = touched.filter((file) => file.endsWith('.h')).map((file) => [file, usersOf(file)] as const);
  return [
    ...checkMakefiles({ sources, makefiles, config, makeArguments: [], isBuilt: true }),
    ...checkHeaders(new Map(headers)),
    ...[...touchedMakefiles].flatMap(([file, texts]) => checkReach(file, texts)),
  ];
}

/** The makefiles of a tree as they are with the patches. */
export function withPatched(makefiles: readonly Makefile[], texts: ReadonlyMap<string, MakefileTexts>): Makefile[] {
  const patched = [...texts].flatMap(([file, { patched: text }]): Makefile[] =>
    isMakefile(file) && text !== undefined ? [{ file, text: withoutComments(text) }] : [],
  );
  return [...makefiles.filter(({ file }) => !texts.has(file)), ...patched];
}
