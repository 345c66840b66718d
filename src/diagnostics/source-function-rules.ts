/** The texts of the rules about functions: whether they can be redirected, and what they call; decided from the source of a patch. */
import { at, listed, type Place, type Rule } from './rule.js';

/** Said of a key whose owner is known. */
const ownKey = ({ cannotTell }: { cannotTell?: string }) =>
  cannotTell === undefined ? ', which this file defines' : '';

function lockChanges({ taken, dropped }: { taken: readonly string[]; dropped: readonly string[] }): string {
  const takes = taken.length === 0 ? [] : [`takes ${listed(taken)}`];
  const leaves = dropped.length === 0 ? [] : [`no longer takes ${listed(dropped)}`];
  return [...takes, ...leaves].join(' and ');
}

export const sourceFunctionRules = {
  'untraceable-function-touched': {
    stage: 'source',
    severity: 'error',
    title: 'Functions without an ftrace entry',
    why: 'A livepatch redirects a function by its ftrace entry, and the compiler gave it none.',
    fix: 'Change its callers instead, or move the code that has to change into a function that they call.',
    example:
      'A hunk in `noinstr void mad_enter(void)`, or in an `inline` function that is not static. Static ones go along with their callers, unless one of those cannot be redirected either.',
    what: (details: Place & { functionName: string; mark: string }) =>
      `${at(details)}: the patch changes ${details.functionName}, which ${details.mark}`,
  },
  'kprobe-blacklisted-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'Functions that kprobes must not enter',
    why: 'The function was marked since it runs within traps, or while code is patched. ftrace, by which a livepatch redirects it, runs there too and may call it again.',
    fix: 'Check that ftrace does not use the function, or change its callers instead.',
    example: 'A hunk in a function with `NOKPROBE_SYMBOL(mad_fault);`.',
    what: (details: Place & { functionName: string; mark: string }) =>
      `${at(details)}: the patch changes ${details.functionName}, which is marked ${details.mark}`,
  },
  'system-call-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'System calls without the macro',
    why: '`SYSCALL_DEFINEn` makes several functions, and the one with the code of the patch is inline and notrace. Where the compiler did not inline it, nothing can redirect it, and the build refuses the change.',
    fix: 'Write KPATCH_SYSCALL_DEFINEn of kpatch-macros.h, with the same arguments. For a compat call, which has no such macro, move the code that changes into a new function.',
    example: 'A hunk in `SYSCALL_DEFINE2(mad, int, a, int, b)`. `SYSCALL_DEFINE0` makes an ordinary function.',
    what: (details: Place & { functionName: string; macro: string; instead?: string }) =>
      `${at(details)}: the patch changes ${details.macro}(${details.functionName})${details.instead === undefined ? '' : `; write ${details.instead}(${details.functionName}, …)`}`,
  },
  'linkage-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'Functions and data that become static or global',
    why: 'The target has the symbol as it was. The build refuses a symbol that is local on one side and global on the other, wherever both sides still have it.',
    fix: 'Leave its declaration as it was, and add a new function or variable that others use.',
    example: 'A hunk takes `static` from `static int mad_send(int a)`.',
    what: (details: Place & { name: string; becomes: string }) =>
      `${at(details)}: ${details.name} becomes ${details.becomes}`,
  },
  'function-removed': {
    stage: 'source',
    severity: 'warning',
    title: 'Functions that go away',
    why: 'A livepatch cannot take a function away. The old one stays in memory, and whoever has its address calls it still.',
    fix: 'Keep the function and change what it does, or check that nobody outside of the patch calls it.',
    example:
      'A hunk removes `mad_timeout`, of which a timer that runs has the address. A function that only changed functions called is no trouble.',
    what: (details: Place & { functionName: string; because: string }) =>
      `${at(details)}: the patch removes ${details.functionName}, and ${details.because}`,
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
  'static-key-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'Static keys in changed functions',
    why: 'The branch of a static key is an entry in a table of the module, and the kernel reads that table before the livepatch knows where a key of another module is. The build refuses keys that a module defines; those of the kernel itself work.',
    fix: "Where the key is the module's, ask it at run time: `static_key_enabled(&KEY)` in place of `static_branch_unlikely(&KEY)`.",
    example: '`if (static_branch_unlikely(&mad_trace_on))` in a changed function.',
    what: (details: Place & { functionName: string; key: string; cannotTell?: string }) =>
      `${at(details)}: ${details.functionName} is changed and branches on the static key ${details.key}${ownKey(details)}`,
  },
  'static-call-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'Static calls in changed functions',
    why: 'A static call is an entry in a table of the module, and the kernel reads that table before the livepatch knows where a key of another module is. The build refuses keys that a module defines; those of the kernel itself work.',
    fix: "Where the key is the module's, include kpatch-macros.h and write KPATCH_STATIC_CALL(NAME)(…) in place of static_call(NAME)(…).",
    example: '`static_call(mad_hook)(a);` in a changed function.',
    what: (details: Place & { functionName: string; key: string; cannotTell?: string }) =>
      `${at(details)}: ${details.functionName} is changed and makes the static call ${details.key}${ownKey(details)}`,
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
  'dynamic-debug-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'pr_debug in changed functions',
    why: 'A debug message is switched on and off by a descriptor of its module. In the livepatch it has a new one, which is off, whatever the old one was.',
    fix: 'Nothing, if the messages are off. Otherwise switch them on again, under the name of the livepatch: `echo "module NAME +p" > /proc/dynamic_debug/control`.',
    example: '`pr_debug("sent\n");` or `dev_dbg(…)` in a changed function, for a kernel with CONFIG_DYNAMIC_DEBUG.',
    what: (details: { file: string; line: number; functions: readonly string[] }) =>
      `${at(details)}: debug messages of ${listed(details.functions)} start switched off`,
  },
  'locking-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'Locks that are taken otherwise',
    why: 'While the livepatch is taken up, some tasks run the old function and some the new one. Where only one of them takes a lock they do not keep each other out, and a new order of locks can deadlock against the old one.',
    fix: 'Have someone who knows the locks look at both versions side by side. Unlocking on one more way out is not told.',
    example: 'A hunk adds `mutex_lock(&mad->lock);` to a function that did not take this lock.',
    what: (details: Place & { functionName: string; taken: readonly string[]; dropped: readonly string[] }) =>
      `${at(details)}: ${details.functionName} ${lockChanges(details)}`,
  },
} satisfies Readonly<Record<string, Rule>>;
