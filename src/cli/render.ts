/** Lays findings and results out for people to read. It returns text; `run.ts` prints it. */
import { basename } from 'node:path';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type {
  BuildOutcome,
  BuildReport,
  LookupDecision,
  ObjectReport,
  UnchangedObjectReport,
  VerificationReport,
} from '../pipeline/options.js';
import type { ObjectLookups } from '../pipeline/refused-lookups.js';
import type { JsonDiagnostic } from './json.js';
import { renderCheck } from './render-check.js';
import { renderModule } from './render-module.js';
import { quoteForShell } from './shell-quote.js';
import type { Look } from './terminal.js';
import { visible, wrap } from './wrap.js';

/**
 * One finding, with a line end after it:
 *
 *     error: agent.c: the patch changes an initial value   [data-changed]
 *       why  Data that is in memory keeps its value.
 *       do   Set it in a callback.
 *       at   agent.o: .data.limit
 */
export function renderDiagnostic(diagnostic: Omit<Diagnostic, 'exitStatus'> | JsonDiagnostic, look: Look): string {
  const head = `${diagnostic.severity}: `;
  const what = wrap(visible(diagnostic.what), look.columns, head.length, 2);
  const code = look.paint('quiet', `[${diagnostic.code}]`);
  const lines = what.map((line, index) => (index === 0 ? look.paint(diagnostic.severity, head) : '  ') + line);
  const last = lines.pop() ?? '';
  const lastLength = (what.at(-1) ?? '').length + (what.length === 1 ? head.length : 2);
  if (look.columns !== undefined && lastLength + 5 + diagnostic.code.length > look.columns)
    lines.push(last, `  ${code}`);
  else lines.push(`${last}   ${code}`);
  lines.push(...labelled('why', [diagnostic.why], look), ...labelled('do', [diagnostic.fix], look));
  lines.push(...labelled('at', diagnostic.details, { ...look, columns: undefined }));
  if (typeof diagnostic.page === 'string') lines.push(...labelled('see', [diagnostic.page], look));
  return `${lines.join('\n')}\n`;
}

/** A label in its column and paragraphs beside it; nothing for no text. */
function labelled(label: string, paragraphs: readonly string[], look: Look): string[] {
  const margin = 7;
  const lines = paragraphs
    .filter((paragraph) => paragraph !== '')
    .flatMap((paragraph) => wrap(visible(paragraph), look.columns, margin, margin));
  return lines.map((line, index) =>
    index === 0 ? `  ${look.paint('heading', label.padEnd(margin - 2))}${line}` : `${' '.repeat(margin)}${line}`,
  );
}

/** Where the intermediate files of a failed build lie. */
export function renderWorkFolder(folder: string | undefined, look: Look): string {
  return folder === undefined ? '' : `${look.paint('quiet', 'files of this build:')} ${visible(folder)}\n`;
}

/** What a failed build leaves for those who are asked for help, and how they use it. */
export function renderBundle(bundle: string | undefined, look: Look): string {
  if (bundle === undefined) return '';
  const label = (text: string) => look.paint('quiet', text);
  return [
    `${label('to report it, attach:')} ${visible(bundle)}\n`,
    `${label('to replay it anywhere:')} kptool reproduce ${visible(quoteForShell(basename(bundle)))}\n`,
  ].join('');
}

/** What came of the build. */
export function renderOutcome(outcome: BuildOutcome, look: Look): string {
  if (outcome.kind === 'checked') return renderCheck(outcome.report, look);
  if (outcome.kind === 'unchanged') {
    const { unchangedObjects, workFolder } = outcome.report;
    return [
      'No functional change: the patch changes nothing that runs, so no livepatch was made.',
      ...unchangedObjects.flatMap((object) => renderUnchanged(object, look)),
      renderWorkFolder(workFolder, look),
    ].join('\n');
  }
  return renderBuilt(outcome.file, outcome.report, look);
}

function renderBuilt(file: string, report: BuildReport, look: Look): string {
  const patched = new Set(report.objects.map((object) => object.module));
  // The kernel knows a module, and its folder in sysfs, by its name with every dash turned into an underscore.
  const loaded = report.name.replaceAll('-', '_');
  const transition = `cat /sys/kernel/livepatch/${loaded}/transition`;
  return [
    `${look.paint('success', 'built')} ${visible(file)}`,
    `  for kernel ${visible(report.kernel.release)}, chosen by ${visible(report.kernel.chosenBy)}`,
    ...report.modules.flatMap((module) => [
      renderModule(patched.has(module.name) ? 'patches' : 'uses', module),
      ...renderVerification(module, look),
    ]),
    '',
    ...report.objects.flatMap((object) => renderObject(object, look)),
    ...report.unchangedObjects.flatMap((object) => renderUnchanged(object, look)),
    '',
    look.paint('heading', 'To use it, as root on that machine:'),
    `  insmod ${quoteForShell(file)}`,
    `  ${transition}   ${look.paint('quiet', '# 0 when every task runs the new code')}`,
    '',
    look.paint('heading', 'To go back to the old code:'),
    `  echo 0 > /sys/kernel/livepatch/${loaded}/enabled`,
    `  ${`rmmod ${loaded}`.padEnd(transition.length)}   ${look.paint('quiet', '# when its folder in /sys is gone')}`,
    ...(report.workFolder === undefined ? [] : ['', renderWorkFolder(report.workFolder, look).trimEnd()]),
    '',
  ].join('\n');
}

