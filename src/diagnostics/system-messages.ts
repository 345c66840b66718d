/** Wording of the findings of `system`: programs, files and work folders of the machine kptool runs on. */
import type { Wording } from './diagnostic.js';

export const systemMessages = {
  'program-missing': (details: { program: string; install: string | undefined }) => ({
    install: details.install,
    exitStatus: 2,
    what: `The program ${details.program} is not installed, or not in PATH.`,
    why: 'kptool leaves this part of the work to it.',
    fix:
      details.install === undefined
        ? `Install ${details.program}, or add its folder to PATH.`
        : `Install it (${details.install}), or add its folder to PATH.`,
  }),
  'program-cannot-run': (details: { program: string; reason: string }) => ({
    exitStatus: 2,
    what: `The program ${details.program} could not be started: ${details.reason}.`,
    why: 'The system refused to run it, so its part of the work was not done.',
    fix: 'Check that the file is a program for this machine and that its permissions allow running it.',
  }),
  'program-killed': (details: { program: string; signal: string; lastLines: readonly string[] }) => ({
    exitStatus: 2,
    what: `The program ${details.program} was ended by the signal ${details.signal}.`,
    why: 'Somebody else ended it, so its work is incomplete. SIGKILL often means that the machine ran out of memory.',
    fix: 'Look at the kernel log (dmesg) for the reason, then run again; fewer --jobs need less memory.',
    details: details.lastLines,
  }),
  'program-timeout': (details: { program: string; seconds: number; lastLines: readonly string[] }) => ({
    exitStatus: 2,
    what: `The program ${details.program} was still running after ${details.seconds} seconds and has been ended.`,
    why: 'It should have been done long before; it probably waits for something that does not come.',
    fix: 'See the last lines of its output, remove the cause, and run again.',
    details: details.lastLines,
  }),
  interrupted: (details: { during: string }) => ({
    exitStatus: 2,
    what: `Interrupted during ${details.during}.`,
    why: 'The run was asked to stop; the programs it had started have been ended.',
    fix: 'Run the same command again. Nothing needs repair.',
  }),
  'input-missing': (details: { path: string }) => ({
    exitStatus: 2,
    what: `${details.path} does not exist.`,
    why: 'It was named as input.',
    fix: 'Check the spelling and the folder that the path starts from.',
  }),
  'input-is-directory': (details: { path: string }) => ({
    exitStatus: 2,
    what: `${details.path} is a folder, not a file.`,
    why: 'A file is needed here.',
    fix: 'Name the file in it.',
  }),
  'input-unreadable': (details: { path: string; reason: string }) => ({
    exitStatus: 2,
    what: `${details.path} cannot be read: ${details.reason}.`,
    why: 'It is needed as input.',
    fix: 'Check its permissions, that it is an ordinary file or folder, and the disk it lies on.',
  }),
  'input-tree-overlaps': (details: { source: string; destination: string }) => ({
    exitStatus: 2,
    what: `${details.source} lies in the folder that it should be copied to, ${details.destination}.`,
    why: 'The copy is private to a build; the tree would be copied over itself.',
    fix: 'Move the tree out of that folder, or choose another cache folder.',
  }),
  'input-link-too-large': (details: { link: string; target: string; limit: string }) => ({
    what: `The symbolic link ${details.link} leads out of the tree, to ${details.target}, which holds more than ${details.limit}.`,
    why: 'kptool builds in a private copy. What such a link leads to is copied, so that nothing is written through it.',
    fix: 'Remove the link where the build does not need it, or let it lead to the folder that is needed.',
  }),
  'output-unwritable': (details: { path: string; reason: string }) => ({
    exitStatus: 2,
    what: `${details.path} cannot be written: ${details.reason}.`,
    why: 'The result belongs there. What lay there before is unchanged.',
    fix: 'Check that the folder exists and that you may write to it, or choose another one.',
  }),
  'output-not-empty': (details: { path: string }) => ({
    exitStatus: 2,
    what: `${details.path} is not empty.`,
    why: 'Only a new or an empty folder is unpacked into, so that nothing is overwritten.',
    fix: 'Name another folder.',
  }),
  'disk-full': (details: { path: string; reason: string }) => ({
    exitStatus: 2,
    what: `No space is left for ${details.path}: ${details.reason}.`,
    why: 'The file could not be written whole.',
    fix: 'Free some space (df shows how much there is), or choose a folder on another disk.',
  }),
  'work-folder-unwritable': (details: { path: string; reason: string }) => ({
    exitStatus: 2,
    what: `No work folder can be kept in ${details.path}: ${details.reason}.`,
    why: 'A build works in a private copy, never in your tree, and needs a folder for it.',
    fix: 'Choose a cache folder that you may write to, for example by setting XDG_CACHE_HOME.',
  }),
  'archive-unsafe': (details: { file: string; reason: string }) => ({
    exitStatus: 2,
    what: `${details.file} is refused: ${details.reason}.`,
    why: 'A bundle holds ordinary files in folders of its own, as kptool packs them. What is different may be meant to do harm.',
    fix: 'Do not unpack it with anything else either; ask whoever gave it to you for a bundle that kptool has written.',
  }),
  'archive-damaged': (details: { file: string; reason: string }) => ({
    exitStatus: 2,
    what: `${details.file} is not a whole bundle: ${details.reason}.`,
    why: 'A bundle is a .tar.gz file that kptool has written.',
    fix: 'Check that it is the right file and that it has been copied to its end.',
  }),
  'work-folder-in-use': (details: { path: string }) => ({
    exitStatus: 2,
    what: `Another run of kptool works in ${details.path}.`,
    why: 'Two builds in one folder would overwrite each other.',
    fix: 'Wait until it has ended, or build anew without --from.',
  }),
} satisfies Record<string, (details: never) => Wording>;
