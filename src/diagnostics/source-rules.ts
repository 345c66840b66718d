/** The rules that are decided from the source of a patch, before anything is compiled. */
import { messagesOfRules, type Rule } from './rule.js';

/** A place in the patched tree, or in the original one for what is gone. */
interface Place {
  readonly file: string;
  readonly line: number;
}

const at = ({ file, line }: Place) => `${file}:${line}`;

export const sourceRules = {
  'init-function-touched': {
    stage: 'source',
    severity: 'error',
    title: 'Code that has run already',
    why: 'Functions marked so run only at boot or while a module is loaded or unloaded, and are gone from memory or will not run again before that.',
    fix: 'Leave the function out of the patch. What it would have set up can be done in a pre-patch callback.',
    example: 'A hunk in `static int __init mad_start(void)`. A hunk in a function that it calls is fine.',
    what: (details: Place & { functionName: string; mark: string }) =>
      `${at(details)}: the patch changes ${details.functionName}, which is ${details.mark}`,
  },
  'initial-value-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'Initial values of data in memory',
    why: 'Data keeps the value that it has in memory; a livepatch replaces functions. The build refuses the change, unless all users of the data are functions that can be replaced and the data is constant.',
    fix: 'Set the value in a pre-patch callback, or let the changed functions use new data.',
    example: '`static int mad_limit = 5;` becomes `= 7`. A new variable with an initial value is fine.',
    what: (details: Place & { variable: string }) =>
      `${at(details)}: the patch changes the initial value of ${details.variable}`,
  },
  'static-local-dropped': {
    stage: 'source',
    severity: 'warning',
    title: 'Static locals that go away',
    why: 'A static local holds a value that the running function still has. Without its twin the build cannot tell whether the variable was renamed or dropped on purpose, and refuses where it carries state.',
    fix: 'Keep its declaration and a use of it, `(void)NAME;`, or keep its name.',
    example: 'A hunk takes `static int count;` out of a function that stays.',
    what: (details: Place & { variable: string; functionName: string }) =>
      `${at(details)}: the patch takes the static local ${details.variable} out of ${details.functionName}`,
  },
  'include-beside-exports': {
    stage: 'source',
    severity: 'warning',
    title: 'A new include in a file that exports symbols',
    why: 'The checksum of an exported symbol covers all types that are known at its place. A header that completes a type changes the checksum, although nothing else has changed, and modules are then refused.',
    fix: 'Put the include between `#ifndef __GENKSYMS__` and `#endif`, or declare what is needed of it.',
    example: 'A hunk adds `#include "mad_rmpp.h"` to a file with `EXPORT_SYMBOL(ib_mad_send);`.',
    what: (details: Place & { include: string; exports: number }) =>
      `${at(details)}: the patch adds ${details.include} to a file with ${details.exports} exported symbol${details.exports === 1 ? '' : 's'}`,
  },
  'static-key-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'Static keys in changed functions',
    why: 'The branch of a static key is an entry in a table of the module, and the kernel reads that table before the livepatch knows where a key of another module is. The build refuses keys that a module defines; those of the kernel itself work.',
    fix: "Where the key is the module's, ask it at run time: `static_key_enabled(&KEY)` in place of `static_branch_unlikely(&KEY)`.",
    example: '`if (static_branch_unlikely(&mad_trace_on))` in a changed function.',
    what: (details: Place & { functionName: string; key: string; isOwn: boolean }) =>
      details.isOwn
        ? `${at(details)}: ${details.functionName} is changed and branches on the static key ${details.key}, which this file defines`
        : `${at(details)}: ${details.functionName} is changed and branches on the static key ${details.key}; whose key that is cannot be told here`,
  },
  'tracepoint-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'Tracepoints in changed functions',
    why: 'A tracepoint is a static key too. In the livepatch those of a module are left off: the function works, its trace events do not appear.',
    fix: 'Nothing, if the events can be missed while the livepatch is loaded.',
    example: '`trace_mad_send(mad);` in a changed function.',
    what: (details: Place & { functionName: string; tracepoint: string }) =>
      `${at(details)}: ${details.functionName} is changed and has the tracepoint ${details.tracepoint}`,
  },
  'code-switched-off': {
    stage: 'source',
    severity: 'warning',
    title: 'Code that this kernel does not have',
    why: 'The changed code is compiled only with another configuration. For this kernel it changes nothing.',
    fix: 'Check that the patch is meant for this kernel.',
    example: 'A hunk in a function between `#ifdef CONFIG_PM` and `#endif`, for a kernel without CONFIG_PM.',
    what: (details: Place & { name: string; condition: string }) =>
      `${at(details)}: the patch changes ${details.name}, which is under ${details.condition} and not part of this kernel`,
  },
  'build-file-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'Makefiles and Kconfig files',
    why: 'They can change how everything is compiled, so that every function counts as changed, and a configuration option cannot be added to a running kernel.',
    fix: 'Leave the file out where the patch does without; for a new source file it is needed.',
    example: 'A hunk in `Kbuild` that adds `ccflags-y`.',
    what: (details: { file: string }) => `The patch changes ${details.file}`,
  },
  'boot-code-touched': {
    stage: 'source',
    severity: 'error',
    title: 'Code that is not part of the kernel in memory',
    why: 'The file is linked into the boot loader stub, the vDSO, the realmode trampoline or another program of its own, whose functions ftrace does not know.',
    fix: 'Leave the file out of the patch.',
    example: 'A hunk in `arch/x86/entry/vdso/vclock_gettime.c`.',
    what: (details: { file: string }) => `The patch changes ${details.file}`,
  },
  'patching-core-touched': {
    stage: 'source',
    severity: 'error',
    title: 'The code that patches code',
    why: 'Livepatch, ftrace and kprobes run while functions are replaced. They are not traced themselves, or would be replaced under their own feet.',
    fix: 'Leave the file out of the patch; it needs a reboot.',
    example: 'A hunk in `kernel/livepatch/transition.c`.',
    what: (details: { file: string }) => `The patch changes ${details.file}`,
  },
  'long-sleeper-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'Functions that are always on some stack',
    why: 'A task takes up the livepatch when no changed function is on its stack. Some tasks never leave this function, so the transition may not end.',
    fix: 'Patch what it calls instead. A transition that hangs can be told to go on by /sys/kernel/livepatch/NAME/force, after which the livepatch cannot be unloaded.',
    example: 'A hunk in `do_sys_poll`, or in the loop of a kernel thread: a function that loops for ever and sleeps.',
    what: (details: Place & { functionName: string; because: string }) =>
      `${at(details)}: the patch changes ${details.functionName}, ${details.because}`,
  },
  'callback-unpaired': {
    stage: 'source',
    severity: 'warning',
    title: 'Callbacks without their counterpart',
    why: 'What a pre-patch callback sets up, a post-unpatch callback has to take down when the livepatch is disabled; what a post-patch callback does, a pre-unpatch callback.',
    fix: 'Add the counterpart, or say in the patch why none is needed.',
    example: '`KPATCH_PRE_PATCH_CALLBACK(setup)` without `KPATCH_POST_UNPATCH_CALLBACK`.',
    what: (details: Place & { macro: string; missing: string }) =>
      `${at(details)}: ${details.macro} without ${details.missing}`,
  },
  'shadow-variable-kept': {
    stage: 'source',
    severity: 'warning',
    title: 'Shadow variables that nobody frees',
    why: 'A shadow variable lives until it is freed, also when its object and the livepatch are gone; the next user of the same address finds it.',
    fix: 'Call klp_shadow_free where the object is freed, or klp_shadow_free_all in a post-unpatch callback.',
    example: '`klp_shadow_alloc(mad, 1, …)` in a patch without any `klp_shadow_free`.',
    what: (details: Place & { functionName: string }) =>
      `${at(details)}: ${details.functionName} makes shadow variables, and the patch frees none`,
  },
} satisfies Readonly<Record<string, Rule>>;

export const sourceRuleMessages = messagesOfRules(sourceRules);
