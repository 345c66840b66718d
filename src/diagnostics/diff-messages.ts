/** Wording of the findings of `diff`: what changed that cannot be made live, why, and what the author can do. */
import type { Wording } from './diagnostic.js';

const list = (names: readonly string[]) => names.join(', ');
interface Place {
  readonly functionName: string;
  /** Bytes from the start of the function. */
  readonly offset: number;
}
const at = (place: Place) => `${place.functionName}+0x${place.offset.toString(16)}`;

interface Lifetime {
  readonly sections: RegExp;
  readonly when: string;
  readonly why: string;
  readonly fix: string;
}

const initLifetime: Lifetime = {
  sections: /init/,
  when: 'needed only at boot or while the module is loaded',
  why: 'Such code and data have done their work and are gone from memory.',
  fix: 'Leave it out of the patch. What it would have set up can be done in a pre-patch callback.',
};

/** Code and data that a livepatch comes too late or too early for. */
const lifetimes: readonly Lifetime[] = [
  {
    sections: /exit/,
    when: 'needed only when the module is unloaded',
    why: 'The livepatch is taken off the module before its exit code runs, and vmlinux never runs any.',
    fix: 'Leave it out of the patch. What has to be undone can be undone in a post-unpatch callback.',
  },
  {
    sections: /^\.ref\b/,
    when: 'it may refer to what is gone after boot',
    why: 'A new version could use code and data of the init sections, which are no longer in memory.',
    fix: 'Leave it out of the patch, or change a function outside of this section.',
  },
  initLifetime,
];

/** Why a function has no ftrace entry (`diff/untraced.ts`), and what can be changed in its place. */
const untraced = {
  section: {
    why: 'it stands in a section for code that tracing itself needs or that runs where nothing may be traced (noinstr, __cpuidle, entry code)',
    fix: 'Change a function outside of that section that calls NAME, or that NAME calls.',
  },
  object: {
    why: 'no function of the object has one, as of a lib-y object or of one that the makefile takes CC_FLAGS_FTRACE from',
    fix: 'Change the callers of NAME, in objects whose functions can be traced.',
  },
  'perhaps inline': {
    why: 'it is inline, which implies notrace and was not inlined, or notrace itself',
    fix: 'If the definition of NAME says inline, write __always_inline, so that its callers change instead. Otherwise change the callers of NAME.',
  },
  notrace: {
    why: 'it is notrace, or part of what tracing itself uses',
    fix: 'Change the callers of NAME: let them call a new function of another name.',
  },
} as const;

function adviceForData(details: {
  variables: readonly string[];
  functions?: readonly string[];
  readers?: readonly string[];
}): string {
  const { variables, functions = [], readers = [] } = details;
  if (functions.length === 0) {
    return 'Set the new value in a pre-patch callback, or let the changed functions use a new variable.';
  }
  const where = readers.length > 0 ? list(readers) : 'the functions that read it';
  return `Leave ${list(variables)} as it was, and decide in ${where}, or in the functions that it pointed to, when to call ${list(functions)}.`;
}

