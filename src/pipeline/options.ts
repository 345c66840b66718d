/** What a build is asked for, after command line and configuration have been merged, and what comes of it. */
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { MakeStep } from '../kbuild/make-step.js';

export type { MakeStep };

export interface BuildOptions {
  /** Absolute. */
  readonly oot: string;
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
  readonly jobs: number;
  /** The livepatch's name; absent: from the first patch's file name. */
  readonly name?: string;
  /** Absolute folder that receives the `.ko`. */
  readonly output: string;
  readonly replace: boolean;
  readonly skipCompilerCheck: boolean;
  /** Keep the work folder after success (it is always kept after a failure). */
  readonly keep: boolean;
  readonly debug: boolean;
  /** Stop after the check. */
  readonly dryRun: boolean;
  /** Absolute; holds work folders and caches. */
  readonly cache: string;
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
}

export interface BuildReport {
  readonly name: string;
  readonly kernel: { readonly release: string; readonly chosenBy: string };
  readonly modules: readonly { readonly name: string; readonly file: string | undefined; readonly chosenBy: string }[];
  readonly objects: readonly ObjectReport[];
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
  readonly modules: readonly { readonly name: string; readonly file: string | undefined; readonly chosenBy: string }[];
  /** Files that the patches touch, relative to the tree. */
  readonly touched: readonly string[];
  /** Sources that will be compiled, relative to the tree; `undefined` where the whole tree is built. */
  readonly compiled: readonly string[] | undefined;
  readonly warnings: readonly Diagnostic[];
}
