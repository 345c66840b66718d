/** What a build is asked for, after command line and configuration have been merged, and what comes of it. */
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { ReasonKind } from '../diff/explain.js';
import type { MakeStep } from '../kbuild/make-step.js';
import type { NamePatterns } from '../lookup/drifting-names.js';
import type { LookupDecision } from '../lookup/explain-lookup.js';
import type { Verdict } from '../lookup/verdict.js';
import type { BuildStep } from './build-steps.js';
import type { Plan } from './plan.js';
import type { RuleLevel } from './rule-levels.js';

export { isNamePattern } from '../lookup/drifting-names.js';
export { type BuildStep, buildSteps, laterSteps } from './build-steps.js';
export type { LookupDecision, MakeStep };

/** How kptool was called, for those who look at a failure later. */
export interface Invocation {
  /** kptool's own. */
  readonly version: string;
  /** What followed its name. */
  readonly words: readonly string[];
  /** Absolute. */
  readonly workingDirectory: string;
}

export interface BuildOptions {
  /** Absolute; absent where the kernel's own source is patched. */
  readonly oot?: string;
  /** Absolute paths that tell where the kernel's source is, where `oot` is absent; else the distribution's package. */
  readonly kernelSource?: { readonly folder?: string; readonly archive?: string };
  /** How many objects of the kernel may be compiled for one build. */
  readonly maxObjects: number;
  /** Absolute path of a vmlinux, System.map or boot image that tells the kernel's symbols; absent: what is installed. */
  readonly vmlinux?: string;
  /** Absolute paths, in the order in which they are applied. */
  readonly patches: readonly string[];
  /** Absolute paths of target modules as they run (`--module`). */
  readonly modules: readonly string[];
  /** `--kernel`. */
  readonly kernel?: string;
  /** `kernel` of the configuration, which ranks below the command line. */
  readonly configuredKernel?: string;
  /** The kernel's build tree, where it is not `/lib/modules/RELEASE/build`. */
  readonly buildDirectory?: string;
  /** `VAR=VALUE` for every make. */
  readonly makeArguments: readonly string[];
  /** How the tree is built; absent: `dkms.conf` of the tree, else `make -C BUILD M=TREE modules`. */
  readonly makeSteps?: readonly MakeStep[];
  /** Names that are not the same in two builds, beyond those that are known. */
  readonly names?: NamePatterns;
  /** Absolute paths of `Module.symvers` files of other trees, the first one first (`--extra-symvers`). */
  readonly extraSymvers: readonly string[];
  /** `KBUILD_EXTRA_SYMBOLS` of the environment; `''` where it is not set. */
  readonly extraSymbolsVariable: string;
  readonly jobs: number;
  /** Milliseconds that one program may run, make above all; absent: as long as it wants. */
  readonly timeout?: number | undefined;
  /** Go on with the last build of this name from this step; what comes before it has been done. */
  readonly from?: BuildStep | undefined;
  /** The livepatch's name; absent: from the first patch's file name. */
  readonly name?: string;
  /** Absolute folder that receives the `.ko`. */
  readonly output: string;
  readonly replace: boolean;
  readonly skipCompilerCheck: boolean;
  /** Differences between the target and the unpatched source become warnings. */
  readonly skipTargetCheck: boolean;
  /** Keep the work folder after success (it is always kept after a failure). */
  readonly keep: boolean;
  /** Absolute folder that receives the bundle of a failed build; absent: none is written. */
  readonly bundle?: string | undefined;
  /** Put preprocessed sources into the bundle, so that compiling can be repeated. */
  readonly bundleFull: boolean;
  readonly debug: boolean;
  /** Find out why each function changed. */
  readonly explain: boolean;
  /** By rule; those that are not here keep their own level. */
  readonly rules: ReadonlyMap<string, RuleLevel>;
  /** Tell which rule of the lookup decided whose symbol each one is. */
  readonly explainLookup: boolean;
  /** Stop after the check. */
  readonly dryRun: boolean;
  /** Absolute; holds work folders and caches. */
  readonly cache: string;
  readonly invocation: Invocation;
  /** Aborted on Ctrl-C; running programs are ended. */
  readonly signal?: AbortSignal;
}

