/** Wording of the findings of `lookup`: what happened, why, what to do. */
import type { Wording } from './diagnostic.js';

/** As `lookup/lookup.ts` has it; repeated here because the catalogue imports nothing. */
interface Candidate {
  readonly sympos: number;
  /** Bytes. */
  readonly size: number;
  readonly address: bigint;
  readonly section?: string;
  readonly file?: string;
  readonly before?: string;
  readonly after?: string;
}

interface Asked {
  readonly name: string;
  /** `cm.o` */
  readonly object: string;
  /** `ib_cm`, `vmlinux` */
  readonly objectName: string;
  readonly reason?: string;
  /** Release of the kernel, where its symbols are known by addresses only. */
  readonly addressesOf?: string;
}

/** As `lookup/verdict.ts` has it, without the verdicts that nothing differs for. */
interface Mismatch {
  readonly verdict: keyof typeof MISMATCH_FIXES;
  readonly evidence: readonly string[];
  /** `ib_cm` */
  readonly module: string;
  /** The file that was compared. */
  readonly target: string;
  /** What differs, line by line. */
  readonly texts: readonly string[];
}

const MISMATCH_REASONS = {
  'other compiler': 'The target was built by another compiler',
  'other configuration': 'The target was built with another configuration or other options',
  'other source': 'The target was built from another source',
} as const;

const MISMATCH_FIXES = {
  'other compiler': 'Build with the compiler that built the target (--make-arg CC=PROGRAM).',
  'other configuration':
    'Build with the options that the target was built with (--make-arg KCFLAGS=OPTIONS, oot.make in the configuration), or give the module that runs with --module FILE.ko.',
  'other source':
    'Build from the source that the target was built from (--oot DIR; for a module of the kernel --sourcedir DIR), or give the module that was built from this one, if that runs, with --module FILE.ko.',
} as const;

/** Of the kernel itself, which is not given as a module. */
const KERNEL_MISMATCH_FIXES = {
  'other compiler': MISMATCH_FIXES['other compiler'],
  'other configuration':
    'Build with the configuration of the kernel that runs: headers and image have to be of one package. --vmlinux FILE names another image of it.',
  'other source':
    'Give the source that this kernel was built from with --sourcedir DIR or --source-archive FILE: «uname -v» on the target says the version of its package.',
} as const;

function fixOf({ module, verdict }: Mismatch): string {
  return module === 'vmlinux' ? KERNEL_MISMATCH_FIXES[verdict] : MISMATCH_FIXES[verdict];
}

const namedByModule =
  'Give the target as a module that was not stripped of its FILE symbols (--module FILE.ko), or one that was built by this ' +
  'compiler from this source.';

/** Named for all distributions, since a bundle is read on other machines too. */
const namedByVmlinux = (release: string) =>
  'Install the vmlinux of this kernel that has its symbols, which names the source of each (Debian: ' +
  `linux-image-${release}-dbg; Ubuntu: linux-image-unsigned-${release}-dbgsym; Fedora: kernel-debuginfo-${release}; SUSE: ` +
  'kernel-default-debuginfo), or name it with --vmlinux FILE.';

