/** Wording of the findings of `kernel`: what happened, why, what to do. */
import type { Wording } from './diagnostic.js';

/** What to type is `undefined` where it is not known for this machine's distribution. */
const typing = (install: string | undefined) => (install === undefined ? '' : ` (${install})`);

export const kernelMessages = {
  'kernel-ambiguous': (details: { running: string; installed: readonly string[] }) => ({
    exitStatus: 2,
    what: `${details.installed.length} kernels have their headers installed, and none was chosen.`,
    why: `A livepatch fits one kernel only. The one that runs here, ${details.running}, is not among them.`,
    fix: 'Choose with --kernel RELEASE, or give the module as it runs with --module FILE.ko.',
    details: details.installed,
  }),
  'kernel-headers-missing': (details: {
    release: string;
    chosenBy: string;
    directory: string;
    installed: readonly string[];
    install: string | undefined;
  }) => ({
    install: details.install,
    exitStatus: 2,
    what: `The headers of kernel ${details.release} are not installed: ${details.directory} is not there.`,
    why: `This kernel was chosen by ${details.chosenBy}, and its modules can be built only against its own headers.`,
    fix: `Install them${typing(details.install)}, or choose another kernel with --kernel.`,
    details: details.installed.map((release) => `installed: ${release}`),
  }),
  'kernel-headers-incomplete': (details: {
    release: string;
    buildDirectory: string;
    missing: readonly { readonly file: string; readonly package: string | undefined }[];
    install: string | undefined;
  }) => ({
    install: details.install,
    exitStatus: 2,
    what: `The build tree of kernel ${details.release}, ${details.buildDirectory}, is incomplete.`,
    why: 'Without these files no module can be built for this kernel.',
    fix: `Install the headers again${typing(details.install)}; in a source tree run make modules_prepare, and take Module.symvers from the kernel's build.`,
    details: details.missing.map(
      ({ file, package: owner }) => `missing: ${file}${owner === undefined ? '' : `, of the package ${owner}`}`,
    ),
  }),
  'kernel-headers-other-release': (details: {
    release: string;
    chosenBy: string;
    buildDirectory: string;
    found: string;
    install: string | undefined;
  }) => ({
    install: details.install,
    exitStatus: 2,
    what: `${details.buildDirectory} belongs to kernel ${details.found}, not to ${details.release}.`,
    why: `Kernel ${details.release} was chosen by ${details.chosenBy}. It refuses modules that were built for another release.`,
    fix: `Install the headers of ${details.release}${typing(details.install)}, or choose --kernel ${details.found}.`,
  }),
  'kernel-no-livepatch': (details: { release: string; buildDirectory: string; missing: readonly string[] }) => ({
    what: `Kernel ${details.release} was built without livepatching, as ${details.buildDirectory}/.config says.`,
    why: 'Such a kernel loads no livepatch at all.',
    fix: 'Choose a kernel that has CONFIG_LIVEPATCH=y and what it depends on, or boot one.',
    details: details.missing,
  }),
  'kernel-livepatch-too-old': (details: { release: string; header: string }) => ({
    what: `Kernel ${details.release} has livepatching without atomic replacement: struct klp_patch in ${details.header} has no member replace.`,
    why: 'Livepatches have been registered in another way before Linux 5.1, which kptool does not write.',
    fix: 'Choose a newer kernel, Linux 5.1 or one that has its livepatching.',
  }),
  'kernel-architecture-unknown': (details: { release: string; buildDirectory: string }) => ({
    what: `The configuration of kernel ${details.release}, ${details.buildDirectory}/.config, is for no architecture that kptool knows.`,
    why: 'Livepatches depend on the CPU: its relocations, and how its functions are traced.',
    fix: 'Choose the kernel of an architecture that livepatches: x86_64, aarch64, ppc64le, s390x or loongarch64.',
  }),
  'kernel-modules-disagree': (details: { modules: readonly { file: string; release: string }[] }) => ({
    what: 'The target modules were built for different kernels.',
    why: 'A livepatch fits one kernel only, so all modules must be those of one kernel.',
    fix: 'Give the modules of one kernel, as they lie in its /lib/modules folder.',
    details: details.modules.map(({ file, release }) => `${file}: ${release}`),
  }),
  'kernel-source-missing': (details: { release: string; series: string; folder: string }) => ({
    exitStatus: 2,
    what: `The source of kernel ${details.release} is not there: none was fetched, and ${details.folder} has no source package that fits it.`,
    why: 'Neither --oot nor --sourcedir names a source, so that the patches are taken to be for the kernel itself.',
    fix:
      `Fetch it (kptool kernel fetch --kernel ${details.release}), install it (Debian, Ubuntu: apt-get install ` +
      `linux-source-${details.series}), name it with --sourcedir DIR or --source-archive FILE, or name the source of ` +
      'out-of-tree modules with --oot DIR.',
  }),
  'kernel-source-unusable': (details: { path: string; reason: string }) => ({
    exitStatus: 2,
    what: `${details.path} is no source of a kernel: ${details.reason}.`,
    why: 'Objects can be compiled from a whole kernel source only.',
    fix: 'Name the top folder of the source with --sourcedir, or the archive that holds it with --source-archive.',
  }),
  'kernel-source-differs': (details: { source: string; found: string; expected: string; release: string }) => ({
    what: `${details.source} is the source of Linux ${details.found}, and kernel ${details.release} was built from ${details.expected}.`,
    why: 'Functions and structures change from one version to the next, so that the livepatch might not fit what runs.',
    fix: `Name the source of ${details.expected} with --sourcedir or --source-archive, or fetch it (kptool kernel fetch --kernel ${details.release}). To go on all the same: --skip-target-check.`,
  }),
  'kernel-symbols-missing': (details: { release: string; tried: readonly string[] }) => ({
    exitStatus: 2,
    what: `Nothing tells the symbols of kernel ${details.release}.`,
    why: 'A livepatch names functions of the kernel by their place in its symbol table.',
    fix: `Install the image of that kernel (Debian, Ubuntu: apt-get install linux-image-${details.release}), or name its vmlinux, System.map or boot image with --vmlinux FILE.`,
    details: details.tried.map((file) => `no symbols: ${file}`),
  }),
  'kernel-image-malformed': (details: { file: string; reason: string }) => ({
    what: `${details.file} is no kernel image that can be read: ${details.reason}.`,
    why: 'The symbols of the kernel are read from the image that boots, where no vmlinux with symbols is installed.',
    fix: 'Install the image package of that kernel again, or name its vmlinux or its System.map with --vmlinux FILE.',
  }),
  'module-malformed': (details: { file: string; reason: string }) => ({
    what: `${details.file} is not a usable kernel module: ${details.reason}.`,
    why: 'The target module says which kernel and which symbols the livepatch is for.',
    fix: 'Give the .ko as the kernel loads it, whole; copy it again where a copy was cut off.',
  }),
  'module-wrong-machine': (details: { file: string; found: string; release: string; expected: string }) => ({
    what: `${details.file} is a module for ${details.found}, but kernel ${details.release} is for ${details.expected}.`,
    why: 'The module cannot be the one that runs on this kernel.',
    fix: 'Give the module of the target kernel, or choose the kernel it belongs to with --kernel.',
  }),
  'module-other-kernel': (details: { file: string; found: string; release: string; chosenBy: string }) => ({
    what: `${details.file} was built for kernel ${details.found}, not for ${details.release}.`,
    why: `Kernel ${details.release} was chosen by ${details.chosenBy}. Its module of that name holds other code, and a livepatch made from this one may redirect the wrong function.`,
    fix: `Give the module of ${details.release}, or choose --kernel ${details.found}.`,
  }),
  'symvers-malformed': (details: { file: string; line: number; content: string }) => ({
    what: `${details.file}, line ${details.line} is not an entry of a Module.symvers: ${JSON.stringify(details.content.slice(0, 80))}.`,
    why: 'The file says which symbols modules may use. An entry has a checksum, a symbol, a module and an export type, separated by tabs.',
    fix: 'Install the kernel headers again, or build the file again with make modules.',
  }),
  'compiler-missing': (details: {
    program: string;
    /** What to type for it, where that is known. */
    install: string | undefined;
    release: string;
    versionText: string;
  }) => ({
    install: details.install,
    exitStatus: 2,
    what: `The compiler ${details.program} is not installed, or does not run.`,
    why: `Kernel ${details.release} was built with ${details.versionText || 'gcc'}, and the objects of a livepatch need the same compiler.`,
    fix:
      details.install === undefined
        ? 'Install it, or name the same compiler under another name with --make-arg CC=PROGRAM.'
        : `Install it (${details.install}), or name the same compiler with --make-arg CC=PROGRAM.`,
  }),
  'compiler-other-machine': (details: { program: string; machine: string; release: string; architecture: string }) => ({
    exitStatus: 2,
    what: `The compiler ${details.program} makes objects for ${details.machine}, and kernel ${details.release} is for ${details.architecture}.`,
    why: 'Nothing that it compiles could run there.',
    fix: 'Build on a machine of that CPU, or choose the kernel of this one with --kernel.',
  }),
  'compiler-differs': (details: {
    program: string;
    installed: string;
    target: string;
    built: string;
    install: string | undefined;
  }) => ({
    install: details.install,
    what: `The compiler ${details.program} is not the one that built ${details.target}.`,
    why: 'Another compiler inlines and splits functions differently, so a livepatch could leave old code running in places that the patch changes.',
    fix: `Install the compiler that built the target${typing(details.install)}, or name it with --make-arg CC=PROGRAM. --skip-compiler-check goes on at your own risk.`,
    details: [`built with: ${details.built}`, `installed:  ${details.installed}`],
  }),
  'compiler-revision-differs': (details: {
    program: string;
    installed: string;
    target: string;
    built: string;
    install: string | undefined;
  }) => ({
    install: details.install,
    severity: 'warning' as const,
    what: `The compiler ${details.program} has the version that built ${details.target}, in another revision of the distribution's.`,
    why: 'Revisions rarely change the code that is generated, but they may.',
    fix: `Where it matters, install the revision that built the target${typing(details.install)}.`,
    details: [`built with: ${details.built}`, `installed:  ${details.installed}`],
  }),
  'entry-size-probe-failed': (details: { release: string; buildDirectory: string; lastLines: readonly string[] }) => ({
    exitStatus: 2,
    what: `A small file does not compile against kernel ${details.release} in ${details.buildDirectory}.`,
    why: 'It tells how large the entries of special sections are, without which functions cannot be taken out of an object.',
    fix: 'Read what the compiler says, and check that an ordinary module builds against these headers.',
    details: details.lastLines,
  }),
} satisfies Record<string, (details: never) => Wording>;
