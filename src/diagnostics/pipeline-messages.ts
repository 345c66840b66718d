/** Wording of the findings of `pipeline`: what the stages together make impossible or doubtful. */
import type { Wording } from './diagnostic.js';
import { shortened } from './name-lists.js';

export const pipelineMessages = {
  'target-module-missing': (details: { module: string; release: string }) => ({
    what: `The module ${details.module}, which the patch changes, was found nowhere`,
    why: 'Which of its symbols the livepatch means is read from the module as it runs.',
    fix: `Name the module's file with --module, or install it below /lib/modules/${details.release}.`,
  }),
  'entry-size-invalid': (details: { name: string; value: string }) => ({
    exitStatus: 2 as const,
    what: `${details.name}=${details.value} in the environment is no size`,
    why: 'It tells how many bytes an entry of a special section of the target kernel has.',
    fix: 'Set it to a number of bytes from 1 to 9999, or leave it out.',
  }),
  'module-not-used': (details: {
    file: string;
    name: string;
    patched: readonly {
      readonly name: string;
      readonly chosenBy: string;
      readonly wasSeen: boolean;
      readonly file: string;
    }[];
  }) => ({
    severity: 'warning' as const,
    what: `${details.file}, given with --module, was not needed: it is ${details.name}`,
    why: `The patch changes ${details.patched.map(describePatched).join(', ')}.`,
    fix: 'Check that the right file was given. A module is known by the name in it, whatever the file is called.',
  }),
  'target-not-seen': (details: { module: string; release: string }) => ({
    severity: 'warning' as const,
    what: `The module ${details.module} as it runs was not seen`,
    why: `It is not installed for ${details.release} and lies in no place that kptool was told; the livepatch is made for a module built from the unpatched source just now.`,
    fix: 'If the running module was built from other sources or with another compiler, name its file with --module.',
  }),
  'sealed-address-taken': (details: { functionName: string; object: string; users: readonly string[] }) => ({
    what: `The livepatch takes the address of ${details.functionName}, which ${details.object} allows only to be called directly`,
    why:
      'Nothing took its address when the target was built, so the kernel has removed the mark (ENDBR) on which indirect ' +
      'calls must land. On a CPU with indirect branch tracking a call through this pointer would stop the task.',
    fix: `Let the patch add a function that calls ${details.functionName}, and take the address of that one.`,
    details: shortened(details.users.map((user) => `address taken at ${user}`)),
  }),
  'seals-unknown': (details: { object: string; functions: readonly string[] }) => ({
    severity: 'warning' as const,
    what: `Whether ${details.functions.join(', ')} of ${details.object} may be called through a pointer is not known`,
    why:
      'The livepatch takes the address. This kernel tracks indirect branches, and which functions it has closed to them ' +
      `is told by ${details.object === 'vmlinux' ? 'its boot image or its debug file, and neither was found' : 'the module as it runs, which was not seen'}.`,
    fix:
      details.object === 'vmlinux'
        ? 'Install the image of the target kernel on this machine, or let the patch take only addresses of functions that it adds.'
        : "Name the module's file with --module, or let the patch take only addresses of functions that it adds.",
  }),
  'extra-symvers-missing': (details: { file: string; namedBy: string }) => ({
    exitStatus: 2 as const,
    what: `${details.file} is not there`,
    why: `It is named by ${details.namedBy}, and should say what the modules of another tree export to this one.`,
    fix: 'Build the other tree, whose Module.symvers comes out of it, or correct the path.',
  }),
  'extra-symvers-conflict': (details: {
    conflicts: readonly { readonly symbol: string; readonly first: string; readonly other: string }[];
  }) => ({
    severity: 'warning' as const,
    what: `Other trees export ${details.conflicts.length === 1 ? 'a symbol' : `${details.conflicts.length} symbols`} twice: by two modules, or with two checksums`,
    why: 'Only one of them can be loaded. The first one in the order of the files is taken.',
    fix: 'Name only the Module.symvers files that belong to the modules that run, or those first.',
    details: shortened(details.conflicts.map(({ symbol, first, other }) => `${symbol}: by ${first}, not ${other}`)),
  }),
  'bundle-malformed': (details: { file: string; reason: string }) => ({
    exitStatus: 2 as const,
    what: `${details.file} is no bundle of kptool: ${details.reason}`,
    why: 'A bundle has a manifest.json, which names the other files in it and their hashes.',
    fix: 'Check that it is the right file, and as kptool wrote it.',
  }),
  'bundle-too-new': (details: { file: string; schema: string }) => ({
    exitStatus: 2 as const,
    what: `${details.file} has the form ${details.schema}, which this version of kptool does not know`,
    why: 'A newer version of kptool wrote it.',
    fix: 'Install that version; `tar -xOf FILE manifest.json` shows which one it was.',
  }),
  'bundle-step-missing': (details: { file: string; step: string; failedStep: string }) => ({
    exitStatus: 2 as const,
    what: `The step "${details.step}" cannot be done again from ${details.file}`,
    why:
      details.step === details.failedStep
        ? 'The bundle has nothing that the step could be done again from, not even what it was told by.'
        : `The build failed in the step "${details.failedStep}", and the bundle holds what that one and those before it need. To compile again, it has to be written with --bundle-full.`,
    fix: 'Name another step, or look at the files: --into DIR unpacks them.',
  }),
  'bundle-none-known': (details: { cache: string }) => ({
    exitStatus: 2 as const,
    what: 'No bundle of an earlier failure is known',
    why: `--last looks in the working directory, and in ${details.cache}, where a failed build notes the bundle that it leaves.`,
    fix: 'Name the bundle, a file kptool-failure-….tar.gz.',
  }),
  'bundle-unwritable': (details: { reason: string }) => ({
    severity: 'warning' as const,
    exitStatus: 2 as const,
    what: 'No bundle could be written of this failure',
    why: details.reason,
    fix: 'Name a folder for it with --bundle. The files of the build are in the work folder all the same.',
  }),
  'resume-nothing-found': (details: { name: string; from: string; root: string; tree: string }) => ({
    exitStatus: 2 as const,
    what: `No earlier build of ${details.name} from ${details.tree} is left to go on with`,
    why: `--from ${details.from} takes what the steps before have made, and ${details.root} has no folder with it that nobody works in. A build that succeeds leaves its folder only with --keep.`,
    fix: 'Build once without --from.',
  }),
  'resume-step-missing': (details: { step: string; from: string; folder: string }) => ({
    exitStatus: 2 as const,
    what: `The step "${details.step}" has not come to its end in ${details.folder}`,
    why: `--from ${details.from} takes its result, and there is none that this version of kptool can read.`,
    fix: `Go on from an earlier step, or build without --from.`,
  }),
  'resume-input-changed': (details: { step: string; from: string; changed: readonly string[] }) => ({
    exitStatus: 2 as const,
    what: `What the step "${details.step}" was made from has changed since`,
    why: `--from ${details.from} would take a result that does not fit any more.`,
    fix:
      details.step === 'original'
        ? 'Build without --from.'
        : `Go on from this step (--from ${details.step}), or build without --from.`,
    details: shortened(details.changed),
  }),
} satisfies Record<string, (details: never) => Wording>;

function describePatched({
  name,
  chosenBy,
  wasSeen,
  file,
}: {
  name: string;
  chosenBy: string;
  wasSeen: boolean;
  file: string;
}) {
  return `${name}, which was ${wasSeen ? `found at ${file} (${chosenBy})` : chosenBy}`;
}