export const lookupMessages = {
  'symbol-missing': ({ name, object, objectName, reason }: Asked) => ({
    what: `${objectName} has no symbol that is ${name} of ${object}${reason === undefined ? '' : `: ${reason}`}`,
    why:
      'The livepatch replaces functions and refers to data of the running code by their names in its symbol table. A name ' +
      'that is there only in the object as it was just built points to another source, compiler or configuration.',
    fix:
      `Check that the target is ${objectName} as it runs, built from the same source with the same compiler (--module FILE.ko ` +
      `names it). If the target is right, gcc has inlined or renamed ${name} there: patch its callers instead.`,
  }),

  'symbol-ambiguous': ({
    name,
    object,
    objectName,
    candidates,
    reason,
    addressesOf,
  }: Asked & { candidates: readonly Candidate[] }) => ({
    what: `${countOf(candidates)} of ${objectName} may be ${name} of ${object}${reason === undefined ? '' : `: ${reason}`}`,
    why: 'The kernel tells namesakes apart by their position in the symbol table only. A wrong position patches a wrong function, without any error.',
    fix: `${addressesOf === undefined ? namedByModule : namedByVmlinux(addressesOf)} Otherwise patch the callers of ${name} instead.`,
    details: candidates.map((candidate) => describeCandidate(name, candidate)),
  }),

  'symbol-position-shifts': ({
    name,
    object,
    objectName,
    candidates,
    reason = 'its position changes when the module runs',
  }: Asked & { candidates: readonly Candidate[] }) => ({
    what: `${name} of ${object} has no lasting position in ${objectName}: ${reason}`,
    why:
      'A livepatch may be loaded before the module or after it, and the kernel finds a symbol that has namesakes by its ' +
      'position only. With either number it would patch a wrong symbol in one of the two cases, without any error.',
    fix: `Patch the callers of ${name} instead, or rename it in the source of the next ${objectName}.`,
    details: candidates.map((candidate) => describeCandidate(name, candidate)),
  }),

  'object-not-in-target': (details: ForeignObject) => ({
    what: `${details.object} is not part of ${fileOf(details.target)}${filesOf(details)}`,
    why: `${whatTargetHas(details)} ${likelyCause(details)} A livepatch with functions of ${details.object} would find none of them in it.`,
    fix: whereFrom(details),
    details: [
      ...(details.total === 0 ? [] : [`only in ${details.object}: ${list(details.absent, 5)}`]),
      ...(details.others.length === 0 ? [] : [`only in the target: ${list(details.others, 5)}`]),
    ],
  }),

  'target-function-differs': (details: Mismatch & { touched: readonly string[]; objects: readonly string[] }) => ({
    what: `${details.module} (${details.target}) has other code than this build for what the patch changes or needs in ${details.objects.join(', ')}: ${list(details.touched, 8)}`,
    why: `${whyDiffers(details)} The livepatch would put functions of this source in the place of others, together with whatever else is different in them, or leave copies of the old code in their callers.`,
    fix: `${fixOf(details)} --skip-target-check goes on at your own risk.`,
    details: details.texts,
  }),

  'target-differs': (details: Mismatch & { names: readonly string[]; isUntouched: boolean }) => ({
    severity: 'warning' as const,
    what:
      `${details.names.length === 1 ? 'A function or datum differs' : `${details.names.length} functions and data differ`} between ` +
      `${details.module} (${details.target}) and this build${details.isUntouched ? ', but the patch neither changes nor needs them' : ''}: ` +
      list(details.names, 8),
    why: details.isUntouched
      ? `${whyDiffers(details)} What the patch changes is as this build has it, but it was made for another whole.`
      : `${whyDiffers(details)} The other findings may come from that.`,
    fix: fixOf(details),
    details: details.texts,
  }),

  'weak-function-overridden': (details: {
    module: string;
    target: string;
    object: string;
    name: string;
    text: string;
  }) => ({
    what: `The patch changes ${details.name} of ${details.object}, which is weak, and ${details.module} (${details.target}) has another function of that name`,
    why: 'A weak function is left out of the link where another object defines the name. The livepatch would take the place of that other one.',
    fix: `Patch the definition that this kernel has, as a rule the one of its architecture, and leave ${details.name} of ${details.object} alone.`,
    details: [details.text],
  }),

  'target-of-another-kernel': (details: { module: string; target: string; evidence: readonly string[] }) => ({
    what: `${details.module} (${details.target}) cannot be the module that runs: ${details.evidence[0]}`,
    why: 'A kernel refuses modules whose version magic has other flags than its own. The module of this kernel may hold other code under the same names.',
    fix: 'Give the module as it runs with --module FILE.ko, or choose its kernel with --kernel. --skip-target-check goes on at your own risk.',
    details: details.evidence.slice(1),
  }),

  'symtab-malformed': ({ file, line, problem }: { file: string; line: number; problem: string }) => ({
    what: `${file}:${line}: ${problem}`,
    why: 'The symbol table of the target says which symbol is meant and at which position. It is read as a whole or not at all.',
    fix:
      'Print it anew with «readelf --symbols --wide FILE» in the C locale (LC_ALL=C), or hand over the ELF file itself. For vmlinux, ' +
      'what «nm -n vmlinux» prints will do: System.map of the kernel, which distributions ship with its debugging package.',
  }),
} satisfies Record<string, (details: never) => Wording>;

