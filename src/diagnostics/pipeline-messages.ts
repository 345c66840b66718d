/** Wording of the findings of `pipeline`: what the stages together make impossible or doubtful. */
import type { Wording } from './diagnostic.js';

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
  'target-not-seen': (details: { module: string; release: string }) => ({
    severity: 'warning' as const,
    what: `The module ${details.module} as it runs was not seen`,
    why: `It is not installed for ${details.release} and lies in no place that kptool was told; the livepatch is made for a module built from the unpatched source just now.`,
    fix: 'If the running module was built from other sources or with another compiler, name its file with --module.',
  }),
} satisfies Record<string, (details: never) => Wording>;
