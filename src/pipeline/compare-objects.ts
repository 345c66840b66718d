/** Every pair of objects compared, for each module that links it. */
import { readFile } from 'node:fs/promises';
import type { EntrySizes } from '../arch/arch.js';
import { type Diagnostic, KptoolError } from '../diagnostics/diagnostic.js';
import type { ObjectDiff } from '../diff/diff-objects.js';
import type { ExportTypes } from '../diff/type-changes.js';
import type { ModuleObjects } from '../kbuild/module-objects.js';
import type { ModuleFile } from '../kernel/module-file.js';
import type { ExportedSymbol } from '../kernel/symvers.js';
import type { LivepatchParts } from '../livepatch/livepatch.js';
import type { NameRules } from '../lookup/drifting-names.js';
import type { LookupDecision } from '../lookup/explain-lookup.js';
import { indexExports } from '../lookup/exports.js';
import { type TargetTable, tableOfImage } from '../lookup/symbol-table.js';
import type { TouchedCode } from '../patch/touched-code.js';
import type { ObjectPair } from './both-sides.js';
import { ObjectRules } from './object-rules.js';
import type { VerificationReport } from './options.js';
import { importedBy } from './ordinary-imports.js';
import { diffWithRebuild, type FindRebuild, linkOrderOf } from './rebuild.js';
import { lookupsOf, type ObjectLookups, withLookups } from './refused-lookups.js';
import { applyRuleLevels, type RuleLevel } from './rule-levels.js';
import { type TargetModule, tableOfTarget } from './target-modules.js';
import { TargetVerifier, type VerificationQuestion } from './verify-targets.js';

/** What one object contributes to the livepatch for one module. */
export interface Contribution {
  /** Path in the tree, `core/agent.o`. */
  readonly object: string;
  readonly module: string;
  readonly diff: ObjectDiff;
  readonly parts: LivepatchParts;
  readonly lookups: readonly LookupDecision[];
}

/** An object that was compiled anew and gives the livepatch nothing. */
export interface UnchangedObject extends Pick<Contribution, 'object' | 'module'> {
  /** The functions in which only line numbers moved. */
  readonly reasons: ObjectDiff['reasons'];
}

export interface ComparisonResult {
  readonly contributions: readonly Contribution[];
  /** Empty where nobody asked why functions changed. */
  readonly unchanged: readonly UnchangedObject[];
  readonly warnings: readonly Diagnostic[];
  /** By module. */
  readonly verifications: ReadonlyMap<string, VerificationReport>;
  /** Rules of the source whose findings the objects have decided; see `ObjectRules`. */
  readonly settled: readonly string[];
  /** See `ObjectRules`. */
  readonly exportTypes: ReadonlyMap<string, ExportTypes>;
}

export interface ComparisonQuestion {
  readonly pairs: readonly ObjectPair[];
  readonly targets: readonly TargetModule[];
  /** The modules as rebuilt from the unpatched source, where they were: they vouch for positions in stripped targets. */
  readonly built: readonly ModuleFile[];
  /** Which objects the modules were linked from when the user last built the tree, where that can be seen. */
  readonly linked: readonly ModuleObjects[];
  /** Asked where namesakes cannot be told apart otherwise. */
  readonly findRebuild: FindRebuild;
  /** See `knownExports`. */
  readonly exports: readonly ExportedSymbol[];
  readonly entrySizes: EntrySizes;
  /** Find out why functions changed. */
  readonly explain: boolean;
  readonly names?: NameRules;
  readonly verification: Omit<VerificationQuestion, 'targets'>;
  readonly touched: TouchedCode;
  /** See `changedExports`. */
  readonly changedExports: ReadonlyMap<string, readonly string[]>;
  /** What the user has decided about rules. */
  readonly rules: ReadonlyMap<string, RuleLevel>;
}

/** @throws KptoolError with the findings of all objects, not of the first that has one; see also `lookupsOf` */
export async function compareObjects(question: ComparisonQuestion): Promise<ComparisonResult> {
  const { pairs, targets, built, linked, findRebuild, entrySizes, explain, names } = question;
  const tables = new Map<string, TargetTable>(targets.map((found) => [found.name, tableOfTarget(found)]));
  const rebuilt = new Map(built.map(({ name, image }) => [name, tableOfImage(image)]));
  const exports = indexExports(question.exports);
  const patchedModules = new Set(pairs.flatMap(({ modules }) => modules));
  const verifier = new TargetVerifier({ ...question.verification, targets });
  const { touched, changedExports } = question;
  const rules = new ObjectRules({ touched, targets, tables, exports });
  const contributions: Contribution[] = [];
  const unchanged: UnchangedObject[] = [];
  const warnings: Diagnostic[] = [];
  const errors: Diagnostic[] = [];
  const lookups: ObjectLookups[] = [];
  for (const { object, modules, ...files } of pairs) {
    const patched = await readFile(files.patched);
    const original = files.original === undefined ? undefined : await readFile(files.original);
    for (const module of modules) {
      const table = tables.get(module);
      if (table === undefined) continue;
      const referenceTable = rebuilt.get(module);
      const linkOrder = linkOrderOf(object, module, linked);
      try {
        if (original !== undefined) {
          verifier.verify(object, original, {
            objectName: module,
            table,
            exports,
            names,
            ...(linkOrder === undefined ? {} : { linkOrder }),
            ...(referenceTable === undefined ? {} : { referenceTable }),
          });
        }
        const input = {
          original,
          patched,
          objectName: object,
          target: module,
          linkedInto: modules,
          chosenBy: targets.find(({ name }) => name === module)?.chosenBy,
          table,
          release: question.verification.kernel.release,
          referenceTable,
          linkOrder,
          exports,
          names,
          isImported: importedBy(module, targets, patchedModules),
          entrySizes,
          explain,
          shipsReturningParts: true,
          rules: { touched, changedExports: changedExports.get(object) ?? [] },
        };
        const outcome = await diffWithRebuild(input, findRebuild);
        warnings.push(...outcome.warnings);
        verifier.touch(object, module, outcome);
        rules.add({ object, module, patched, outcome });
        if (outcome.kind === 'changed') {
          const { diff, parts } = outcome;
          contributions.push({ object, module, diff, parts, lookups: outcome.lookups });
          lookups.push({ object, module, lookups: outcome.lookups });
        } else if (explain) unchanged.push({ object, module, reasons: outcome.reasons });
      } catch (error) {
        if (!(error instanceof KptoolError)) throw error;
        errors.push(...applyRuleLevels(error.diagnostics, question.rules));
        rules.addRefused({ object, patched });
        lookups.push(...lookupsOf(error));
      }
    }
  }
  // After the comparison, which says what the patch is about. Where that failed, this may be why.
  const { findings: doubts, reports: verifications } = verifier.conclude();
  const findings = [...applyRuleLevels(rules.conclude(), question.rules), ...doubts];
  errors.push(...findings.filter(({ severity }) => severity === 'error'));
  warnings.push(...findings.filter(({ severity }) => severity === 'warning'));
  if (errors.length > 0) throw withLookups(new KptoolError([...errors, ...warnings]), lookups);
  return {
    contributions,
    unchanged,
    warnings,
    verifications,
    settled: rules.settled(),
    exportTypes: rules.exportTypes(),
  };
}
