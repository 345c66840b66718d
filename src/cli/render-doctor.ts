/** Lays out what `kptool doctor` found: one line a fact, which says what to type where something is missing. */
import type { DoctorReport } from '../pipeline/doctor.js';
import type { Fact } from '../pipeline/facts.js';
import type { Look, Paint } from './terminal.js';
import { visible } from './wrap.js';

const states: Readonly<Record<Fact['state'], { readonly word: string; readonly paint: Paint }>> = {
  found: { word: 'ok', paint: 'success' },
  note: { word: 'note', paint: 'warning' },
  absent: { word: 'absent', paint: 'quiet' },
  missing: { word: 'MISSING', paint: 'error' },
};

/** Ends in the answer: whether a build can be made here, and for which kernel. */
export function renderDoctor(report: DoctorReport, look: Look): string {
  const { machine, kernels, chosen } = report;
  const width = Math.max(
    ...[machine, ...kernels.map(({ facts }) => facts)].flat().map(({ subject }) => subject.length),
  );
  const section = (title: string, facts: readonly Fact[]) => [
    look.paint('heading', title),
    ...facts.map((fact) => renderFact(fact, width, look)),
    '',
  ];
  return [
    ...section('This machine', machine),
    ...kernels.flatMap(({ release, facts }) => {
      const note = release === chosen?.release ? `, chosen by ${chosen.chosenBy}` : '';
      return section(visible(`Kernel ${release}${note}`), facts);
    }),
    `${conclusion(report, look)}\n`,
  ].join('\n');
}

/** Not broken into lines: what is to be typed can be copied whole. */
export function renderFact({ subject, state, text, install, advice }: Fact, width: number, look: Look): string {
  const { word, paint } = states[state];
  const remedy = install ?? (state === 'found' ? undefined : advice);
  const shown = remedy === undefined ? text : `${text}: ${remedy}`;
  return `  ${look.paint(paint, word.padEnd(7))}  ${visible(subject).padEnd(width)}  ${visible(shown)}`;
}

function conclusion({ isReady, chosen, kernels, install }: DoctorReport, look: Look): string {
  if (!isReady) {
    const which = chosen === undefined ? '' : ` for kernel ${visible(chosen.release)}`;
    const head = `${look.paint('error', 'not ready')}: no livepatch can be built here${which} before what is MISSING is there`;
    return [head, ...install.map((command) => `  ${visible(command)}`)].join('\n');
  }
  const ready = kernels.filter((kernel) => kernel.isReady).map(({ release }) => visible(release));
  const which = chosen === undefined ? `${ready.join(' or ')}, as --kernel or a module says` : visible(chosen.release);
  return `${look.paint('success', 'ready')} to build livepatches for kernel ${which}`;
}
