/**
 * The machine-readable answer of `--json`: one document, whatever came of the run. docs/json.md describes it for its
 * readers; a change that would break them changes `schema`.
 */
import type { Diagnostic, Place } from '../diagnostics/diagnostic.js';
import type { InspectReport } from '../livepatch/inspect.js';
import type { CacheEntry, CleanReport } from '../pipeline/clean.js';
import type { DoctorReport } from '../pipeline/doctor.js';
import type { Fact } from '../pipeline/facts.js';
import type { FetchReport } from '../pipeline/fetch-source.js';
import type { KernelFacts } from '../pipeline/kernel-facts.js';
import type { SourcedFact } from '../pipeline/kernel-info.js';
import type {
  BuildOutcome,
  BuildReport,
  FunctionChange,
  LookupDecision,
  ModuleReport,
  ObjectReport,
  VerificationReport,
} from '../pipeline/options.js';
import type { Plan } from '../pipeline/plan.js';
import type { ObjectLookups } from '../pipeline/refused-lookups.js';
import type { ReproduceReport } from '../pipeline/reproduce.js';

export type OutcomeName =
  | 'built'
  | 'unchanged'
  | 'checked'
  | 'inspected'
  | ReproduceReport['outcome']
  | 'cleaned'
  | 'examined'
  | 'fetched'
  | 'refused'
  | 'failed'
  | 'interrupted';

/** A finding as scripts see it. `internal-error` is the one code that is not in the catalogue: a bug in kptool. */
export type JsonDiagnostic = Omit<Diagnostic, 'exitStatus' | 'install' | 'page' | 'place'> & {
  readonly install: string | null;
  readonly page: string | null;
  readonly place: (Omit<Place, 'line'> & { readonly line: number | null }) | null;
};

/** Without gaps: what is not there is `null`. */
export type JsonChange = { readonly [Key in keyof FunctionChange]: Exclude<FunctionChange[Key], undefined> | null };

export type JsonLookup = {
  readonly [Key in keyof LookupDecision]: Exclude<LookupDecision[Key], undefined> | null;
};

export type JsonObject = Omit<ObjectReport, 'changes' | 'unchangedByLine' | 'lookups'> & {
  readonly changes: readonly JsonChange[];
  readonly unchangedByLine: readonly JsonChange[];
  readonly lookups: readonly JsonLookup[];
};

export type JsonObjectLookups = Pick<JsonObject, 'object' | 'module' | 'lookups'>;

export type JsonUnchangedObject = Pick<JsonObject, 'object' | 'module' | 'unchangedByLine'>;

export type JsonModule = Omit<ModuleReport, 'file' | 'verification'> & {
  readonly file: string | null;
  readonly verification: VerificationReport | null;
};

export type JsonPlan = Omit<Plan, 'wholeTree'> & { readonly wholeTree: string | null };

export type JsonReproduction = Omit<ReproduceReport, 'outcome' | 'original' | 'replayed' | 'unpackedTo'> & {
  readonly original: readonly JsonDiagnostic[];
  readonly replayed: readonly JsonDiagnostic[];
  readonly unpackedTo: string | null;
};

export type JsonFact = Omit<Fact, 'install' | 'advice'> & {
  readonly install: string | null;
  readonly advice: string | null;
};

export type JsonSourcedFact = JsonFact & { readonly from: string | null };

export interface JsonDoctor {
  readonly isReady: boolean;
  readonly chosen: BuildReport['kernel'] | null;
  readonly facts: readonly JsonFact[];
  readonly install: readonly string[];
  readonly kernels: readonly (Omit<KernelFacts, 'buildDirectory' | 'facts'> & {
    readonly buildDirectory: string | null;
    readonly facts: readonly JsonFact[];
  })[];
}

export type JsonFetched = Omit<FetchReport, 'kernel'>;

/** Times as ISO 8601 has them. */
export type JsonCleaned = Pick<CleanReport, 'cache' | 'dryRun'> & {
  readonly entries: readonly (Omit<CacheEntry, 'changed'> & { readonly changed: string })[];
};

export interface JsonDocument {
  readonly schema: 'kptool/1';
  readonly version: string;
  /** `null` where the command line was not understood. */
  readonly command: string | null;
  readonly outcome: OutcomeName;
  readonly exitStatus: number;
  /** The livepatch module, absolute. */
  readonly file: string | null;
  readonly name: string | null;
  readonly kernel: BuildReport['kernel'] | null;
  readonly modules: readonly JsonModule[];
  readonly objects: readonly JsonObject[];
  readonly unchangedObjects: readonly JsonUnchangedObject[];
  /** Of a refused build: what had been decided about the symbols of each object; of others that stands in `objects`. */
  readonly lookups: readonly JsonObjectLookups[];
  /** The source tree, absolute; `null` where it is not known yet. */
  readonly tree: string | null;
  /** Of a check: files that the patches touch, relative to the tree. */
  readonly touched: readonly string[];
  /** Of a check: sources that would be compiled; `null` where that is the whole tree, or not known. */
  readonly compiled: readonly string[] | null;
  /** Of a check: what a build would do. */
  readonly plan: JsonPlan | null;
  /** Of `inspect`: what is in the file. */
  readonly inspected: InspectReport | null;
  /** Of `doctor`: what this machine has and lacks. */
  readonly machine: JsonDoctor | null;
  /** Of `kernel info`: what is known of the kernel. */
  readonly kernelFacts: readonly JsonSourcedFact[] | null;
  /** Of `kernel fetch`: the source package, and what came of it. */
  readonly fetched: JsonFetched | null;
  readonly diagnostics: readonly JsonDiagnostic[];
  readonly workFolder: string | null;
  /** Of a failed build: what to attach to a report. */
  readonly bundle: string | null;
  /** Of `reproduce`: what came of it. */
  readonly reproduced: JsonReproduction | null;
  /** Of `clean`: what there was in the cache folder, and what went. */
  readonly cleaned: JsonCleaned | null;
}

