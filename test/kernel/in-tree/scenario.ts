/** What a scenario of a patch to the kernel's own source says: the edits, what the build must tell, what a guest must show. */
import type { KernelSeries } from '../requirements.js';
import type { LiveScenario, StoppedScenario } from '../scenario.js';
import type { Edit } from './edits.js';

type Step = LiveScenario['before'][number];
type Objects = LiveScenario['build']['objects'];
type SomeObjects = readonly (Partial<Objects[number]> & Pick<Objects[number], 'object'>)[];

/** A patch whose effect is seen. Steps must show the same again when the livepatch is loaded a second time. */
export interface InTreeScenario {
  readonly name: string;
  readonly title: string;
  readonly edits: readonly Edit[];
  /** What the build must say; where nothing else is said, of vmlinux. */
  readonly objects: SomeObjects;
  /** The same source, split into other functions or objects for this kernel. */
  readonly objectsOn?: Partial<Readonly<Record<KernelSeries, SomeObjects>>>;
  /** Only there. */
  readonly onlyOn?: readonly KernelSeries[];
  /** Static locals of which the livepatch brings no copy. */
  readonly keptData?: readonly string[];
  readonly warnings?: readonly string[];
  /** Once, when the guest has come up. */
  readonly prepare?: readonly string[];
  readonly before: readonly Step[];
  readonly enabled: readonly Step[];
  /** Absent: as before. */
  readonly disabled?: readonly Step[];
}

/** A patch that gives no livepatch. */
export interface StoppedInTree {
  readonly name: string;
  readonly title: string;
  readonly edits: readonly Edit[];
  readonly build: StoppedScenario['build'];
  /** What the finding must name: functions, symbols, packages. */
  readonly told?: readonly string[];
  readonly onlyOn?: readonly KernelSeries[];
  /** For the build. */
  readonly options?: readonly string[];
  /** Where the kernel's symbols have to be from; absent: from the best that the machine has. */
  readonly symbols?: 'boot image';
  /** How its bundle fails again, where that is not by comparing the objects once more. */
  readonly replayed?: { readonly step: string; readonly way: string };
}

/** A command that must succeed and print these lines. */
export const step = (run: string, ...output: string[]): Step => ({ run, output, status: 0 });

/** How many more lines with `text` the kernel logs while `run` does its work. */
export const logged = (text: string, run: string, count: number) =>
  step(`n=$(dmesg | grep -c '${text}'); ${run}; echo $(($(dmesg | grep -c '${text}') - n))`, String(count));
