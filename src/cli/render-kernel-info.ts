/** Lays out what `kptool kernel info` found: one line a fact, with where it comes from. */
import type { KernelInfo } from '../pipeline/kernel-info.js';
import { renderFact } from './render-doctor.js';
import type { Look } from './terminal.js';
import { visible } from './wrap.js';

/** A line a fact, in the form that doctor has for them. */
export function renderKernelInfo({ chosen, facts }: KernelInfo, look: Look): string {
  const width = Math.max(...facts.map(({ subject }) => subject.length));
  const lines = facts.map((fact) => {
    const { text, from } = fact;
    return renderFact({ ...fact, text: from === undefined ? text : `${text} (${from})` }, width, look);
  });
  return [look.paint('heading', visible(`Kernel ${chosen.release}`)), ...lines, ''].join('\n');
}