export const diffMessages = {
  'elf-formats-differ': (details: { original: string; patched: string; fields: readonly string[] }) => ({
    what: `${details.original} and ${details.patched} are objects of different kinds (${list(details.fields)})`,
    why: 'Only objects of one CPU and ABI can be compared.',
    fix: 'Compile both sides with the same compiler and the same flags; leave attributes that mark the whole object (retain, ifunc) out of the patch.',
  }),
  'elf-machine-unsupported': (details: { fileName: string; machine: number }) => ({
    what: `${details.fileName} is for a CPU that kptool does not know (ELF machine ${details.machine})`,
    why: 'How a function is entered and which tables belong to it differs from CPU to CPU.',
    fix: 'Build for a supported architecture; the README lists them.',
  }),
  'livepatch-compared': (details: { fileName: string; found: string }) => ({
    what: `${details.fileName} is part of a livepatch, not an object of the source tree: it has ${details.found}`,
    why: 'What the livepatch loader is to resolve would be lost in the comparison.',
    fix: 'Give the objects that the compiler made of the source, before and after the patch.',
  }),
  'static-local-removed': (details: { variable: string; functionName: string; offset: number }) => ({
    what: `${details.functionName} no longer uses its static variable ${details.variable}, as the original does at ${at(details)}`,
    why: 'Its value would be lost, and whether another variable took its place cannot be told from the objects.',
    fix: `Keep a use of ${details.variable} in ${details.functionName}; if the function was inlined by the change, mark it noinline.`,
  }),
  'static-local-changed': (details: {
    variable: string;
    functionName: string;
    offset: number;
    originalSize: number;
    patchedSize: number;
  }) => ({
    what: `The static variable ${details.variable} of ${details.functionName}, used at ${at(details)}, changes its type: ${details.originalSize} bytes become ${details.patchedSize}`,
    why: 'The running kernel keeps the old variable, with its old layout, and other code may still use it.',
    fix: 'Leave the variable as it is and add a second one with a new name, or keep the new state in a shadow variable (klp_shadow_alloc).',
  }),
  'static-local-ambiguous': (details: {
    variable: string;
    originals: readonly string[];
    candidates: readonly string[];
  }) => ({
    what: `Which static variable named ${details.variable} is which cannot be told`,
    why: 'Their functions are gone from the patched object, probably inlined, and several variables have this name and size.',
    fix: 'Mark the functions that own them noinline, so that each variable keeps its user.',
    details: [`original: ${list(details.originals)}`, `patched: ${list(details.candidates)}`],
  }),
  'section-kind-changed': (details: { section: string; of: string }) => ({
    what: `${details.of} moves to another kind of memory`,
    why: `Section ${details.section} has another type or other flags than in the original; the running kernel keeps the old one.`,
    fix: 'Leave attributes such as const, __ro_after_init and __read_mostly as they were.',
  }),
  'symbol-kind-changed': (details: { symbol: string }) => ({
    what: `${details.symbol} changes from static to global, from function to data, or the like`,
    why: 'The target has the old kind of symbol, so that references to it would not be resolved in the same way.',
    fix: 'Keep its declaration and add a new symbol beside it.',
  }),
  'symbol-moved': (details: { symbol: string; from: string; to: string }) => ({
    what: `${details.symbol} moves from section ${details.from} to ${details.to}`,
    why: 'The running kernel keeps it where it is.',
    fix: 'Leave its section attribute as it was.',
  }),
  'data-size-changed': (details: { variable: string; originalSize: number; patchedSize: number }) => ({
    what: `${details.variable} changes its size from ${details.originalSize} to ${details.patchedSize} bytes`,
    why: 'A livepatch replaces functions. Data in memory keeps its size and its layout.',
    fix: 'Add a new variable beside it, or keep the additional state in a shadow variable (klp_shadow_alloc).',
  }),
  'data-changed': (details: {
    section: string;
    variables: readonly string[];
    /** That the data newly point to, and that read the data. */
    functions?: readonly string[];
    readers?: readonly string[];
  }) => ({
    what: `The patch changes the initial value of ${list(details.variables)}`,
    why: 'A livepatch replaces functions. Data in memory keeps its value, and so do all that use it.',
    fix: adviceForData(details),
    details: [`section ${details.section}`],
  }),
  'data-shared': (details: { section: string; variables: readonly string[]; places: readonly Place[] }) => ({
    what: `${list(details.places.map(at))} ${details.places.length === 1 ? 'refers' : 'refer'} to data in ${details.section} without naming a variable`,
    why: 'The livepatch would get a copy of these data, and the rest of the kernel would go on with the original.',
    fix: 'Refer to the variables by name in the changed functions.',
    details: details.variables.length > 0 ? [`variables there: ${list(details.variables)}`] : [],
  }),
  'init-changed': (details: { section: string; functions: readonly string[] }) => {
    const { when, why, fix } = lifetimes.find(({ sections }) => sections.test(details.section)) ?? initLifetime;
    const parts = details.functions.length > 0 ? list(details.functions) : details.section;
    return { what: `The patch changes ${parts} of ${details.section}: ${when}`, why, fix };
  },
  'export-added': (details: { symbols: readonly string[] }) => ({
    what: `The patch adds EXPORT_SYMBOL for ${list(details.symbols)}`,
    why: 'The kernel reads the exports of a module when it loads it; a livepatch cannot add to them for the target.',
    fix: 'Leave the exports as they are. Code of the same patch finds new functions without one.',
  }),
  'export-removed': (details: { symbols: readonly string[] }) => ({
    severity: 'warning' as const,
    what: `The patch removes EXPORT_SYMBOL of ${list(details.symbols)}; the livepatch leaves it as it is`,
    why: 'The target has been loaded with its exports, and other modules may use them already.',
    fix: 'Nothing, if the patch does not count on the symbol being out of reach.',
  }),
  'export-changed': (details: { symbols: readonly string[] }) => ({
    what: `The patch changes how ${list(details.symbols)} is exported`,
    why: 'Who may use an exported symbol (GPL, namespace) was decided when the target was loaded.',
    fix: 'Leave the kind of export as it was.',
  }),
  'quirk-changed': (details: { section: string; functions: readonly string[] }) => ({
    what: `The patch changes when the kernel calls ${details.functions.length > 0 ? list(details.functions) : `the functions of ${details.section}`}`,
    why: `The kernel walks ${details.section} of its own image and never looks into a livepatch for it.`,
    fix: 'Leave the entry as it was and change the function, or do its work in a pre-patch callback.',
    details: [`section ${details.section}`],
  }),
  'section-changed': (details: { section: string; symbols: readonly string[] }) => ({
    what: `Section ${details.section} changes, and no changed function brings it along`,
    why: 'kptool does not know how the running kernel could be given the new content.',
    fix: 'Find what in the patch changes it and leave that out.',
    details: details.symbols.length > 0 ? [`symbols that differ: ${list(details.symbols)}`] : [],
  }),
  'group-changed': (details: { section: string }) => ({
    what: `${details.section} changes and belongs to a section group`,
    why: 'Of a group (COMDAT) the linker keeps one copy, and which one the running kernel has is not known.',
    fix: 'Leave it out of the patch or give the changed code a name of its own.',
  }),
  'function-not-traceable': (details: {
    functionName: string;
    section: string;
    reason?: keyof typeof untraced;
    obstacles?: readonly string[];
  }) => ({
    what: `${details.functionName} cannot be redirected`,
    why: `The original has no ftrace entry: ${untraced[details.reason ?? 'perhaps inline'].why} (${details.section}).`,
    fix: untraced[details.reason ?? 'perhaps inline'].fix.replaceAll('NAME', details.functionName),
    details: (details.obstacles ?? []).map((obstacle) => `its callers cannot bring it along: ${obstacle}`),
  }),
  'split-part-returns': (details: { part: string; parent: string; offset: number }) => ({
    severity: 'warning' as const,
    what: `${details.part} does not change, stays with the target, and jumps back into the original ${details.parent} (at +0x${details.offset.toString(16)})`,
    why: `What the patch changes behind that point of ${details.parent} does not happen after ${details.part} has run.`,
    fix: `Add __attribute__((optimize("-fno-reorder-blocks-and-partition"))) to the definition of ${details.parent}, so that both are one.`,
  }),
  'relocation-outside': (details: { owner: string; offset: number; symbol: string }) => ({
    what: `A relocation for ${details.symbol} at ${details.owner}+0x${details.offset.toString(16)} leaves its section`,
    why: 'The module loader would write to, or refer to, memory that belongs to something else.',
    fix: 'Compile the object again. If it comes straight from the compiler, report it with the object.',
  }),
  'runtime-constant': (details: { functionName: string; offset: number; constant: string }) => ({
    what: `${at(details)} holds the runtime constant ${details.constant}`,
    why: 'The kernel writes its value into its own code while it boots, and never into a module.',
    fix: `Read the variable itself in the changed function in place of runtime_const_ptr(${details.constant}) or runtime_const_shift_right_32(…, ${details.constant}).`,
  }),
  'sibling-call': (details: { functionName: string; offset: number }) => ({
    what: `${at(details)} ends the function by jumping into another one`,
    why: "On this CPU the caller would go on with the livepatch module's data pointer (r2) and crash.",
    fix: `Add __attribute__((optimize("-fno-optimize-sibling-calls"))) to the definition of ${details.functionName}.`,
  }),
  'entry-size-unknown': (details: { section: string; setting: string }) => ({
    what: `The size of an entry of ${details.section} is not known`,
    why: 'Entries that belong to changed functions cannot be told from the others.',
    fix: `Set ${details.setting} in the environment (create-diff-object), or let kptool build find it out.`,
    exitStatus: 2 as const,
  }),
  'entry-size-contradicted': (details: { section: string; setting: string; given: number; seen: number }) => ({
    what: `${details.setting} is ${details.given}, but the entries of ${details.section} have ${details.seen} bytes`,
    why: 'Entries that belong to changed functions would be cut apart.',
    fix: `Set ${details.setting} to the size in the kernel that the objects were compiled for, or leave it out.`,
    exitStatus: 2 as const,
  }),
  'table-unknown': (details: { section: string; entrySize: number; kept: number }) => ({
    severity: 'warning' as const,
    what: `kptool does not know ${details.section}; it takes it for a table of entries of ${details.entrySize} bytes and ships ${details.kept} of them`,
    why: 'Its entries refer to places in functions; those of the changed and new functions go along.',
    fix: 'Check in the kernel source that the section is such a table, and that it is read for modules too.',
  }),
  'table-malformed': (details: { section: string; offset: number }) => ({
    what: `${details.section} is not laid out as expected at offset 0x${details.offset.toString(16)}`,
    why: 'Its entries cannot be told from each other, so that the wrong ones could be shipped.',
    fix: 'Check that the entry sizes are those of the target kernel.',
  }),
  'static-branch-in-module': (details: { functionName: string; offset: number; key: string; module: string }) => ({
    what: `${at(details)} uses the static key ${details.key} of module ${details.module}`,
    why: 'Jump labels are set up when the livepatch is loaded, which may be before its references into a module are resolved.',
    fix: `In the changed function replace static_branch_likely(&${details.key}) and static_branch_unlikely(&${details.key}) by static_key_enabled(&${details.key}).`,
  }),
  'static-call-in-module': (details: { functionName: string; offset: number; key: string; module: string }) => ({
    what: `${at(details)} makes a static call whose key ${details.key} is in module ${details.module}`,
    why: 'Static calls are set up when the livepatch is loaded, which may be before its references into a module are resolved.',
    fix: 'In the changed function include kpatch-macros.h and call KPATCH_STATIC_CALL(NAME)(…), which goes through the pointer.',
  }),
  'table-needs-module': (details: { section: string; symbol: string; module: string }) => ({
    what: `${details.section} of a changed function refers to ${details.symbol} of module ${details.module}`,
    why: 'The kernel reads this table while it loads the livepatch, which may be before the module is there.',
    fix: `Leave the code that needs ${details.symbol} there in a function that the patch does not change.`,
  }),
  'ignore-target-missing': (details: { macro: string; name: string }) => ({
    what: `${details.macro} names ${details.name === '' ? 'nothing' : details.name}, which the object does not have`,
    why: 'What the author wanted ignored is not ignored.',
    fix: 'Correct the name; sections are named as readelf -S prints them.',
  }),
  'ignore-needless': (details: { functionName: string }) => ({
    severity: 'warning' as const,
    what: `KPATCH_IGNORE_FUNCTION(${details.functionName}) has no effect: the function does not change`,
    why: 'The macro may hide a later change of the function.',
    fix: 'Remove the macro.',
  }),
  'callback-unreadable': (details: { section: string }) => ({
    what: `${details.section} does not hold what the callback macros put there`,
    why: 'Which functions are to be called before or after patching cannot be told.',
    fix: 'Include kpatch-macros.h and name the callbacks with its macros.',
  }),
  'callback-unusable': (details: { functionName: string; kind: string; problem: string }) => ({
    what: `The ${details.kind} callback ${details.functionName} ${details.problem}`,
    why: 'The kernel calls a function that the livepatch itself brings along, and whenever the target is loaded or goes.',
    fix: 'Add a new function, not __init, in the source file that names the callback, and let it call what is needed.',
  }),
  'function-forced': (details: { functionName: string }) => ({
    severity: 'warning' as const,
    what: `KPATCH_FORCE_UNSAFE(${details.functionName}) does not make the kernel switch ${details.functionName} over at once`,
    why: 'Since Linux 4.16 a kernel cannot be told so of single functions: the livepatch waits for every task that runs an old one.',
    fix: 'If the livepatch stays in transition, and old and new code may run side by side, write 1 to its file "force" in /sys/kernel/livepatch. A forced livepatch can never be removed.',
  }),
  'force-needless': (details: { functionName: string }) => ({
    severity: 'warning' as const,
    what: `KPATCH_FORCE_UNSAFE(${details.functionName}) has no effect: the livepatch does not contain the function`,
    why: 'The function does not change, or is ignored.',
    fix: 'Remove the macro.',
  }),
  'tracepoint-dropped': (details: { functionName: string; offset: number; tracepoint: string; module: string }) => ({
    severity: 'warning' as const,
    what: `The tracepoint ${details.tracepoint} at ${at(details)} is off while the livepatch is enabled`,
    why: `Its key is in module ${details.module}; a livepatch cannot be connected to it in time.`,
    fix: 'Nothing, if nobody traces it.',
  }),
} satisfies Record<string, (details: never) => Wording>;
