/**
 * Was the module that runs, or the kernel, built from this source with this compiler? Asked while the objects are compared, for every
 * object and every module that was seen as it runs; answered once all of a module's objects have been.
 */
import { type Arch, selectArch } from '../arch/arch.js';
import { knownArchs } from '../arch/known.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import { readElf } from '../elf/read.js';
import type { KernelConfig } from '../kernel/config.js';
import { contradictingFlags } from '../kernel/version-magic.js';
import { type BuildMarks, buildMarks } from '../lookup/build-marks.js';
import { CodeIndex } from '../lookup/code-index.js';
import { createLookup, type LookupInput } from '../lookup/create-lookup.js';
import { LinkedCode } from '../lookup/linked-code.js';
import { checkMembership } from '../lookup/membership.js';
import type { TargetCode } from '../lookup/target-code.js';
import { judge, type Verdict } from '../lookup/verdict.js';
import { type ObjectVerification, verifyObject } from '../lookup/verification.js';
import { describeVerification, type TouchedNames, untouched } from '../lookup/verification-findings.js';
import type { PairOutcome } from './diff-pair.js';
import type { VerificationReport } from './options.js';
import type { TargetModule } from './target-modules.js';

export interface VerificationQuestion {
  readonly targets: readonly TargetModule[];
  readonly kernel: { readonly release: string; readonly config: KernelConfig };
  /** All differences become warnings. */
  readonly skipCheck: boolean;
  /** Those that another compiler makes become warnings. */
  readonly skipCompilerCheck: boolean;
}

interface Verified {
  readonly verification: ObjectVerification;
  readonly marks: BuildMarks;
  touched: TouchedNames | undefined;
}

export class TargetVerifier {
  readonly #targets: ReadonlyMap<string, TargetModule>;
  readonly #codes = new Map<string, TargetCode>();
  /** By module and object. */
  readonly #verified = new Map<string, Map<string, Verified>>();

  constructor(readonly question: VerificationQuestion) {
    // Our own build of a module is the same build, whatever that says about the one that runs. Of vmlinux code may not be at hand.
    const seen = question.targets.filter(({ wasSeen, table, code }) => wasSeen && (table === undefined || code));
    this.#targets = new Map(seen.map((target) => [target.name, target]));
  }

  /**
   * Compares the original object with the target that `lookup` is about. Nothing is said of an object that is not part of the target;
   * that is another finding. Throws `elf-*` for a target or an object that cannot be read whole.
   */
  verify(object: string, original: Uint8Array, lookup: Omit<LookupInput, 'original'>): void {
    const target = this.#targets.get(lookup.objectName);
    if (target === undefined) return;
    const read = readElf(original, `original ${object}`);
    const arch = selectArch(read.format, knownArchs);
    const { code } = target;
    const isSameMachine = read.format.machine === (code?.machine ?? target.module.image.format.machine);
    if (arch === undefined || !isSameMachine || !checkMembership(read, lookup.table).isMember) return;
    if (code !== undefined && arch.linkedTarget === undefined) return;
    const verification = verifyObject({
      object,
      original: read,
      target: this.#codeOf(target, lookup, arch),
      lookup: createLookup({ ...lookup, original: read }),
      arch,
    });
    const ofModule = this.#verified.get(target.name) ?? new Map<string, Verified>();
    this.#verified.set(target.name, ofModule);
    ofModule.set(object, { verification, marks: buildMarks(read.sections), touched: undefined });
  }

  /** Notes what the livepatch takes the place of and refers to in the target. */
  touch(object: string, module: string, outcome: PairOutcome): void {
    const verified = this.#verified.get(module)?.get(object);
    if (verified === undefined) return;
    verified.touched = outcome.kind === 'changed' ? touchedNames(outcome, module) : untouched;
  }

  /** What was found, module by module, with the severities that the user wants; and for the report. */
  conclude(): { readonly findings: readonly Diagnostic[]; readonly reports: ReadonlyMap<string, VerificationReport> } {
    const findings: Diagnostic[] = [];
    const reports = new Map<string, VerificationReport>();
    for (const [module, objects] of this.#verified) {
      const target = this.#targets.get(module);
      if (target !== undefined) reports.set(module, this.#concludeModule(target, [...objects.values()], findings));
    }
    return { findings, reports };
  }

  #concludeModule(target: TargetModule, objects: readonly Verified[], findings: Diagnostic[]): VerificationReport {
    const { release, config } = this.question.kernel;
    const { image, vermagic } = target.module;
    const verifications = objects.map(({ verification }) => verification);
    // The kernel has no version magic to contradict it.
    const contradictions = vermagic === '' ? [] : contradictingFlags(vermagic, config);
    const judgement = judge({
      objects: verifications,
      ours: mergeMarks(objects.map(({ marks }) => marks)),
      theirs: buildMarks(image.sections.map((section) => ({ ...section, content: section.content() }))),
      release,
      targetRelease: target.module.release,
      contradictions,
    });
    const found = describeVerification({
      module: target.name,
      target: target.module.path,
      objects,
      judgement,
      isOfAnotherKernel: contradictions.length > 0,
    });
    findings.push(...found.map((finding) => this.#inSeverity(finding, judgement.verdict)));
    const sum = (count: (one: ObjectVerification) => number) => verifications.reduce((all, one) => all + count(one), 0);
    return {
      ...judgement,
      functions: sum(({ functions }) => functions),
      identical: sum(({ identical }) => identical),
      differing: verifications.flatMap(({ object, differences }) => differences.map(({ name }) => ({ object, name }))),
    };
  }

  #inSeverity(finding: Diagnostic, verdict: Verdict): Diagnostic {
    const { skipCheck, skipCompilerCheck } = this.question;
    const isSkipped = skipCheck || (skipCompilerCheck && verdict === 'other compiler');
    return isSkipped ? { ...finding, severity: 'warning' } : finding;
  }

  #codeOf({ name, module, code }: TargetModule, { table, names }: Pick<LookupInput, 'table' | 'names'>, arch: Arch) {
    const known = this.#codes.get(name);
    if (known !== undefined) return known;
    const made =
      code === undefined
        ? new CodeIndex(readElf(module.image.bytes, module.path), names)
        : new LinkedCode(table, code, arch, names);
    this.#codes.set(name, made);
    return made;
  }
}

function touchedNames({ diff, parts }: Extract<PairOutcome, { kind: 'changed' }>, module: string): TouchedNames {
  const changed = [...diff.changedFunctions, ...parts.functions].map(({ name }) => name);
  const needed = parts.relocations.filter(({ symbol }) => symbol.object === module).map(({ symbol }) => symbol.name);
  return { changed: new Set(changed), needed: new Set(needed) };
}

function mergeMarks(all: readonly BuildMarks[]): BuildMarks {
  const compilers = [...new Set(all.flatMap((marks) => marks.compilers))];
  return { compilers, options: all.flatMap(({ options }) => options) };
}