function countOf({ length }: readonly Candidate[]): string {
  return length === 1 ? 'One symbol' : `${length} symbols`;
}

function describeCandidate(name: string, { section, size, address, sympos, file, before, after }: Candidate): string {
  const neighbours = [
    ...(before === undefined ? [] : [`after ${before}`]),
    ...(after === undefined ? [] : [`before ${after}`]),
  ];
  const parts = [
    `${name} in ${section ?? 'an unknown section'} at 0x${address.toString(16)}`,
    size === 0 ? 'size unknown' : `${size} bytes`,
    ...(sympos === 0 ? [] : [`position ${sympos}`]),
    ...(file === undefined ? [] : [`of ${file}`]),
    ...neighbours,
  ];
  return parts.join(', ');
}

/** As `lookup/membership.ts` found it. */
interface ForeignObject {
  readonly object: string;
  readonly objectName: string;
  /** The file. */
  readonly target: string;
  readonly chosenBy?: string;
  readonly sources: readonly string[];
  readonly targetSources: readonly string[];
  readonly found: number;
  readonly total: number;
  readonly absent: readonly string[];
  readonly others: readonly string[];
  readonly linkedInto: readonly string[];
  readonly foundIn: readonly string[];
}

function fileOf(target: string): string {
  return target.slice(target.lastIndexOf('/') + 1);
}

function filesOf({ targetSources }: ForeignObject): string {
  if (targetSources.length === 0) return ', which names no source files';
  return ` (its ${targetSources.length === 1 ? 'file is' : 'files are'} ${list(targetSources, 12)})`;
}

function whatTargetHas({ target, chosenBy, object, found, total }: ForeignObject): string {
  const place = chosenBy === undefined ? '' : ` (${chosenBy})`;
  const share = total === 0 ? 'was not linked from it' : `has ${found} of the ${total} functions of ${object}`;
  return `${target}${place} ${share}.`;
}

function likelyCause({ objectName, sources, targetSources, found }: ForeignObject): string {
  if (found > 0) return 'It was built from another version of the source, or in another configuration.';
  if (sources.some((source) => targetSources.includes(source)))
    return `Its ${sources.join(', ')} is another file of that name.`;
  return `It is a placeholder, or another module that is called ${objectName} too.`;
}

function whereFrom({ object, objectName, linkedInto, foundIn }: ForeignObject): string {
  const others = linkedInto.filter((module) => module !== objectName);
  const place = foundIn.length === 0 ? '' : ` A source of that name is in ${foundIn.join(', ')}.`;
  if (others.length > 0)
    return `${object} is linked into ${others.join(', ')}: pass that module with --module FILE.ko.${place}`;
  const linked = linkedInto.length > 0 ? `The tree links ${object} into ${objectName}: pass` : 'Pass';
  return `${linked} the ${objectName} that runs with --module FILE.ko.${place}`;
}

function whyDiffers({ verdict, evidence }: Mismatch): string {
  return `${MISMATCH_REASONS[verdict]}: ${evidence.join('; ')}.`;
}

function list(names: readonly string[], most: number): string {
  const further = names.length - most;
  return further > 0 ? `${names.slice(0, most).join(', ')} and ${further} more` : names.join(', ');
}