/** A document that says nothing yet but which program this is and how the run ended. */
export function emptyDocument(
  version: string,
  command: string | null,
  outcome: OutcomeName,
  exitStatus: number,
): JsonDocument {
  return {
    schema: 'kptool/1',
    version,
    command,
    outcome,
    exitStatus,
    file: null,
    name: null,
    kernel: null,
    modules: [],
    objects: [],
    unchangedObjects: [],
    lookups: [],
    tree: null,
    touched: [],
    compiled: null,
    plan: null,
    inspected: null,
    machine: null,
    kernelFacts: null,
    fetched: null,
    diagnostics: [],
    workFolder: null,
    bundle: null,
    reproduced: null,
    cleaned: null,
  };
}

/** Without gaps. */
export function jsonDoctor({ isReady, chosen, machine, install, kernels }: DoctorReport): JsonDoctor {
  return {
    isReady,
    chosen: chosen ?? null,
    facts: machine.map(jsonFact),
    install,
    kernels: kernels.map(({ release, buildDirectory, isReady: isKernelReady, facts }) => ({
      ...{ release, buildDirectory: buildDirectory ?? null, isReady: isKernelReady },
      facts: facts.map(jsonFact),
    })),
  };
}

/** Without gaps. */
export function jsonSourcedFact(fact: SourcedFact): JsonSourcedFact {
  return { ...jsonFact(fact), from: fact.from ?? null };
}

function jsonFact(fact: Fact): JsonFact {
  const { subject, state, text, install = null, advice = null } = fact;
  return { subject, state, text, install, advice };
}

/** What had been decided when a run was refused. */
export function jsonLookups(objects: readonly ObjectLookups[]): JsonObjectLookups[] {
  return objects.map(({ object, module, lookups }) => ({ object, module, lookups: lookups.map(jsonLookup) }));
}

/** What came of doing a step again. */
export function documentOfReproduction(base: JsonDocument, report: ReproduceReport): JsonDocument {
  const { outcome: _, original, replayed, unpackedTo, ...rest } = report;
  return {
    ...base,
    name: report.name,
    kernel: report.kernel,
    reproduced: {
      ...rest,
      original: original.map(jsonDiagnostic),
      replayed: replayed.map(jsonDiagnostic),
      unpackedTo: unpackedTo ?? null,
    },
  };
}

/** What a build that ran to its end found out. */
export function documentOfOutcome(base: JsonDocument, outcome: BuildOutcome): JsonDocument {
  const { report } = outcome;
  const known = {
    ...base,
    kernel: report.kernel,
    modules: report.modules.map((module) => ({
      ...module,
      file: module.file ?? null,
      verification: module.verification ?? null,
    })),
  };
  if (outcome.kind === 'checked') {
    const { touched, compiled = null, plan } = outcome.report;
    return { ...known, touched, compiled, plan: { ...plan, wholeTree: plan.wholeTree ?? null } };
  }
  return {
    ...known,
    name: outcome.report.name,
    file: outcome.kind === 'built' ? outcome.file : null,
    objects: outcome.report.objects.map((object) => ({
      ...object,
      changes: object.changes.map(jsonChange),
      unchangedByLine: object.unchangedByLine.map(jsonChange),
      lookups: object.lookups.map(jsonLookup),
    })),
    unchangedObjects: outcome.report.unchangedObjects.map((object) => ({
      ...object,
      unchangedByLine: object.unchangedByLine.map(jsonChange),
    })),
    workFolder: outcome.report.workFolder ?? null,
  };
}

function jsonChange(change: FunctionChange): JsonChange {
  const { about = null, place = null, offset = null, original = null, patched = null } = change;
  return { function: change.function, reason: change.reason, about, place, offset, original, patched };
}

function jsonLookup(decision: LookupDecision): JsonLookup {
  const { symbol, scope, outcome, level = null, rule = null, target = null, evidence = null } = decision;
  return { symbol, scope, outcome, level, rule, target, evidence };
}

/** A finding without what only the exit status is made of. */
export function jsonDiagnostic(diagnostic: Diagnostic): JsonDiagnostic {
  const { code, severity, what, why, fix, details, install, page, place } = diagnostic;
  const shown = place === undefined ? null : { ...place, line: place.line ?? null };
  return { code, severity, what, why, fix, details, install: install ?? null, page: page ?? null, place: shown };
}
