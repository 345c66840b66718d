/** What a check says: for which target, and what a build would do. */
import type { CheckReport } from '../pipeline/options.js';
import type { Plan, PlannedCommand } from '../pipeline/plan.js';
import { renderModule } from './render-module.js';
import { quoteForShell } from './shell-quote.js';
import type { Look } from './terminal.js';
import { visible, wrap } from './wrap.js';

/** The answer of a check that found no error. */
export function renderCheck({ kernel, modules, touched, plan }: CheckReport, look: Look): string {
  return [
    `${look.paint('success', 'checked')} for kernel ${visible(kernel.release)}, chosen by ${visible(kernel.chosenBy)}; nothing was built`,
    ...modules.map((module) => renderModule('sees', module)),
    '',
    look.paint('heading', 'Files that the patches touch:'),
    ...touched.map((file) => `  ${visible(file)}`),
    ...renderObjects(plan, look),
    ...renderCommands(plan, look),
    `${look.paint('heading', 'The livepatch would be')} ${visible(plan.file)}`,
    '',
  ].join('\n');
}

function renderObjects({ objects, wholeTree }: Plan, look: Look): string[] {
  if (wholeTree !== undefined) {
    const lines = wrap(`${visible(wholeTree)}.`, look.columns, 2, 2);
    return [look.paint('heading', 'The whole tree would be compiled:'), ...lines.map((line) => `  ${line}`)];
  }
  return [
    look.paint('heading', 'Objects that would be compiled, before and after the patch:'),
    ...objects.map(({ object, source, because, modules }) => {
      const headers = because.filter((file) => file !== source);
      const reason = headers.length === 0 ? '' : `, for ${headers.join(', ')}`;
      const owners = modules.length === 0 ? '' : ` in ${modules.join(', ')}`;
      return `  ${visible(`${object}${owners}${reason}`)}`;
    }),
  ];
}

/** The work folder is long and in every command; `WORK` stands for it. */
function renderCommands({ commands, workFolder }: Plan, look: Look): string[] {
  const cached = commands.filter(({ isCached }) => isCached).length;
  return [
    look.paint('heading', `Commands that would run, with ${visible(workFolder)} for WORK:`),
    ...commands.filter(({ isCached }) => !isCached).flatMap((command) => renderCommand(command, workFolder, look)),
    `${cached} of ${commands.length} have their result in the cache`,
  ];
}

function renderCommand(
  { purpose, program, arguments: words }: PlannedCommand,
  workFolder: string,
  look: Look,
): string[] {
  const line = [program, ...words].map(quoteForShell).join(' ').replaceAll(workFolder, 'WORK');
  const text = wrap(visible(`${purpose}: ${line}`), look.columns, 2, 4);
  return text.map((part, index) => `${index === 0 ? '  ' : '    '}${part}`);
}
