/** The texts of the rules about what files and functions are: when they run, and what they are part of; decided from the source of a patch. */
import { at, type Place, type Rule } from './rule.js';

export const sourceFileRules = {
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
  'build-file-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'Makefiles and Kconfig files',
    why: 'They can change how everything is compiled, so that every function counts as changed, and a configuration option cannot be added to a running kernel.',
    fix: 'Leave the file out where the patch does without; for a new source file it is needed.',
    example: 'A hunk in `Kbuild` that adds `ccflags-y`.',
    what: (details: { file: string }) => `The patch changes ${details.file}`,
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
  'init-function-touched': {
    stage: 'source',
    severity: 'error',
    title: 'Code that has run already',
    why: 'Functions marked so run only at boot or while a module is loaded or unloaded, and are gone from memory or will not run again before that.',
    fix: 'Leave the function out of the patch. What it would have set up can be done in a pre-patch callback.',
    example:
      'A hunk in `static int __init mad_start(void)`. Of a static function that only it calls is warned: the compiler may make one of the two.',
    what: (details: Place & { functionName: string; mark: string; cannotTell?: string }) =>
      `${at(details)}: the patch ${details.cannotTell === undefined ? 'changes' : 'may change'} ${details.functionName}, which is ${details.mark}`,
  },
  'init-data-touched': {
    stage: 'source',
    severity: 'error',
    title: 'Data of the start',
    why: 'The data was read while the kernel started or the module was loaded, and is gone from memory since.',
    fix: 'Leave it out of the patch. What it would have set can be set in a pre-patch callback.',
    example: '`static int mad_ports[] __initdata = { 1, 2 };` gets another value.',
    what: (details: Place & { variable: string; mark: string }) =>
      `${at(details)}: the patch changes ${details.variable}, which is ${details.mark}`,
  },
  'initcall-touched': {
    stage: 'source',
    severity: 'error',
    title: 'Functions to be called at the start',
    why: 'The kernel has walked these calls already, at boot or when it loaded the module. A livepatch cannot add one or exchange one.',
    fix: 'Leave it out of the patch, and call the function from a callback where that does.',
    example: 'A hunk adds `late_initcall(mad_late);`, or a `module_init` of another function.',
    what: (details: Place & { macro: string; functionName: string }) =>
      `${at(details)}: the patch adds or changes ${details.macro}(${details.functionName})`,
  },
  'set-up-function-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'Functions that set things up',
    why: 'The function runs when a module is loaded or a device is found. What is there already was set up by the old code, and the new code will not run for it.',
    fix: 'Do in a callback what the devices and data that exist already need, or have the module loaded anew.',
    example:
      'A hunk in `mad_probe` with `.probe = mad_probe`, in the function that `module_init` names, or in one that only these call.',
    what: (details: Place & { functionName: string; because: string }) =>
      `${at(details)}: the patch changes ${details.functionName}; ${details.because}`,
  },
  'only-comments-touched': {
    stage: 'source',
    severity: 'warning',
    title: 'Comments, white space, and code that only moves',
    why: 'The compiler sees the same on both sides, so that the build will end with exit status 3: nothing to patch.',
    fix: 'Check that it is the right patch.',
    example: 'A patch that corrects the spelling of comments.',
    what: (_details: { file: string }) => 'The patch changes nothing that is compiled',
  },
} satisfies Readonly<Record<string, Rule>>;
