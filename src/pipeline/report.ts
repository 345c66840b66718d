/** What the user is told at the end: collected while the steps go on. */
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { ObjectDiff } from '../diff/diff-objects.js';
import type { ChangeReason } from '../diff/explain.js';
import type { TargetKernel } from '../kernel/resolve.js';
import type { Contribution, UnchangedObject } from './compare-objects.js';
import type {
  BuildReport,
  CheckReport,
  FunctionChange,
  ModuleReport,
  ObjectReport,
  VerificationReport,
} from './options.js';
import type { CheckedPatches } from './patches.js';
import type { Plan } from './plan.js';
import type { Target } from './target.js';
import type { TargetModule } from './target-modules.js';

export class ReportMaker {
  #modules: readonly ModuleReport[] = [];
  #objects: readonly ObjectReport[] = [];
  #unchangedObjects: BuildReport['unchangedObjects'] = [];
  #warnings: readonly Diagnostic[] = [];

  constructor(
    readonly name: string,
    readonly kernel: TargetKernel,
    readonly workFolder: string | undefined,
    readonly explainsLookup: boolean,
  ) {}

  warn(warnings: readonly Diagnostic[]): void {
    this.#warnings = [...this.#warnings, ...warnings];
  }

  /** Takes back warnings of rules by what is known better now. */
  settle(rules: readonly string[]): void {
    this.#warnings = this.#warnings.filter(({ code }) => !rules.includes(code));
  }

  targets(modules: readonly TargetModule[]): void {
    this.#modules = modules.map(reportModule);
  }

  verified(reports: ReadonlyMap<string, VerificationReport>): void {
    this.#modules = this.#modules.map((module) => {
      const verification = reports.get(module.name);
      return verification === undefined ? module : { ...module, verification };
    });
  }

  objects(contributions: readonly Contribution[], unchanged: readonly UnchangedObject[]): void {
    this.#unchangedObjects = unchanged.map(({ object, module, reasons }) => ({
      object,
      module,
      unchangedByLine: unchangedByLine(reasons),
    }));
    this.#objects = contributions.map(({ object, module, diff, lookups }) => ({
      object,
      module,
      changedFunctions: diff.changedFunctions.map(({ name }) => name),
      newFunctions: diff.newFunctions.map(({ name }) => name),
      newData: diff.newData.map(({ name }) => name),
      callbacks: diff.callbacks.map(({ kind, symbol }) => ({ kind, function: symbol.name })),
      ...explanations(diff),
      lookups: this.explainsLookup ? lookups : [],
    }));
  }

  report(): BuildReport {
    const { release, chosenBy } = this.kernel;
    return {
      name: this.name,
      kernel: { release, chosenBy },
      modules: this.#modules,
      objects: this.#objects,
      unchangedObjects: this.#unchangedObjects,
      warnings: this.#warnings,
      workFolder: this.workFolder,
    };
  }
}

/** In the order of the changed functions; both lists are empty where nobody asked why. */
function explanations({ changedFunctions, reasons }: ObjectDiff): Pick<ObjectReport, 'changes' | 'unchangedByLine'> {
  const changes = changedFunctions.flatMap((symbol) => {
    const reason = reasons.get(symbol);
    return reason === undefined ? [] : [functionChange(symbol.name, reason)];
  });
  return { changes, unchangedByLine: unchangedByLine(reasons) };
}

function unchangedByLine(reasons: ObjectDiff['reasons']): FunctionChange[] {
  return [...reasons]
    .filter(([, { kind }]) => kind === 'line number')
    .map(([{ name }, reason]) => functionChange(name, reason));
}

function functionChange(name: string, reason: ChangeReason): FunctionChange {
  const { kind, about, where, offset, original, patched } = reason;
  const place =
    offset === undefined ? undefined : `${where}${offset < 0 ? '-' : '+'}0x${Math.abs(offset).toString(16)}`;
  return { function: name, reason: kind, about, place, offset, original, patched };
}

/** What a build would do, as far as is known without compiling: which modules own an object is not. */
export function checkReport(
  target: Target,
  patches: CheckedPatches,
  plan: Plan,
  warnings: readonly Diagnostic[],
): CheckReport {
  const { release, chosenBy } = target.kernel;
  const { given, inTree } = target.modules.sources;
  const modules = [
    ...given.map((module) => ({ name: module.name, file: module.path, chosenBy: '--module' })),
    ...inTree
      .filter((module) => module.release === release && !given.some(({ name }) => name === module.name))
      .map((module) => ({ name: module.name, file: module.path, chosenBy: 'in the tree' })),
  ];
  return {
    kernel: { release, chosenBy },
    modules,
    touched: patches.touched,
    compiled: patches.sources?.patched,
    plan,
    warnings,
  };
}

/** Our own build of a module lies in the work folder, which tells nobody anything. */
function reportModule({ name, module, chosenBy, wasSeen }: TargetModule): ModuleReport {
  return { name, file: wasSeen ? module.path : undefined, chosenBy };
}
