/** `kptool inspect`: reads a livepatch module or a diffed object and says what is in it. */
import { selectArch } from '../arch/arch.js';
import { knownArchs } from '../arch/known.js';
import { fail } from '../diagnostics/catalogue.js';
import { readElf } from '../elf/read.js';
import { type InspectReport, inspectObject, renderInspectReport } from '../livepatch/inspect.js';
import { readInput } from '../system/files.js';

export interface Inspected {
  readonly report: InspectReport;
  /** The report as plain lines. */
  readonly lines: readonly string[];
}

/** What is in the file at `path` (absolute). Throws what reading the file, its ELF and its intermediate sections throw. */
export async function inspectFile(path: string): Promise<Inspected> {
  const object = readElf(await readInput(path), path);
  const arch = selectArch(object.format, knownArchs);
  if (arch === undefined) fail('elf-machine-unsupported', { fileName: path, machine: object.format.machine });
  const report = inspectObject(object, arch.absolute64);
  return { report, lines: renderInspectReport(report) };
}
