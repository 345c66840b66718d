/** The texts of the rules that the tree around a patch decides: its makefiles, and what includes its headers. */
import { listed, messagesOfRules, type Rule } from './rule.js';

export const treeRules = {
  'library-object-touched': {
    stage: 'source',
    severity: 'error',
    title: 'Objects of a library',
    why: 'The objects of `lib-y` go into an archive, from which the linker takes what somebody needs. kbuild makes no module of them, and a livepatch cannot say whose they are.',
    fix: 'Change the functions that call it instead.',
    example:
      'A hunk in `lib/memneq.c` where `lib/Makefile` has `lib-y += memneq.o`. What the same folder has in `obj-y` is fine.',
    what: (details: { file: string; makefile: string }) =>
      `The patch changes ${details.file}, which ${details.makefile} has in lib-y`,
  },
  'object-not-built': {
    stage: 'source',
    severity: 'error',
    title: 'Sources that are not built',
    why: 'No module has the object, so that there is nothing to patch.',
    fix: 'Check that the patch and the tree are those of the target. A variable that the makefile wants is given with --make-arg.',
    example:
      'A hunk in `mad_debug.c` where the makefile has `obj-$(CONFIG_MAD_DEBUG) += mad_debug.o`, for a kernel without that option.',
    what: (details: { file: string; because: string; cannotTell?: string }) =>
      details.cannotTell === undefined
        ? `The patch changes ${details.file}, which is not built: ${details.because}`
        : `The patch changes ${details.file}, which may not be built: ${details.because}`,
  },
  'whole-build-touched': {
    stage: 'source',
    severity: 'error',
    title: 'Makefiles of the whole kernel',
    why: 'Every object is built by them. Which come out otherwise cannot be told without compiling all, so that changed code could be left out of the livepatch.',
    fix: 'Leave the file out of the patch. A flag that an object needs can be given in the makefile of its folder (CFLAGS_meminfo.o).',
    example:
      'A hunk in `scripts/Makefile.lib` or `arch/x86/Makefile`, or one in the top `Makefile` that counts SUBLEVEL up, in a patch to the kernel.',
    what: (details: { file: string }) => `The patch changes ${details.file}, which the whole kernel is built by`,
  },
  'untraceable-file-touched': {
    stage: 'source',
    severity: 'error',
    title: 'Files without ftrace entries',
    why: 'A livepatch redirects a function by its ftrace entry. The makefile takes the option away that makes the compiler write them.',
    fix: 'Change the functions of other files that call it.',
    example: 'A hunk in `mad.c` where the makefile has `CFLAGS_REMOVE_mad.o = $(CC_FLAGS_FTRACE)`.',
    what: (details: { file: string; makefile: string }) =>
      `The patch changes ${details.file}, which ${details.makefile} has compiled without ftrace entries`,
  },
  'header-included-widely': {
    stage: 'source',
    severity: 'warning',
    title: 'Headers with many includers',
    why: 'Every source that includes the header, directly or not, is compiled and compared, and each may turn out changed.',
    fix: 'Declare what is new in a header of its own, or in the files that need it.',
    example: 'A hunk in a header that more than twenty sources include. Of fewer nothing is said.',
    what: (details: { file: string; count: number }) =>
      `The patch changes ${details.file}, which ${details.count} sources include`,
  },
  'header-in-assembly': {
    stage: 'source',
    severity: 'warning',
    title: 'Headers that assembly includes',
    why: 'Functions written in assembly are not compared and cannot be replaced. What the header gives them stays as it was.',
    fix: 'Check that the change means nothing to the assembly.',
    example: 'A hunk in a header that `mad_copy.S` includes.',
    what: (details: { file: string; assembly: readonly string[] }) =>
      `The patch changes ${details.file}, which ${listed(details.assembly)} ${details.assembly.length === 1 ? 'includes' : 'include'}`,
  },
} satisfies Readonly<Record<string, Rule>>;

export const treeRuleMessages = messagesOfRules(treeRules);