/** One changed object of the build and what the livepatch takes from it. */
export interface ObjectReport {
  /** Path in the tree, `core/agent.o`. */
  readonly object: string;
  /** The klp object: the module that links it. */
  readonly module: string;
  readonly changedFunctions: readonly string[];
  readonly newFunctions: readonly string[];
  readonly newData: readonly string[];
  /** Functions that the kernel calls around the patching, with the time: `pre_patch`. */
  readonly callbacks: readonly { readonly kind: string; readonly function: string }[];
  /** One for each of `changedFunctions`, where it was asked why they changed; else empty. */
  readonly changes: readonly FunctionChange[];
  /** Functions that count as unchanged, since only line numbers moved in them; empty where it was not asked. */
  readonly unchangedByLine: readonly FunctionChange[];
  /** One for each symbol of the target that was needed, where it was asked what decided; else empty. */
  readonly lookups: readonly LookupDecision[];
}

/** An object that was compiled anew and that the livepatch takes nothing from. */
export type UnchangedObjectReport = Pick<ObjectReport, 'object' | 'module' | 'unchangedByLine'>;

/** Why a function is in the livepatch, or is not. */
export interface FunctionChange {
  readonly function: string;
  /** What kind of change it is, see docs/json.md. */
  readonly reason: ReasonKind;
  /** The callee, the clones or the sections that the reason is about. */
  readonly about: string | undefined;
  /** Where the instructions are, `show+0x23`; in the part that differs where the function itself does not. */
  readonly place: string | undefined;
  /** Bytes from the start of the function, or of that part. */
  readonly offset: number | undefined;
  /** The first instruction that shows it, as text; `undefined` where the code ends before it. */
  readonly original: string | undefined;
  readonly patched: string | undefined;
}

/** What came of comparing a module as it runs with what was built from the unpatched source. */
export interface VerificationReport {
  /** See docs/json.md. */
  readonly verdict: Verdict;
  /** Sentences, the decisive one first. */
  readonly evidence: readonly string[];
  /** How many functions were compared, and how many were equal. */
  readonly functions: number;
  readonly identical: number;
  /** Functions and data that the target has not, or has otherwise. */
  readonly differing: readonly { readonly object: string; readonly name: string }[];
}

export interface ModuleReport {
  readonly name: string;
  readonly file: string | undefined;
  readonly chosenBy: string;
  /** Absent where the module was not seen as it runs, and where nothing of it was compiled. */
  readonly verification?: VerificationReport;
}

export interface BuildReport {
  readonly name: string;
  readonly kernel: { readonly release: string; readonly chosenBy: string };
  readonly modules: readonly ModuleReport[];
  readonly objects: readonly ObjectReport[];
  /** Where it was asked why functions changed; else empty. */
  readonly unchangedObjects: readonly UnchangedObjectReport[];
  readonly warnings: readonly Diagnostic[];
  readonly workFolder: string | undefined;
}

export type BuildOutcome =
  | { readonly kind: 'built'; readonly file: string; readonly report: BuildReport }
  /** The patch changes nothing that runs: exit status 3. */
  | { readonly kind: 'unchanged'; readonly report: BuildReport }
  /** `--dry-run`: what the check found, and what a build would do. */
  | { readonly kind: 'checked'; readonly report: CheckReport };

export interface CheckReport {
  readonly kernel: { readonly release: string; readonly chosenBy: string };
  readonly modules: readonly ModuleReport[];
  /** Files that the patches touch, relative to the tree. */
  readonly touched: readonly string[];
  /** Sources that will be compiled, relative to the tree; `undefined` where the whole tree is built. */
  readonly compiled: readonly string[] | undefined;
  readonly plan: Plan;
  readonly warnings: readonly Diagnostic[];
}
