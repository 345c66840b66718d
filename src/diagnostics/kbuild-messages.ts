/** Wording of the findings of `kbuild`: what happened, why, what to do. */
import type { Wording } from './diagnostic.js';

const sideName = { original: 'unpatched', patched: 'patched' } as const;
type Side = keyof typeof sideName;

export const kbuildMessages = {
  'oot-no-makefile': (details: { tree: string }) => ({
    what: `${details.tree} has no Kbuild, Makefile or dkms.conf.`,
    why: 'So nothing says how its modules are built.',
    fix: 'Name the folder that holds the Makefile with --oot, or say how the tree is built with oot.make in kpatch.config.json.',
  }),
  'dkms-unsupported': (details: { construct: string }) => ({
    what: `dkms.conf uses what kptool does not understand: ${details.construct.trim().slice(0, 200)}`,
    why: 'The file is a shell script to dkms. kptool reads assignments and simple commands, and runs nothing to understand it.',
    fix: 'Say how the tree is built with oot.make in kpatch.config.json; it takes the place of dkms.conf.',
  }),
  'source-not-built': (details: {
    source: string;
    /** Modules of the tree, as far as they are known. */
    modules: readonly string[];
    rules: readonly string[];
    log: string;
  }) => ({
    what: `${details.source} is in none of the modules that the tree builds.`,
    why: 'A change to it changes nothing that runs, so there is nothing to patch; the kernel configuration may leave it out.',
    fix: 'Check that the tree is the one of the running module, and that the variables its Makefile wants are given with --make-arg.',
    details: [
      ...(details.modules.length === 0 ? [] : [`modules: ${details.modules.join(', ')}`]),
      ...details.rules,
      `log: ${details.log}`,
    ],
  }),
  'source-not-compiled': (details: { source: string; log: string }) => ({
    what: `kbuild made no object of ${details.source}.`,
    why: 'make ended without an error, but the compiler was not called for it, so that nothing can be compared.',
    fix: 'Look into the log for what make did in its place; the source may be one that others include.',
    details: [`log: ${details.log}`],
  }),
  'kernel-prepare-failed': (details: { release: string; goal: string; lastLines: readonly string[]; log: string }) => ({
    exitStatus: 2,
    what: `The source of kernel ${details.release} could not be prepared: make ${details.goal} failed.`,
    why: 'Before single objects can be compiled, kbuild makes headers and the programs that it needs itself.',
    fix: 'Most often a program or a library is missing that builds of kernels need (Debian, Ubuntu: apt-get install flex bison bc libelf-dev libssl-dev).',
    details: [...details.lastLines, `log: ${details.log}`],
  }),
  'source-not-in-kernel': (details: { source: string; release: string }) => ({
    what: `${details.source} is in no object that kernel ${details.release} was built with.`,
    why: 'Its configuration leaves the file out, and no file that it was built from includes it, so that there is nothing to patch.',
    fix: 'Check that the patch is for this kernel, whose configuration is /boot/config-RELEASE. A new file has to be listed by the makefile of its folder.',
  }),
  'source-left-out': (details: { source: string; release: string }) => ({
    severity: 'warning' as const,
    what: `${details.source} is in no object that kernel ${details.release} was built with; what the patch changes there is left aside.`,
    why: 'Its configuration leaves the file out, and no file that it was built from includes it.',
    fix: 'Check that the rest of the patch is what this kernel needs.',
  }),
  'source-name-not-plain': (details: { source: string }) => ({
    what: `${details.source} cannot be compiled under this name.`,
    why: 'make and the shells that it starts would read a part of it as a command, an option or several names.',
    fix: 'Rename the file in the patch: letters, digits, and the signs . , _ + @ and -, but no - at the start.',
  }),
  'too-many-objects': (details: { files: readonly string[]; count: number; limit: number }) => ({
    what: `${details.count} objects would have to be compiled, and ${details.limit} are allowed.`,
    why: 'So many sources include what the patch changes, or are built by a makefile that it changes. Each is preprocessed on both sides, and compiled where that differs.',
    fix: `To do that all the same: --max-objects ${details.count}. Better, change the sources that need it and leave the header alone.`,
    details: details.files,
  }),
  'kernel-makefiles-unreadable': (details: { tree: string; lastLines: readonly string[] }) => ({
    what: `The makefiles of ${details.tree} do not say what they build.`,
    why: 'kbuild was asked to evaluate them, and make ended with an error.',
    fix: 'Check that the source builds by itself (make modules_prepare), and report the messages below if it does.',
    details: details.lastLines,
  }),
  'object-compiled-per-module': (details: { object: string; modules: readonly string[] }) => ({
    severity: 'warning' as const,
    what: `${details.object} is compiled once for each of ${details.modules.join(', ')}`,
    why:
      'Makefiles of several folders list it. Each time it gets another KBUILD_MODNAME and overwrites the one before. The ' +
      'livepatch takes the last for all of them, so that messages of changed functions may begin with another module’s name.',
    fix: 'Check the messages of the changed functions. With a makefile of its own, or as one object of one folder, it is compiled once.',
  }),
  'compile-failed': (details: { side: Side; errors: readonly string[]; log: string }) => ({
    what: `The ${sideName[details.side]} source does not compile.`,
    why:
      details.side === 'original'
        ? 'Without the patch it does not compile against this kernel either: the tree, the kernel or a make variable is not the right one.'
        : 'It compiled before the patch was applied.',
    fix:
      details.side === 'original'
        ? 'Check that an ordinary build works, and give the variables that it needs with --make-arg or oot.make.'
        : 'Correct the patch.',
    details: [...details.errors, `log: ${details.log}`],
  }),
  'modpost-failed': (details: { side: Side; findings: readonly string[]; log: string }) => ({
    what: `The modules of the ${sideName[details.side]} tree cannot be linked.`,
    why: 'Their objects compile, but use symbols that neither the kernel nor the tree gives them, or break another rule of modpost.',
    fix: 'Where another package exports the symbols, name its Module.symvers with --extra-symvers FILE.',
    details: [...details.findings, `log: ${details.log}`],
  }),
  'make-failed': (details: {
    side: Side;
    program: string;
    directory: string;
    lastLines: readonly string[];
    log: string;
  }) => ({
    what: `${details.program} failed in the ${sideName[details.side]} tree.`,
    why: 'Its last lines, below, should tell the cause.',
    fix: 'Check that an ordinary build of the tree works, and give the variables that it needs with --make-arg or oot.make.',
    details: [...details.lastLines, `ran in: ${details.directory}`, `log: ${details.log}`],
  }),
  'no-modules-built': (details: { tree: string; chosenBy: string; expected: readonly string[]; log: string }) => ({
    what: 'The build succeeded, but no module came out of it.',
    why: `The tree was built by ${details.chosenBy}. Often a Makefile builds nothing as long as a variable is not set, or its modules lie in a subdirectory.`,
    fix: 'Give the variables with --make-arg, or say with oot.make in kpatch.config.json in which folder and how the tree is built.',
    details: [...details.expected.map((module) => `expected: ${module}.ko`), `log: ${details.log}`],
  }),
  'built-for-other-kernel': (details: { module: string; found: string; release: string; chosenBy: string }) => ({
    what: `The tree's build made ${details.module} for kernel ${details.found || 'unknown'}, not for ${details.release}.`,
    why: `The tree was built by ${details.chosenBy}, and its Makefile chooses a kernel by itself, often the running one.`,
    fix: 'Tell the Makefile the build tree in its own way, for example with oot.make: ["make", "KDIR={build}"].',
  }),
  'section-flags-lost': (details: { objects: readonly string[] }) => ({
    what: 'Objects were compiled without a section for each function.',
    why: 'The Makefile does not use the compiler that make is told (CC=), or removes -ffunction-sections, so functions cannot be taken out of the objects.',
    fix: 'Let the Makefile call $(CC), and do not override CC in it.',
    details: details.objects,
  }),
  'objtool-whole-modules-only': (details: { release: string; folder: string }) => ({
    what: `The build system of kernel ${details.release} gives objtool whole modules only.`,
    why:
      'The kernel is built for indirect branch tracking (IBT) or with link time optimisation. The makefiles in ' +
      `${details.folder} do not know delay-objtool, by which each object could get its own pass, and without that pass ` +
      'functions in a livepatch have neither unwinding data nor return sites.',
    fix: 'Livepatch a newer kernel: Linux 5.19 and its successors have the variable.',
  }),
  'livepatch-undefined-symbols': (details: { symbols: readonly string[]; log: string }) => ({
    what: 'The livepatch uses symbols that nothing defines.',
    why: 'Neither the kernel, nor the target modules, nor the patch itself has them, so the livepatch could not be loaded.',
    fix: 'Check the names in the patch. Where another package exports them, name its Module.symvers with --extra-symvers FILE.',
    details: [...details.symbols, `log: ${details.log}`],
  }),
  'livepatch-link-failed': (details: { lastLines: readonly string[]; log: string }) => ({
    what: 'The livepatch module could not be built by the kernel build system.',
    why: 'Its last lines, below, should tell the cause.',
    fix: 'Check that an ordinary module builds against these headers. If it does, report this with the log.',
    details: [...details.lastLines, `log: ${details.log}`],
  }),
} satisfies Record<string, (details: never) => Wording>;