const VERDICTS: Readonly<Record<VerificationReport['verdict'], string>> = {
  same: 'built from this source with this compiler',
  'same but for names': 'built from this source with this compiler, but for names that never matter',
  'other compiler': 'built with another compiler',
  'other configuration': 'built with another configuration or other options',
  'other source': 'built from another source',
};

/** Whether the module was built from this source, as far as it was compared. */
function renderVerification({ verification }: BuildReport['modules'][number], look: Look): string[] {
  if (verification === undefined) return [];
  const text = `${VERDICTS[verification.verdict]}: ${verification.evidence.join('; ')}`;
  return [`    ${wrap(visible(text), look.columns, 4, 6).join(`\n${' '.repeat(6)}`)}`];
}

/** What had been decided when the build was refused, as a build that came out tells it. */
export function renderLookups(objects: readonly ObjectLookups[], look: Look): string {
  return objects
    .flatMap((object) => [renderObjectName(object, look), ...object.lookups.map((one) => `  ${renderLookup(one)}`)])
    .map((line) => `${line}\n`)
    .join('');
}

function renderObjectName({ object, module }: Pick<ObjectReport, 'object' | 'module'>, look: Look): string {
  return `${look.paint('heading', visible(object))} in ${visible(module)}`;
}

function renderObject(object: ObjectReport, look: Look): string[] {
  const lines = [renderObjectName(object, look)];
  const lists = [
    ['changed functions', object.changedFunctions],
    ['new functions', object.newFunctions],
    ['new data', object.newData],
    ['callbacks', object.callbacks.map((callback) => `${callback.kind} ${callback.function}`)],
  ] as const;
  for (const [label, names] of lists) {
    if (names.length === 0) continue;
    const margin = 21;
    const wrapped = wrap(visible(names.join(', ')), look.columns, margin, margin);
    lines.push(`  ${label.padEnd(margin - 2)}${wrapped.join(`\n${' '.repeat(margin)}`)}`);
  }
  return [...lines, ...renderChanges(object, look), ...object.lookups.map((decision) => `  ${renderLookup(decision)}`)];
}

/**
 * `symbol helper is ib_cm:helper,2 by rule 4 (local, told from its namesakes by …): the cm.c that fits best of 2`. A global
 * symbol that the target lacks stops no build: another object of the livepatch may define it.
 */
export function renderLookup({ symbol, scope, outcome, target, level, rule, evidence }: LookupDecision): string {
  const reason = evidence === undefined ? '' : `: ${evidence}`;
  if (target === undefined) {
    const elsewhere = scope === 'global' ? ', left to the link of the livepatch' : '';
    return visible(`symbol ${symbol} is ${outcome} in the target${elsewhere}${reason}`);
  }
  const position = target.sympos === 0 ? '' : `,${target.sympos}`;
  return visible(`symbol ${symbol} is ${target.object}:${target.name}${position} by rule ${level} (${rule})${reason}`);
}

/**
 *     why show changed: inlined callee helper, see show+0x23
 *       before  call helper
 *       after   mov $0x1,%eax
 */
function renderChanges({ changes, unchangedByLine }: ObjectReport, look: Look): string[] {
  const lines = changes.flatMap((change) => {
    const reason = change.about === undefined ? change.reason : `${change.reason} ${change.about}`;
    const place = change.place === undefined ? '' : `, see ${change.place}`;
    const head = `  ${look.paint('heading', 'why')} ${visible(`${change.function} changed: ${reason}${place}`)}`;
    if (change.place === undefined) return [head];
    const [before, after] = [change.original, change.patched].map((text) => visible(text ?? '(the code ends here)'));
    return [head, `    before  ${before}`, `    after   ${after}`];
  });
  return [...lines, ...renderMovedLines(unchangedByLine, look)];
}

function renderMovedLines(unchangedByLine: ObjectReport['unchangedByLine'], look: Look): string[] {
  if (unchangedByLine.length === 0) return [];
  const names = unchangedByLine.map((change) => change.function).join(', ');
  const label = '  unchanged but for line numbers: ';
  return [label + wrap(visible(names), look.columns, label.length, 4).join(`\n${' '.repeat(4)}`)];
}

/** An object that was compared and found to do the same; told to who asks for explanations. */
function renderUnchanged({ object, module, unchangedByLine }: UnchangedObjectReport, look: Look): string[] {
  const head = `${look.paint('heading', visible(object))} in ${visible(module)}: no function changed`;
  return [head, ...renderMovedLines(unchangedByLine, look)];
}
