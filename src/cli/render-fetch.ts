/** Lays out what `kptool kernel fetch` will download, and what came of it. */
import type { FetchReport } from '../pipeline/fetch-source.js';
import { quoteForShell } from './shell-quote.js';
import type { Look } from './terminal.js';
import { visible } from './wrap.js';

/** As apt says sizes: a megabyte has 1,000,000 bytes. */
export const inMegabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;

/** What is to be decided on: the package, its size, where it comes from and where it will lie. */
export function renderPlan(plan: FetchReport, look: Look): string {
  const { kernel, saidBy, url, bytes, file } = plan;
  const size = bytes === 0 ? 'in the cache already, for another kernel' : `${inMegabytes(bytes)} to download`;
  return [
    `${look.paint('heading', visible(`${plan.package} ${plan.version}`))}, ${size}`,
    `  for kernel ${visible(kernel.release)}, chosen by ${visible(kernel.chosenBy)}`,
    `  version by ${visible(saidBy)}`,
    ...(bytes === 0 ? [] : [`  from ${visible(url)}`]),
    `  to ${visible(file)}`,
    '',
  ].join('\n');
}

export function renderFetched(report: FetchReport, look: Look): string {
  const { state, kernel, file } = report;
  if (state === 'planned') return `${renderPlan(report, look)}nothing was downloaded\n`;
  const name = visible(`${report.package} ${report.version}`);
  const word = state === 'present' ? 'is there already' : 'fetched';
  return [
    `${look.paint('success', word)}: ${name}, ${visible(file)}`,
    `  for kernel ${visible(kernel.release)}; builds for it take it from there:`,
    `  kptool build --kernel ${quoteForShell(kernel.release)} FILE.patch`,
    '',
  ].join('\n');
}
