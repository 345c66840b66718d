/** The rules that are decided from the target kernel and this machine, before anything is compiled. */
import { messagesOfRules, type Rule } from './rule.js';

export const targetRules = {
  'kernel-not-comparable': {
    stage: 'target',
    severity: 'error',
    title: 'Kernels whose objects cannot be compared',
    why: 'A livepatch is made of the functions that differ between two builds of an object. With this option more differs than the patch changes, or the objects hold no functions yet.',
    fix: 'Choose a kernel without it. Where the source that is patched is compiled without it, go on with this rule set to warn.',
    example:
      'A kernel for tests with `CONFIG_KASAN_GENERIC=y`. `CONFIG_KASAN_HW_TAGS=y` is fine, and so are UBSAN, kcov, KCSAN, a randomised structure layout and latent entropy.',
    what: (details: { release: string; option: string; because: string }) =>
      `Kernel ${details.release} has ${details.option}: ${details.because}`,
  },
  'stack-trace-unreliable': {
    stage: 'target',
    severity: 'warning',
    title: 'Kernels that cannot tell what is on a stack',
    why: 'A task takes up the livepatch when no changed function is on its stack. This kernel cannot tell that of a task that sleeps, so that a task has to leave the kernel by itself; kernel threads never do, and the transition may not end.',
    fix: 'Expect to wait, and send SIGSTOP and SIGCONT to the tasks that are left; /sys/kernel/livepatch/NAME/force ends the transition, after which the livepatch cannot be unloaded. On x86-64 CONFIG_UNWINDER_ORC has what is needed.',
    example: 'A kernel for x86-64 with `CONFIG_UNWINDER_GUESS=y`. With `CONFIG_UNWINDER_ORC=y` it is fine.',
    what: (details: { release: string }) =>
      `Kernel ${details.release} has no reliable stack traces: CONFIG_STACKTRACE and CONFIG_HAVE_RELIABLE_STACKTRACE are not both set`,
  },
  'signature-required': {
    stage: 'target',
    severity: 'warning',
    title: 'Kernels that load signed modules only',
    why: 'A livepatch is a module, and kptool has no key to sign it with. Without a signature that the kernel trusts it is refused when it is loaded.',
    fix: 'Sign it before it is loaded, with a key whose certificate is in the kernel, or enrolled as a machine owner key (mokutil --import): sign-file HASH KEY.pem CERTIFICATE.der LIVEPATCH.ko.',
    example:
      '`CONFIG_MODULE_SIG_FORCE=y`. `CONFIG_MODULE_SIG=y` alone is fine, as long as the machine is not locked down: `kptool doctor` shows whether this one is.',
    what: (details: { release: string; options: readonly string[]; program: string; hash: string }) =>
      `Kernel ${details.release} loads signed modules only, by ${details.options.join(' and ')}; the program is ${details.program}, the hash ${details.hash}`,
  },
  'livepatch-name-in-use': {
    stage: 'target',
    severity: 'warning',
    title: 'Names that another module has',
    why: 'The kernel loads one module of a name at a time, and takes dashes and underscores in it for the same.',
    fix: 'Choose another name with --name, or disable and unload that module before the livepatch is loaded.',
    example:
      'A second build of `fix.patch` on a machine where `livepatch_fix` is loaded. With `--name livepatch-fix-2` it is fine.',
    what: (details: { name: string; user: string }) => `The name ${details.name} is that of ${details.user}`,
  },
  'disk-space-short': {
    stage: 'target',
    severity: 'warning',
    title: 'Too little space for the build',
    why: 'A build works on a copy of the source, and keeps the objects of both sides beside it until it ends.',
    fix: 'Free some space, or name a folder on another disk with --cache.',
    example: '300 MB free in `~/.cache` for a tree of 500 MB.',
    what: (details: { folder: string; freeMegabytes: number; neededMegabytes: number }) =>
      `About ${details.neededMegabytes} MB are needed in ${details.folder}, and ${details.freeMegabytes} MB are free`,
  },
} satisfies Readonly<Record<string, Rule>>;

export const targetRuleMessages = messagesOfRules(targetRules);
